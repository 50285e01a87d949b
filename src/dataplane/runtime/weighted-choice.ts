// Smooth weighted round robin: over any stretch of choices each value gets its share almost exactly, and equal values alternate
// instead of coming in runs.

export interface Weighted<T> {
  /** At least 1. */
  readonly weight: number;
  readonly value: T;
}

export class WeightedChoice<T> {
  readonly #items: readonly Weighted<T>[];
  readonly #total: number;
  readonly #credits: number[];

  /** @param items at least one. */
  constructor(items: readonly Weighted<T>[]) {
    this.#items = items;
    this.#total = items.reduce((sum, { weight }) => sum + weight, 0);
    this.#credits = items.map(() => 0);
  }

  next(): T {
    const items = this.#items;
    const credits = this.#credits;
    let best = 0;
    for (let i = 0; i < items.length; i++) {
      credits[i] = (credits[i] as number) + (items[i] as Weighted<T>).weight;
      if ((credits[i] as number) > (credits[best] as number)) best = i;
    }
    credits[best] = (credits[best] as number) - this.#total;
    return (items[best] as Weighted<T>).value;
  }
}
