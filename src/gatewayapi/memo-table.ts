// Incremental computation: a table keeps what each key was computed to together with everything that was read for it, absent
// things too, and computes again only when one of these reads would now give another value.
// Invariant: a value is reused only if computing it anew would read the same values; equal results keep their identity.
import { shareStructure } from '../lib/shared-structure.ts';

/** Something that can be asked by key: a map of objects, an index, or another table. */
export interface Source<T> {
  get(key: string): T;
}

type SourcesOf<F> = { readonly [N in keyof F]: Source<unknown> };

/** Asks sources by their name, and notes each answer. The only access to data that a computation has. */
export class Reader<F extends SourcesOf<F>> {
  readonly #sources: F;
  /** source, key, answer, source, key, answer, … in the order of asking. */
  readonly reads: unknown[] = [];

  constructor(sources: F) {
    this.#sources = sources;
  }

  get<N extends keyof F & string>(source: N, key: string): ReturnType<F[N]['get']> {
    const answer = this.#sources[source].get(key) as ReturnType<F[N]['get']>;
    this.reads.push(source, key, answer);
    return answer;
  }
}

export type Computation<F extends SourcesOf<F>, T> = (key: string, reader: Reader<F>) => T;

interface Entry<T> {
  readonly value: T;
  readonly reads: readonly unknown[];
  /** The round in which the entry was last found valid. */
  round: number;
}

export class MemoTable<F extends SourcesOf<F>, T> implements Source<T> {
  readonly #compute: Computation<F, T>;
  readonly #entries = new Map<string, Entry<T>>();
  #sources: F | undefined;
  #round = 0;
  #usedInRound = 0;

  constructor(compute: Computation<F, T>) {
    this.#compute = compute;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** From now on the sources do not change, until the next round begins. */
  beginRound(sources: F): void {
    this.#sources = sources;
    this.#round += 1;
    this.#usedInRound = 0;
  }

  get(key: string): T {
    let entry = this.#entries.get(key);
    if (entry?.round === this.#round) return entry.value;
    if (entry === undefined || !this.#isCurrent(entry)) {
      entry = this.#computeEntry(key, entry?.value);
      this.#entries.set(key, entry);
    }
    entry.round = this.#round;
    this.#usedInRound += 1;
    return entry.value;
  }

  /** Drops what the round did not ask for: the table holds no more than one round needs. */
  endRound(): void {
    if (this.#usedInRound === this.#entries.size) return;
    for (const [key, entry] of this.#entries) {
      if (entry.round !== this.#round) this.#entries.delete(key);
    }
  }

  /** Replays the reads in their order: as long as the answers are the same, computing anew would ask the same next question. */
  #isCurrent({ reads }: Entry<T>): boolean {
    const sources = this.#currentSources();
    for (let i = 0; i < reads.length; i += 3) {
      const source: Source<unknown> = sources[reads[i] as keyof F];
      if (!Object.is(source.get(reads[i + 1] as string), reads[i + 2])) return false;
    }
    return true;
  }

  #computeEntry(key: string, previous: T | undefined): Entry<T> {
    const reader = new Reader(this.#currentSources());
    const value = shareStructure(previous, this.#compute(key, reader));
    return { value, reads: reader.reads, round: this.#round };
  }

  #currentSources(): F {
    if (this.#sources === undefined) throw new Error('a memo table is asked outside of a round');
    return this.#sources;
  }
}
