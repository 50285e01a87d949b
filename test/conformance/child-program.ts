// A program that the rig starts: its output goes to a log file, its end is noticed, and it is ended by its id. The kernel kills it when the
// rig dies.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface ChildProgramOptions {
  readonly log: string;
  readonly workingFolder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** How long it has to end by itself. */
  readonly graceMs?: number;
}

const DEFAULT_GRACE_MS = 10_000;
const MAX_SHOWN_LINES = 15;

export class ChildProgram {
  readonly name: string;
  readonly log: string;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  #failure: string | undefined;

  constructor(command: readonly string[], options: ChildProgramOptions) {
    const { log, workingFolder, environment = {}, graceMs = DEFAULT_GRACE_MS } = options;
    this.name = command[0]?.split('/').at(-1) ?? '';
    this.log = log;
    this.#graceMs = graceMs;
    const output = openSync(log, 'a');
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
      ...(workingFolder !== undefined && { cwd: workingFolder }),
      env: { ...process.env, ...environment },
      stdio: ['ignore', output, output],
      // A Ctrl-C of the terminal reaches the rig alone, which ends things in order.
      detached: true,
    });
    closeSync(output);
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#failure = error.message;
        resolve();
      });
      this.#child.once('exit', (code, signal) => {
        this.#failure = `ended with ${signal ?? code}`;
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws Error with the end of its log, when it runs no more. */
  assertRunning(): void {
    if (this.#failure !== undefined) throw new Error(`${this.name} ${this.#failure}\n${this.lastLines()}`);
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#graceMs);
    await this.ended;
    clearTimeout(timer);
  }

  lastLines(count: number = MAX_SHOWN_LINES): string {
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  }
}
