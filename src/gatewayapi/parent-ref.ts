// parentRefs: whether one names a parent of ours, and which of its listeners it selects.
import { GATEWAY_GROUP } from '../api/kinds.ts';
import type { ParentReference } from '../api/generated/shared.ts';
import type { FactReader } from './facts.ts';
import type { RouteListener, RouteParent } from './gateway-model.ts';
import { targetKey } from './object-key.ts';

/** Undefined where the parent does not exist or is none of ours: then the route's status says nothing about it. */
export function findParent(
  reader: FactReader,
  { group, kind, namespace, name }: ParentReference,
  routeNamespace: string,
): RouteParent | undefined {
  if (group !== GATEWAY_GROUP || (kind !== 'Gateway' && kind !== 'ListenerSet')) return undefined;
  return reader.get('routeParent', targetKey(kind, namespace ?? routeNamespace, name));
}

/** Both must fit where both are given. */
export function selectListeners(
  listeners: readonly RouteListener[],
  { sectionName, port }: ParentReference,
): readonly RouteListener[] {
  return listeners.filter(
    (listener) =>
      (sectionName === undefined || listener.section === sectionName) && (port === undefined || listener.port === port),
  );
}
