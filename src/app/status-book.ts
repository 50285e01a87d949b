// The statuses of all objects where no API server keeps them: what the translator says, with the time at which each condition came to
// its present state, as a client of the API expects it.
import type { ObjectStatus } from '../gatewayapi/object-status.ts';

export class StatusBook {
  readonly #clock: () => Date;
  #entries: ReadonlyMap<string, Entry> = new Map();
  #list: readonly ObjectStatus[] | undefined = undefined;

  constructor(clock: () => Date = () => new Date()) {
    this.#clock = clock;
  }

  /** Statuses that are the same object as before cost nothing. */
  replace(statuses: ReadonlyMap<string, ObjectStatus>): void {
    const now = this.#clock()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
    const previous = this.#entries;
    const entries = new Map<string, Entry>();
    for (const [key, untimed] of statuses) {
      const old = previous.get(key);
      entries.set(
        key,
        old?.untimed === untimed ? old : { untimed, timed: stamp(untimed, old?.timed, now) as ObjectStatus },
      );
    }
    this.#entries = entries;
    this.#list = undefined;
  }

  list(): readonly ObjectStatus[] {
    this.#list ??= Array.from(this.#entries.values(), ({ timed }) => timed);
    return this.#list;
  }
}

interface Entry {
  readonly untimed: ObjectStatus;
  readonly timed: ObjectStatus;
}

/** Copies a status; a condition keeps the time of its counterpart in the old one while its status is the same. */
function stamp(value: unknown, old: unknown, now: string): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => stamp(item, counterpart(item, old), now));
  }
  if (!isObject(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value))
    copy[name] = stamp(field, isObject(old) ? old[name] : undefined, now);
  if (isCondition(value)) {
    copy['lastTransitionTime'] = isObject(old) && old['status'] === value['status'] ? old['lastTransitionTime'] : now;
  }
  return copy;
}

/** The element of an old list that is about the same thing: the same condition type, listener, or parent. */
function counterpart(item: unknown, old: unknown): unknown {
  if (!Array.isArray(old) || !isObject(item)) return undefined;
  const identity = identityOf(item);
  return old.find((candidate) => isObject(candidate) && identityOf(candidate) === identity);
}

function identityOf(item: Readonly<Record<string, unknown>>): string {
  const { type, name, parentRef, ancestorRef, controllerName } = item;
  return JSON.stringify([type, name, parentRef, ancestorRef, controllerName]);
}

function isCondition(value: Readonly<Record<string, unknown>>): boolean {
  return (
    typeof value['type'] === 'string' && typeof value['status'] === 'string' && typeof value['reason'] === 'string'
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
