// What can be fuzzed: something that takes bytes from a stranger, with a way to tell whether it did right.
import type { SeededRandom } from '../harness/seeded-random.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Sources, from the root of the repository, whose coverage leads the way. */
  readonly files: readonly string[];
  /** Inputs to begin with. */
  seeds(random: SeededRandom): Buffer[];
  /** Returns what is wrong with what became of the bytes, or throws it. */
  check(bytes: Buffer, random: SeededRandom): string | undefined;
}
