// Who wins where two objects want the same: the older one, then the first by namespace/name. Objects without a
// creationTimestamp count as equally old.
import type { ObjectMeta } from '../api/object.ts';

export interface Aged {
  readonly createdAtMs: number;
  /** `namespace/name` */
  readonly key: string;
}

export function creationTimeMs({ creationTimestamp }: ObjectMeta): number {
  const time = creationTimestamp === undefined ? 0 : Date.parse(creationTimestamp);
  return Number.isNaN(time) ? 0 : time;
}

/** Negative where `a` wins. */
export function compareSeniority(a: Aged, b: Aged): number {
  return a.createdAtMs - b.createdAtMs || compareText(a.key, b.key);
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
