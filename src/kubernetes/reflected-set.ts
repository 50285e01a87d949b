// Which objects of a kind their owner knows, and in which version: turns what a server says, in lists, events and single answers, into
// the changes that the owner has not been told yet. Of objects that the owner does not keep, nothing is held.
import type { ResourceKind } from '../api/schema.ts';
import { readStoredObject } from './object-reading.ts';
import type { StoredObject } from './object-reading.ts';

export interface ObjectName {
  readonly name: string;
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string | undefined;
}

export type Change<T> =
  | { readonly kind: 'upsert'; readonly object: T; readonly name: string; readonly namespace: string | undefined }
  | { readonly kind: 'delete'; readonly name: string; readonly namespace: string | undefined };

export class ReflectedSet<T> {
  readonly #kind: ResourceKind;
  readonly #keep: (object: StoredObject) => T | undefined;
  /** Versions of the objects that are kept, by key. */
  readonly #versions = new Map<string, string>();
  /** While all objects are being listed: the keys of those that there are. */
  #listed: Set<string> | undefined = undefined;
  /** Look-ups that are under way, the latest of each key. */
  readonly #lookups = new Map<string, { isOvertaken: boolean }>();

  constructor(kind: ResourceKind, keep: (object: StoredObject) => T | undefined) {
    this.#kind = kind;
    this.#keep = keep;
  }

  get size(): number {
    return this.#versions.size;
  }

  /** There is this object, or there was. */
  put(object: StoredObject, isDeleted = false): Change<T> | undefined {
    const { name, namespace, resourceVersion } = object.metadata;
    const key = keyOf({ name, namespace });
    const lookup = this.#lookups.get(key);
    if (lookup !== undefined) lookup.isOvertaken = true;
    const kept = isDeleted ? undefined : this.#keep(object);
    if (kept === undefined) return this.#drop(key);
    this.#listed?.add(key);
    if (this.#versions.get(key) === resourceVersion) return undefined;
    this.#versions.set(key, resourceVersion);
    return { kind: 'upsert', object: kept, name, namespace };
  }

  /** From here on a list of all objects is put; `endList` follows, or another `beginList`. */
  beginList(): void {
    this.#listed = new Set();
  }

  /** The deletions that happened before the list: of all that is held and was not put since it began. */
  endList(): Change<T>[] {
    const listed = this.#listed ?? new Set();
    this.#listed = undefined;
    return [...this.#versions.keys()].flatMap((key) => (listed.has(key) ? [] : (this.#drop(key) ?? [])));
  }

  /** There are no objects any more. */
  clear(): Change<T>[] {
    this.beginList();
    return this.endList();
  }

  /**
   * Puts what a look-up of one object found; undefined stands for "not there". What came from a watch or a list while the look-up was
   * under way counts instead: it may be newer, and if it is older, newer will follow.
   */
  async lookUp(name: ObjectName, look: () => Promise<unknown>): Promise<Change<T> | undefined> {
    const key = keyOf(name);
    const lookup = { isOvertaken: false };
    const earlier = this.#lookups.get(key);
    if (earlier !== undefined) earlier.isOvertaken = true;
    this.#lookups.set(key, lookup);
    try {
      const found = await look();
      if (lookup.isOvertaken) return undefined;
      const object = readStoredObject(found, this.#kind);
      return object === undefined ? this.#drop(key) : this.put(object);
    } finally {
      if (this.#lookups.get(key) === lookup) this.#lookups.delete(key);
    }
  }

  #drop(key: string): Change<T> | undefined {
    if (!this.#versions.delete(key)) return undefined;
    const slash = key.indexOf('/');
    return { kind: 'delete', name: key.slice(slash + 1), namespace: slash === 0 ? undefined : key.slice(0, slash) };
  }
}

/** Neither part can hold a slash. */
function keyOf({ name, namespace = '' }: ObjectName): string {
  return `${namespace}/${name}`;
}
