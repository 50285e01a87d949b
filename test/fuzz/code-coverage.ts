// Which code ran, by V8's own counters, in this process.
import { Session } from 'node:inspector';
import type { Profiler } from 'node:inspector';

/**
 * One per process, made before the code in question first runs: V8 compiles a function with counters or without, and does not do it
 * again. Reading the counters resets them.
 */
export class ExecutionCounters {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** In-process sessions answer before `post` returns. */
  take(): readonly Profiler.ScriptCoverage[] {
    let scripts: readonly Profiler.ScriptCoverage[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      scripts = result;
    });
    return scripts;
  }

  close(): void {
    this.#session.disconnect();
  }
}

export class CodeCoverage {
  /** Characters of the source that ran. */
  reached = 0;

  readonly #counters: ExecutionCounters;
  readonly #files: readonly string[];
  /** By function: 1 for each of its characters that ran. */
  readonly #functions = new Map<string, Uint8Array>();

  /** @param files ends of URLs: what else runs does not count. */
  constructor(counters: ExecutionCounters, files: readonly string[]) {
    this.#counters = counters;
    this.#files = files;
  }

  /** Whether anything ran since the last call that never had before. @param isNoted otherwise it counts as new again. */
  takeIsNew(isNoted: boolean): boolean {
    let isNew = false;
    for (const { url, functions } of this.#counters.take()) {
      if (!this.#files.some((file) => url.endsWith(file))) continue;
      for (const { ranges } of functions) isNew = this.#compare(url, ranges, isNoted) || isNew;
    }
    return isNew;
  }

  /** @param ranges outer before inner: those inside say where the count is another. */
  #compare(url: string, ranges: readonly Profiler.CoverageRange[], isNoted: boolean): boolean {
    const [{ startOffset: start, endOffset: end } = { startOffset: 0, endOffset: 0 }] = ranges;
    const key = `${url}:${start}-${end}`;
    const known = this.#functions.get(key) ?? new Uint8Array(end - start);
    const ran = new Uint8Array(end - start);
    for (const { startOffset, endOffset, count } of ranges)
      ran.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
    const isNew = ran.some((flag, index) => flag > (known[index] as number));
    if (!isNew || !isNoted) return isNew;
    const merged = known.map((flag, index) => flag | (ran[index] as number));
    this.#functions.set(key, merged);
    this.reached += sum(merged) - sum(known);
    return true;
  }
}

function sum(flags: Uint8Array): number {
  return flags.reduce((total, flag) => total + flag, 0);
}
