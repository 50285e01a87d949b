// An index over objects of one kind: for each index key the objects that have it, ordered by name, in an array that stays the same
// one until an object in it changes.
import type { KubernetesObject } from '../api/object.ts';

export class ObjectIndex<T extends KubernetesObject> {
  readonly #keysOf: (object: T) => readonly string[];
  readonly #entries = new Map<string, readonly T[]>();

  /** `keysOf` may name a key twice. */
  constructor(keysOf: (object: T) => readonly string[]) {
    this.#keysOf = keysOf;
  }

  get entries(): ReadonlyMap<string, readonly T[]> {
    return this.#entries;
  }

  replace(previous: T | undefined, next: T | undefined): void {
    const oldKeys = new Set(previous === undefined ? [] : this.#keysOf(previous));
    const newKeys = new Set(next === undefined ? [] : this.#keysOf(next));
    for (const key of oldKeys.union(newKeys)) {
      const rest = (this.#entries.get(key) ?? []).filter((object) => object !== previous);
      if (next !== undefined && newKeys.has(key)) rest.push(next);
      if (rest.length === 0) this.#entries.delete(key);
      else this.#entries.set(key, rest.sort(byName));
    }
  }
}

function byName(a: KubernetesObject, b: KubernetesObject): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
