// Which objects of a kind the last translation asked for, whether they are there or not: a provider need not know any others.
import type { ObjectFacts } from './facts.ts';
import type { Memo } from './memo.ts';

/** `namespace/name`, or names of cluster-scoped objects. */
export function keysRead(memo: Memo, kind: keyof ObjectFacts): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const table of Object.values(memo.tables)) for (const key of table.keysRead(kind)) keys.add(key as string);
  return keys;
}
