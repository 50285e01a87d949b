// Lays what Sluice has to say of an object over the status that it has: own conditions and own entries are replaced, those of others stay
// as they are, and a condition keeps the time of its last transition while it says the same. Pure.
import {
  GatewayClassCondition,
  GatewayCondition,
  ListenerCondition,
  ListenerSetCondition,
} from '../../api/condition.ts';
import { LISTENER_POLICY_AFFECTED } from '../../gatewayapi/listener-policy-condition.ts';
import type { ObjectStatus } from '../../gatewayapi/object-status.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface MergeOptions {
  readonly controllerName: string;
  /** RFC 3339, in seconds. */
  readonly now: string;
}

/** The lists whose entries belong to the controllers that they name. */
const ENTRIES_OF_CONTROLLERS = ['parents', 'ancestors'] as const;

/** The API allows no more. */
const MAX_ENTRIES: Readonly<Record<string, number>> = { parents: 32, ancestors: 16 };

/** @returns the whole status; the live one itself where there is nothing to change. */
export function mergeStatus(live: Fields, own: ObjectStatus['status'] | undefined, options: MergeOptions): Fields {
  const wanted = (own ?? {}) as Fields;
  const merged: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(wanted)) merged[name] = mergeField(name, live[name], value, options);
  if (own === undefined)
    for (const name of ENTRIES_OF_CONTROLLERS)
      if (Array.isArray(live[name])) merged[name] = mergeEntries(name, live[name], [], options);
  return isSame(live, merged) ? live : merged;
}

/** Whether a status has entries of this controller. */
export function hasOwnEntries(status: Fields, controllerName: string): boolean {
  return ENTRIES_OF_CONTROLLERS.some((name) =>
    asList(status[name]).some((entry) => entry['controllerName'] === controllerName),
  );
}

/** Whether a status was computed from a newer generation than this. */
export function isNewer(status: Fields, generation: number | undefined, controllerName: string): boolean {
  if (generation === undefined) return false;
  const conditions = [
    ...asList(status['conditions']),
    ...ENTRIES_OF_CONTROLLERS.flatMap((name) =>
      asList(status[name]).flatMap((entry) =>
        entry['controllerName'] === controllerName ? asList(entry['conditions']) : [],
      ),
    ),
  ];
  return conditions.some(({ observedGeneration: observed }) => typeof observed === 'number' && observed > generation);
}

function mergeField(name: string, live: unknown, wanted: unknown, options: MergeOptions): unknown {
  switch (name) {
    case 'conditions':
      return mergeConditions(asList(live), asList(wanted), options);
    case 'listeners':
      return mergeListeners(asList(live), asList(wanted), options);
    case 'parents':
    case 'ancestors':
      return mergeEntries(name, asList(live), asList(wanted), options);
    default:
      return wanted;
  }
}

/** The types that Sluice writes where they apply, and takes away where they don't. */
const OWN_TYPES: ReadonlySet<unknown> = new Set([
  ...Object.values(GatewayClassCondition),
  ...Object.values(GatewayCondition),
  ...Object.values(ListenerCondition),
  ...Object.values(ListenerSetCondition),
  LISTENER_POLICY_AFFECTED,
]);

/** By type; those of types that Sluice knows nothing of stay. */
function mergeConditions(live: readonly Fields[], wanted: readonly Fields[], { now }: MergeOptions): Fields[] {
  const own = new Map(wanted.map((condition) => [condition['type'], condition]));
  const kept = live.flatMap((condition) => {
    const next = own.get(condition['type']);
    if (next === undefined) return OWN_TYPES.has(condition['type']) ? [] : [condition];
    own.delete(condition['type']);
    return [timed(next, condition, now)];
  });
  return [...kept, ...Array.from(own.values(), (condition) => timed(condition, undefined, now))];
}

function timed(condition: Fields, live: Fields | undefined, now: string): Fields {
  const since = live !== undefined && live['status'] === condition['status'] ? live['lastTransitionTime'] : undefined;
  return { ...condition, lastTransitionTime: since ?? now };
}

/** By name, in the order of the spec; a listener that is gone takes everything along. */
function mergeListeners(live: readonly Fields[], wanted: readonly Fields[], options: MergeOptions): Fields[] {
  const before = new Map(live.map((listener) => [listener['name'], listener]));
  return wanted.map((listener) => ({
    ...listener,
    conditions: mergeConditions(
      asList(before.get(listener['name'])?.['conditions']),
      asList(listener['conditions']),
      options,
    ),
  }));
}

/** By what they refer to; those of other controllers come first and stay as they are. */
function mergeEntries(
  name: string,
  live: readonly Fields[],
  wanted: readonly Fields[],
  options: MergeOptions,
): Fields[] {
  const { controllerName } = options;
  const foreign = live.filter((entry) => entry['controllerName'] !== controllerName);
  const own = live.filter((entry) => entry['controllerName'] === controllerName);
  const before = new Map(own.map((entry) => [referenceOf(entry), entry]));
  const next = wanted.map((entry) => {
    const conditions = asList(before.get(referenceOf(entry))?.['conditions']);
    return { ...entry, conditions: mergeConditions(conditions, asList(entry['conditions']), options) };
  });
  return [...foreign, ...next.slice(0, Math.max(0, (MAX_ENTRIES[name] ?? Infinity) - foreign.length))];
}

function referenceOf(entry: Fields): string {
  return stableText(entry['parentRef'] ?? entry['ancestorRef']);
}

function asList(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : [];
}

function isSame(a: unknown, b: unknown): boolean {
  return stableText(a) === stableText(b);
}

/** JSON with the fields of each object in order, and without those that are undefined. */
function stableText(value: unknown): string {
  return JSON.stringify(value, (_name, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}
