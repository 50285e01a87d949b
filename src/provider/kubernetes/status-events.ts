// Which Events tell a human what changed for the worse: a condition of ours that has become false, or false for another reason. Pure.
import type { ObjectStatus, UntimedCondition } from '../../gatewayapi/object-status.ts';

export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

/** Types whose False means that somebody has to act; of the others, it means that all is well. */
const GOOD_TYPES: ReadonlySet<string> = new Set(['Accepted', 'ResolvedRefs', 'Programmed']);

/** @param before undefined: nothing was said of the object yet. */
export function newTroubles(before: ObjectStatus | undefined, after: ObjectStatus): readonly Trouble[] {
  const known = new Set(troublesOf(before).map(textOf));
  const seen = new Set<string>();
  return troublesOf(after).filter((trouble) => {
    const text = textOf(trouble);
    if (known.has(text) || seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

function troublesOf(status: ObjectStatus | undefined): Trouble[] {
  return conditionsOf(status?.status)
    .filter(({ type, status: value }) => value === 'False' && GOOD_TYPES.has(type))
    .map(({ reason, message }) => ({ reason, message }));
}

/** Of the object, its listeners, parents and ancestors. */
function conditionsOf(value: unknown): UntimedCondition[] {
  if (Array.isArray(value)) return value.flatMap(conditionsOf);
  if (typeof value !== 'object' || value === null) return [];
  if ('reason' in value && 'type' in value && 'status' in value) return [value as UntimedCondition];
  return Object.values(value).flatMap(conditionsOf);
}

function textOf({ reason, message }: Trouble): string {
  return `${reason} ${message}`;
}
