// A program under measurement: started, watched through /proc, and ended by its id. Never outlives the benchmark.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Standard output and error are appended here. */
  readonly outputPath: string;
}

/** What is measured has nothing to finish: no need to wait for a drain. */
const STOP_TIMEOUT_MS = 2_000;
const TICK_MS = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export class MeasuredProcess {
  readonly #program: Program;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #killAtExit = (): void => void this.#child.kill('SIGKILL');

  constructor(program: Program) {
    this.#program = program;
    const output = openSync(program.outputPath, 'a');
    this.#child = spawn(program.command, program.args, { cwd: program.cwd, stdio: ['ignore', output, output] });
    closeSync(output);
    this.#closed = new Promise((resolve) => this.#child.once('error', () => resolve()).once('close', () => resolve()));
    process.once('exit', this.#killAtExit);
  }

  /** User and system time of the process and its descendants. */
  cpuMs(): number {
    return sum(this.#pids(), (pid) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    });
  }

  rssBytes(): number {
    return sum(this.#pids(), (pid) => statusBytes(pid, 'VmRSS'));
  }

  peakRssBytes(): number {
    return sum(this.#pids(), (pid) => statusBytes(pid, 'VmHWM'));
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

function sum(pids: readonly number[], measure: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + measure(pid), 0);
}
