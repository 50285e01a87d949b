// Coverage-driven mutation: inputs that reach code which none before them reached become what later ones are made of.
import { crc32 } from 'node:zlib';
import { seededRandom } from '../harness/seeded-random.ts';
import type { SeededRandom } from '../harness/seeded-random.ts';
import { mutate } from '../property/byte-mutation.ts';
import { CodeCoverage } from './code-coverage.ts';
import type { ExecutionCounters } from './code-coverage.ts';
import type { FuzzTarget } from './target.ts';

export interface FuzzReport {
  readonly inputs: number;
  /** Inputs that others are made of: the seeds, and what reached something new. */
  readonly corpus: number;
  /** Characters of source code that ran. */
  readonly reached: number;
  /** What went wrong, and with which input in hex. */
  readonly failure: string | undefined;
}

/** Reading V8's counters costs as much as many inputs: they are read once per batch, and batches grow while nothing new comes. */
const MIN_BATCH = 16;
const MAX_BATCH = 1024;
const MAX_MUTATIONS = 4;
/** Above every bound of the targets. */
const MAX_INPUT_BYTES: number = 48 * 1024;

/** @param onInput sees each input before it is checked. */
export function fuzz(
  target: FuzzTarget,
  counters: ExecutionCounters,
  random: SeededRandom,
  inputs: number,
  onInput: (bytes: Buffer) => void = () => {},
): FuzzReport {
  const corpus = [...target.seeds(random)];
  const coverage = new CodeCoverage(counters, target.files);
  const check = (bytes: Buffer): string | undefined => {
    onInput(bytes);
    const problem = problemWith(target, bytes);
    return problem === undefined ? undefined : `${target.name} ${bytes.toString('hex')}: ${problem}`;
  };
  /** Finds those of the inputs that reach something new, by halves. */
  const keepNew = (batch: readonly Buffer[]): void => {
    for (const bytes of batch) check(bytes);
    const isOne = batch.length === 1;
    if (!coverage.takeIsNew(isOne)) return;
    if (isOne) {
      corpus.push(...batch);
    } else {
      const middle = batch.length >> 1;
      keepNew(batch.slice(0, middle));
      keepNew(batch.slice(middle));
    }
  };

  let done = 0;
  let batchSize = MIN_BATCH;
  let failure: string | undefined;
  while (failure === undefined && done < inputs) {
    const batch = Array.from({ length: Math.min(batchSize, inputs - done) }, () => descendant(corpus, random));
    for (const bytes of batch) failure ??= check(bytes);
    const isNew = coverage.takeIsNew(false);
    if (isNew) keepNew(batch);
    batchSize = isNew ? MIN_BATCH : Math.min(2 * batchSize, MAX_BATCH);
    done += batch.length;
  }
  return { inputs: done, corpus: corpus.length, reached: coverage.reached, failure };
}

function descendant(corpus: readonly Buffer[], random: SeededRandom): Buffer {
  let bytes = random.pick(corpus);
  for (let mutations = random.below(MAX_MUTATIONS + 1); mutations > 0; mutations--)
    bytes = mutate(bytes, random, random.pick(corpus)).subarray(0, MAX_INPUT_BYTES);
  return bytes;
}

/** The same for the same bytes, always. */
export function problemWith(target: FuzzTarget, bytes: Buffer): string | undefined {
  try {
    return target.check(bytes, seededRandom(crc32(bytes)));
  } catch (error) {
    return (error as Error).stack ?? String(error);
  }
}
