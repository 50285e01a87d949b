// `npm run fuzz`: coverage-driven fuzzing of all that parses a stranger's bytes, for a night. `-- --inputs N target…` for less,
// `-- --input HEX target` for one input again.
// Fails for a wrong answer, an exception, an input that takes seconds, and memory that grows.
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { ExecutionCounters } from './fuzz/code-coverage.ts';
import { fuzz, problemWith } from './fuzz/fuzzer.ts';
import type { FuzzTarget } from './fuzz/target.ts';
import { fuzzTargets } from './fuzz/targets.ts';
import { seededRandom } from './harness/seeded-random.ts';

const DEFAULT_INPUTS = 10_000_000;
const HANG_MS = 10_000;
const MAX_HEAP_GROWTH_BYTES = 32 * 2 ** 20;
const MIB = 2 ** 20;

/** Follows the inputs from a thread of its own, as a parser that loops stops this one, and ends the process with the input's hex. */
class Watchdog {
  readonly #progress = new Int32Array(new SharedArrayBuffer(8));
  readonly #input = new Uint8Array(new SharedArrayBuffer(64 * 1024));

  constructor() {
    const code = `
      const { progress, input, hangMs } = require('node:worker_threads').workerData;
      let last = -1;
      setInterval(() => {
        if (progress[0] === last) {
          const hex = Buffer.from(input.subarray(0, progress[1])).toString('hex');
          require('node:fs').writeSync(2, 'no end in ' + hangMs + ' ms: ' + hex + '\\n');
          process.kill(process.pid, 'SIGKILL');
        }
        last = progress[0];
      }, hangMs)`;
    const workerData = { progress: this.#progress, input: this.#input, hangMs: HANG_MS };
    new Worker(code, { eval: true, workerData }).unref();
  }

  saw(bytes: Buffer): void {
    this.#input.set(bytes);
    this.#progress[1] = bytes.length;
    this.#progress[0] = ((this.#progress[0] as number) + 1) | 0;
  }
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Prints what came of it. @returns whether all is well. */
function run(target: FuzzTarget, inputs: number, counters: ExecutionCounters, watchdog: Watchdog): boolean {
  const random = seededRandom();
  const heapBefore = heapBytes();
  const startMs = performance.now();
  const { corpus, reached, failure } = fuzz(target, counters, random, inputs, (bytes) => watchdog.saw(bytes));
  const perSecond = Math.round((1_000 * inputs) / (performance.now() - startMs));
  const growth = heapBytes() - heapBefore;
  console.log(`${target.name}: ${inputs} inputs (${perSecond}/s), ${random.seed}`);
  console.log(
    `  ${corpus} of them reach ${reached} characters of code; the heap grew by ${Math.round(growth / MIB)} MiB`,
  );
  if (failure !== undefined) console.error(failure);
  if (growth > MAX_HEAP_GROWTH_BYTES) console.error('which is too much');
  return failure === undefined && growth <= MAX_HEAP_GROWTH_BYTES;
}

const { values, positionals } = parseArgs({
  options: { inputs: { type: 'string' }, input: { type: 'string' } },
  allowPositionals: true,
});
const counters = new ExecutionCounters();
const all = await fuzzTargets();
const targets = positionals.length === 0 ? all : all.filter(({ name }) => positionals.includes(name));
if (targets.length < positionals.length) throw new Error(`targets are: ${all.map(({ name }) => name).join(' ')}`);
if (values.input === undefined) {
  const inputs = Math.ceil(Number(values.inputs ?? DEFAULT_INPUTS) / targets.length);
  const watchdog = new Watchdog();
  const results = targets.map((target) => run(target, inputs, counters, watchdog));
  process.exitCode = results.includes(false) ? 1 : 0;
} else {
  const bytes = Buffer.from(values.input, 'hex');
  for (const target of targets) console.log(`${target.name}: ${problemWith(target, bytes) ?? 'nothing is wrong'}`);
}
counters.close();
