// Routes of kinds that are not supported yet: never served, and each parent of ours says so.
import { RouteCondition } from '../api/condition.ts';
import type { ParentReference, RouteParentStatus } from '../api/generated/shared.ts';
import type { FactReader } from './facts.ts';
import { ConditionMaker, objectStatus, type ObjectStatus, type Problem, type Untimed } from './object-status.ts';
import { findParent, selectListeners, type Parent } from './parent-ref.ts';
import { LISTENER_SET_NOT_SUPPORTED, noMatchingParent, routeKindNotSupported } from './route-condition.ts';

export const UNSUPPORTED_ROUTE_KINDS = ['GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'] as const;

type UnsupportedRouteKind = (typeof UNSUPPORTED_ROUTE_KINDS)[number];

/** `key`: `kind/namespace/name` */
export function createUnsupportedRouteStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const [kind = '', ...name] = key.split('/');
  const route = reader.get(kind as UnsupportedRouteKind, name.join('/'));
  if (route === undefined) return undefined;
  const conditions = new ConditionMaker(route.metadata);
  const { controllerName } = reader.get('settings', '');
  const parents: Untimed<RouteParentStatus>[] = [];
  for (const parentRef of route.spec.parentRefs ?? []) {
    const parent = findParent(reader, parentRef, route.metadata.namespace);
    if (parent === undefined) continue;
    const accepted = conditions.isFalse(RouteCondition.Accepted, findRejection(kind, parentRef, parent));
    parents.push({ parentRef, controllerName, conditions: [accepted] });
  }
  return parents.length === 0 ? undefined : objectStatus(route, { parents });
}

function findRejection(kind: string, parentRef: ParentReference, parent: Parent): Problem {
  if (parent.kind === 'listenerSet') return LISTENER_SET_NOT_SUPPORTED;
  const selected = selectListeners(parent.listeners, parentRef);
  return selected.length === 0
    ? noMatchingParent(parent.key, parentRef, parent.listeners)
    : routeKindNotSupported(kind);
}
