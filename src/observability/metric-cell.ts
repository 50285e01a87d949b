// What counts: one cell per label set of a metric. Counting is an addition to a number field; text is made at scrape time only.
import { joinLabels, labelsText, sampleText } from './prometheus-text.ts';

/** The cells of one family by label text, in order of creation. */
export type CellMap = Map<string, Cell>;

/** The series of one label set. */
export abstract class Cell {
  readonly #family: CellMap;
  readonly #labels: string;
  #holders = 1;

  constructor(family: CellMap, labels: string) {
    this.#family = family;
    this.#labels = labels;
  }

  hold(): void {
    this.#holders += 1;
  }

  /** Once per cell() call. Counting into a released cell is harmless: nobody sees it. */
  release(): void {
    this.#holders -= 1;
    if (this.#holders <= 0 && this.#family.get(this.#labels) === this) this.#family.delete(this.#labels);
  }

  /** Exposition lines. */
  abstract text(name: string, labels: string): string;
}

export class Counter extends Cell {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  inc(): void {
    this.#value += 1;
  }

  /** `amount` is never negative. */
  add(amount: number): void {
    this.#value += amount;
  }

  text(name: string, labels: string): string {
    return sampleText(name, labels, this.#value);
  }
}

export class Gauge extends Cell {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  set(value: number): void {
    this.#value = value;
  }

  inc(): void {
    this.#value += 1;
  }

  dec(): void {
    this.#value -= 1;
  }

  text(name: string, labels: string): string {
    return sampleText(name, labels, this.#value);
  }
}

/** Counters for each value of one closed label, such as the class of a status. Those that never counted are not exposed. */
export class CountersBy<V extends string> extends Cell {
  readonly #label: string;
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #values: number[];

  constructor(family: CellMap, labels: string, label: string, indexes: ReadonlyMap<string, number>) {
    super(family, labels);
    this.#label = label;
    this.#indexes = indexes;
    this.#values = Array.from(indexes, () => 0);
  }

  inc(value: V): void {
    const index = this.#indexes.get(value);
    if (index !== undefined) this.#values[index] = (this.#values[index] as number) + 1;
  }

  value(value: V): number {
    return this.#values[this.#indexes.get(value) ?? -1] ?? 0;
  }

  text(name: string, labels: string): string {
    let text = '';
    for (const [value, index] of this.#indexes) {
      const count = this.#values[index] as number;
      if (count > 0)
        text += sampleText(name, joinLabels(labels, labelsText({ [this.#label]: value }, [this.#label])), count);
    }
    return text;
  }
}

/** Not exposed before the first value. */
export class Histogram extends Cell {
  readonly #bounds: readonly number[];
  /** Per bucket, not cumulative; the last is +Inf. */
  readonly #counts: number[];
  #sum = 0;

  constructor(family: CellMap, labels: string, bounds: readonly number[]) {
    super(family, labels);
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  text(name: string, labels: string): string {
    if (this.#counts.every((count) => count === 0)) return '';
    let text = '';
    let cumulative = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      cumulative += count;
      const bound = this.#bounds[bucket];
      const le = `le="${bound === undefined ? '+Inf' : bound}"`;
      text += sampleText(`${name}_bucket`, joinLabels(labels, le), cumulative);
    }
    return text + sampleText(`${name}_sum`, labels, this.#sum) + sampleText(`${name}_count`, labels, cumulative);
  }
}

/** A counter or gauge that is read at scrape time. */
export class ComputedCell extends Cell {
  readonly #read: () => number;

  constructor(family: CellMap, labels: string, read: () => number) {
    super(family, labels);
    this.#read = read;
  }

  text(name: string, labels: string): string {
    return sampleText(name, labels, this.#read());
  }
}
