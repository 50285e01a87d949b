// Incremental computation: a table keeps what each key was computed to together with everything that was read for it, absent
// things too, and computes again only when one of these reads would now give another value.
// Invariant: a value is reused only if computing it anew would read the same values; equal results keep their identity.
import { shareStructure } from '../lib/shared-structure.ts';

/** Something that can be asked by key: a map of objects, an index, or another table. */
export interface Source<K, T> {
  get(key: K): T;
}

export type SourcesOf<F> = { readonly [N in keyof F]: Source<never, unknown> };
type KeyOf<S> = S extends Source<infer K, unknown> ? K : never;
type AnswerOf<S> = S extends Source<never, infer T> ? T : never;

/** Asks sources by their name, and notes each answer. The only access to data that a computation has. */
export class Reader<F extends SourcesOf<F>> {
  readonly #sources: F;
  /** source, key, answer, source, key, answer, … in the order of asking. */
  readonly reads: unknown[] = [];

  constructor(sources: F) {
    this.#sources = sources;
  }

  get<N extends keyof F & string>(source: N, key: KeyOf<F[N]>): AnswerOf<F[N]> {
    const answer = (this.#sources[source] as Source<unknown, unknown>).get(key);
    this.reads.push(source, key, answer);
    return answer as AnswerOf<F[N]>;
  }
}

export type Computation<F extends SourcesOf<F>, K, T> = (key: K, reader: Reader<F>) => T;

/** A stretch of time in which no source changes. Numbers start at 1 and have no gaps. */
export interface Round<F> {
  readonly number: number;
  readonly sources: F;
  /** Names of the sources of which something may have changed since the round before. */
  readonly changed: ReadonlySet<string>;
}

interface Entry<T> {
  readonly value: T;
  readonly reads: readonly unknown[];
  /** The round in which the entry was last found current. */
  round: number;
}

type Entries<K, T> = Map<K, Entry<T>> | WeakMap<K & WeakKey, Entry<T>>;

export class MemoTable<F extends SourcesOf<F>, K, T> implements Source<K, T> {
  readonly #compute: Computation<F, K, T>;
  readonly #entries: Entries<K, T>;
  /** Names of all sources that an entry ever read. */
  readonly #sourcesRead = new Set<string>();
  #round: Round<F> | undefined;
  /** The last round in which a source had changed, and the one before it. */
  #dirtyRound = 0;
  #previousDirtyRound = 0;
  #usedInRound = 0;

  /** With a WeakMap of entries the table is keyed by objects, and an entry goes when its object goes. */
  constructor(compute: Computation<F, K, T>, entries: Entries<K, T> = new Map()) {
    this.#compute = compute;
    this.#entries = entries;
  }

  /** How many entries the table holds; those of a WeakMap can't be counted. */
  get size(): number {
    return this.#entries instanceof Map ? this.#entries.size : 0;
  }

  /** Whether an answer may have changed when something in these sources has. */
  dependsOn(sources: ReadonlySet<string>): boolean {
    return !this.#sourcesRead.isDisjointFrom(sources);
  }

  /** The keys of a source that were asked to compute what the table holds now. */
  *keysRead(source: string): Iterable<unknown> {
    if (!this.#sourcesRead.has(source) || this.#entries instanceof WeakMap) return;
    for (const { reads } of this.#entries.values())
      for (let at = 0; at < reads.length; at += 3) if (reads[at] === source) yield reads[at + 1];
  }

  beginRound(round: Round<F>): void {
    this.#round = round;
    this.#usedInRound = 0;
    if (!this.dependsOn(round.changed)) return;
    this.#previousDirtyRound = this.#dirtyRound;
    this.#dirtyRound = round.number;
  }

  get(key: K): T {
    const entries = this.#entries as Map<K, Entry<T>>;
    const round = this.#currentRound();
    let entry = entries.get(key);
    if (entry !== undefined && entry.round >= this.#dirtyRound) return entry.value;
    if (entry === undefined || !this.#isCurrent(entry, round)) {
      entry = this.#computeEntry(key, entry?.value, round);
      entries.set(key, entry);
    }
    entry.round = round.number;
    this.#usedInRound += 1;
    return entry.value;
  }

  /** After a round in which sources had changed, what was not asked for is not needed any more. */
  endRound(): void {
    const entries = this.#entries;
    const { number } = this.#currentRound();
    if (entries instanceof WeakMap || this.#dirtyRound !== number || this.#usedInRound === entries.size) return;
    for (const [key, entry] of entries) {
      if (entry.round !== number) entries.delete(key);
    }
  }

  /**
   * Replays the reads in their order: as long as the answers are the same, computing anew would ask the same next question. An entry
   * that saw all changes but this round's needs to look at the sources of these only.
   */
  #isCurrent({ reads, round: lastRound }: Entry<T>, { number, sources, changed }: Round<F>): boolean {
    const sawAllButThis = number === this.#dirtyRound && lastRound >= this.#previousDirtyRound;
    for (let i = 0; i < reads.length; i += 3) {
      const name = reads[i] as keyof F & string;
      if (sawAllButThis && !changed.has(name)) continue;
      const source = sources[name] as Source<unknown, unknown>;
      if (!Object.is(source.get(reads[i + 1]), reads[i + 2])) return false;
    }
    return true;
  }

  #computeEntry(key: K, previous: T | undefined, { sources, number }: Round<F>): Entry<T> {
    const reader = new Reader(sources);
    const value = shareStructure(previous, this.#compute(key, reader));
    for (let i = 0; i < reader.reads.length; i += 3) this.#sourcesRead.add(reader.reads[i] as string);
    return { value, reads: reader.reads, round: number };
  }

  #currentRound(): Round<F> {
    if (this.#round === undefined) throw new Error('a memo table is asked before its first round');
    return this.#round;
  }
}
