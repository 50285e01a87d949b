// A program under measurement: started, watched through /proc, and ended by its id. Never outlives the benchmark.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** More of the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Standard output and error are appended here. */
  readonly outputPath: string;
}

/** What is measured has nothing to finish: no need to wait for a drain. */
const STOP_TIMEOUT_MS = 2_000;
/** Fields of /proc/PID/stat, counted from the state: utime, stime, cutime, cstime. */
const UTIME = 11;
const CSTIME = 14;
const TICK_MS = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export class MeasuredProcess {
  readonly #program: Program;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #killAtExit = (): void => void this.#child.kill('SIGKILL');

  constructor(program: Program) {
    this.#program = program;
    const output = openSync(program.outputPath, 'a');
    const env = { ...process.env, ...program.environment };
    this.#child = spawn(program.command, program.args, { env, stdio: ['ignore', output, output] });
    closeSync(output);
    this.#closed = new Promise((resolve) => this.#child.once('error', () => resolve()).once('close', () => resolve()));
    process.once('exit', this.#killAtExit);
  }

  /** User and system time of the process and its descendants, those that ended included. */
  cpuMs(): number {
    return sum(this.#pids(), (pid) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const times = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(UTIME, CSTIME + 1);
      return sum(times.map(Number), (ticks) => ticks) * TICK_MS;
    });
  }

  /** @param title of it and of its descendants that call themselves so, from the start; default: of the process alone. */
  rssBytes(title?: string): number {
    const [own = 0, ...descendants] = this.#pids();
    if (title === undefined) return statusBytes(own, 'VmRSS');
    const pids = [own, ...descendants].filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(title));
    return sum(pids, (pid) => statusBytes(pid, 'VmRSS'));
  }

  /** @throws with the end of its output when the program ended by itself. */
  assertRunning(): void {
    if (this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) return;
    const output = readFileSync(this.#program.outputPath, 'utf8').slice(-2000);
    throw new Error(`${this.#program.name} is not running (exit code ${this.#child.exitCode})\n${output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    const kill = setTimeout(this.#killAtExit, STOP_TIMEOUT_MS);
    await this.#closed;
    clearTimeout(kill);
    process.removeListener('exit', this.#killAtExit);
  }

  #pids(): number[] {
    this.assertRunning();
    return withDescendants(this.#child.pid ?? 0);
  }
}

function withDescendants(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(withDescendants)];
}

function statusBytes(pid: number, field: string): number {
  const [, kibibytes] =
    new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

function sum(values: readonly number[], measure: (value: number) => number): number {
  return values.reduce((total, value) => total + measure(value), 0);
}
