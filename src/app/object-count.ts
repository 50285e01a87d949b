// How many objects of each kind there are, for people.
import { DEFAULT_CLASS_NAME } from '../api/condition.ts';
import type { KubernetesObject } from '../api/object.ts';

/** By kind. */
export type ObjectCounts = Readonly<Record<string, number>>;

/** Leaves out what exists without a manifest, in name or in fact: Namespaces, and the default GatewayClass. */
export function countObjects(objects: Iterable<KubernetesObject>): ObjectCounts {
  const counts: Record<string, number> = {};
  for (const { kind, metadata } of objects) {
    if (kind === 'Namespace' || (kind === 'GatewayClass' && metadata.name === DEFAULT_CLASS_NAME)) continue;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
