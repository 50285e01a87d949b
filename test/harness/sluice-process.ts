// The real command as a process: started, read, signalled, and ended by its id whatever the test does.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Conditions } from './deadline.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Starting takes a second where other tests run beside. */
const BOUND_MS = 30_000;

export interface SluiceProcessOptions {
  readonly nodeArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** How many files and sockets it may have open. */
  readonly maxDescriptors?: number;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

export class SluiceProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  output = '';
  errors = '';
  readonly #conditions = new Conditions();
  readonly #closed: Promise<unknown>;
  #isClosed = false;

  constructor(args: readonly string[], options: SluiceProcessOptions = {}) {
    const { nodeArguments = [], environment = {}, maxDescriptors } = options;
    const node = [process.execPath, ...nodeArguments, join(ROOT, 'bin/sluice.js'), ...args];
    // Becomes the program that it starts.
    const limiter = maxDescriptors === undefined ? [] : ['prlimit', `--nofile=${maxDescriptors}:${maxDescriptors}`];
    const [command = '', ...rest] = [...limiter, ...node];
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'));
    this.child = spawn(command, rest, {
      cwd: ROOT,
      env: { ...Object.fromEntries(inherited), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.#conditions.changed();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
      this.#conditions.changed();
    });
    this.#closed = once(this.child, 'close').then(() => {
      this.#isClosed = true;
      this.#conditions.changed();
    });
  }

  /** Waits until standard error holds it; gives the match. */
  async untilErrors(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#until(`${pattern} on standard error`, () => pattern.exec(this.errors));
  }

  /** Waits until standard output holds it; gives the match. */
  async untilOutput(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#until(`${pattern} on standard output`, () => pattern.exec(this.output));
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits for its end. */
  async ending(): Promise<Ending> {
    await this.#conditions
      .until('the process ends', () => this.#isClosed || undefined, BOUND_MS)
      .catch((error: unknown) => {
        throw new Error(`${(error as Error).message}\n${this.errors}`, { cause: error });
      });
    const { exitCode: code, signalCode: signal } = this.child;
    return { code, signal, output: this.output, errors: this.errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#closed;
  }

  async #until(what: string, probe: () => RegExpExecArray | null): Promise<RegExpExecArray> {
    const check = (): RegExpExecArray | undefined => {
      const found = probe();
      if (found === null && this.#isClosed) throw new Error(`the process ended before ${what}\n${this.errors}`);
      return found ?? undefined;
    };
    return await this.#conditions.until(what, check, BOUND_MS);
  }
}

/** Runs a command to its end. */
export async function sluice(args: readonly string[], options?: SluiceProcessOptions): Promise<Ending> {
  await using command = new SluiceProcess(args, options);
  return await command.ending();
}

/** A port of all addresses that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, done));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((done) => server.close(() => done()));
  return port;
}
