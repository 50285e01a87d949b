// Lays what Sluice has to say of an object over the status that it has: own conditions and own entries are replaced where they stand, those of
// others stay as and where they are, and a condition keeps the time of its last transition while it says the same. Pure.
import {
  GatewayClassCondition,
  GatewayCondition,
  ListenerCondition,
  ListenerSetCondition,
  PolicyCondition,
  RouteCondition,
} from '../../api/condition.ts';
import { DEFAULT_GATEWAY_CONDITION } from '../../gatewayapi/gateway-condition.ts';
import { LISTENER_POLICY_AFFECTED } from '../../gatewayapi/listener-policy-condition.ts';
import type { ObjectStatus } from '../../gatewayapi/object-status.ts';
import { shareStructure } from '../../lib/shared-structure.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface MergeOptions {
  readonly controllerName: string;
  /** RFC 3339, in seconds. */
  readonly now: string;
}

/** The API allows no more. */
export const MAX_CONDITIONS = 8;
export const MAX_MESSAGE_LENGTH = 32_768;
/** The lists whose entries belong to the controllers that they name, and how many the API allows. */
const MAX_ENTRIES = { parents: 32, ancestors: 16 } as const;
type EntryList = keyof typeof MAX_ENTRIES;
const ENTRY_LISTS = Object.keys(MAX_ENTRIES) as readonly EntryList[];

/** What Sluice writes where it applies, and takes away where it doesn't: fields… */
const OWN_FIELDS: ReadonlySet<string> = new Set(['addresses']);
/** …and types of conditions. */
const OWN_TYPES: ReadonlySet<unknown> = new Set([
  ...Object.values(GatewayClassCondition),
  ...Object.values(GatewayCondition),
  ...Object.values(ListenerCondition),
  ...Object.values(ListenerSetCondition),
  ...Object.values(RouteCondition),
  ...Object.values(PolicyCondition),
  DEFAULT_GATEWAY_CONDITION,
  LISTENER_POLICY_AFFECTED,
]);

/**
 * @param own undefined: the object is none of ours, or not any more
 * @returns the whole status; the live one itself where there is nothing to change.
 */
export function mergeStatus(live: Fields, own: ObjectStatus['status'] | undefined, options: MergeOptions): Fields {
  const kept = own === undefined ? live : withoutOwnFields(live);
  const wanted = own === undefined ? noEntries(live) : (own as Fields);
  const merged = Object.entries(wanted).map(([name, value]) => [name, mergeField(name, live[name], value, options)]);
  return shareStructure<Fields>(live, { ...kept, ...(Object.fromEntries(merged) as Fields) });
}

/** Whether a status has entries of this controller. */
export function hasOwnEntries(status: Fields, controllerName: string): boolean {
  return ENTRY_LISTS.some((name) => asList(status[name]).some((entry) => entry['controllerName'] === controllerName));
}

function withoutOwnFields(status: Fields): Fields {
  return Object.fromEntries(Object.entries(status).filter(([name]) => !OWN_FIELDS.has(name)));
}

function noEntries(live: Fields): Fields {
  return Object.fromEntries(ENTRY_LISTS.filter((name) => live[name] !== undefined).map((name) => [name, []]));
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

/** By type; those of types that Sluice knows nothing of stay, and where they leave too little room, the last of ours are left out. */
function mergeConditions(live: readonly Fields[], wanted: readonly Fields[], { now }: MergeOptions): Fields[] {
  const own = new Map(wanted.map((condition) => [condition['type'], condition]));
  const kept = live.flatMap((condition) => {
    const next = own.get(condition['type']);
    if (next === undefined) return OWN_TYPES.has(condition['type']) ? [] : [condition];
    own.delete(condition['type']);
    return [timed(next, condition, now)];
  });
  const added = Array.from(own.values(), (condition) => timed(condition, undefined, now));
  return [...kept, ...added].slice(0, MAX_CONDITIONS);
}

function timed(condition: Fields, live: Fields | undefined, now: string): Fields {
  const since = live !== undefined && live['status'] === condition['status'] ? live['lastTransitionTime'] : undefined;
  return { ...condition, message: bounded(condition['message']), lastTransitionTime: since ?? now };
}

function bounded(message: unknown): unknown {
  const isTooLong = typeof message === 'string' && message.length > MAX_MESSAGE_LENGTH;
  return isTooLong ? `${message.slice(0, MAX_MESSAGE_LENGTH - 1).toWellFormed()}…` : message;
}

/** By name, in the order of the spec; a listener that is gone takes everything along. */
function mergeListeners(live: readonly Fields[], wanted: readonly Fields[], options: MergeOptions): Fields[] {
  const before = new Map(live.map((listener) => [listener['name'], listener]));
  return wanted.map((listener) => withConditions(listener, before.get(listener['name']), options));
}

/** By what they refer to. Each stays where it is: two controllers that both put theirs first would do so for ever. */
function mergeEntries(
  name: EntryList,
  live: readonly Fields[],
  wanted: readonly Fields[],
  options: MergeOptions,
): Fields[] {
  const own = new Map(wanted.map((entry) => [referenceOf(entry), entry]));
  const kept = live.flatMap((entry) => {
    if (entry['controllerName'] !== options.controllerName) return [entry];
    const reference = referenceOf(entry);
    const next = own.get(reference);
    own.delete(reference);
    return next === undefined ? [] : [withConditions(next, entry, options)];
  });
  const added = Array.from(own.values(), (entry) => withConditions(entry, undefined, options));
  return [...kept, ...added].slice(0, MAX_ENTRIES[name]);
}

function withConditions(next: Fields, live: Fields | undefined, options: MergeOptions): Fields {
  return {
    ...next,
    conditions: mergeConditions(asList(live?.['conditions']), asList(next['conditions']), options),
  };
}

function referenceOf(entry: Fields): string {
  const reference = (entry['parentRef'] ?? entry['ancestorRef'] ?? {}) as Fields;
  return JSON.stringify(Object.entries(reference).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function asList(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}
