// Where a route attaches: for each parentRef the listeners that take it, or the first reason why none does.
import type { ParentReference } from '../api/generated/shared.ts';
import { GATEWAY_GROUP } from '../api/kinds.ts';
import type { RouteAttachment, RouteHostname } from '../ir/route.ts';
import { ANY_HOSTNAME, intersectHostnames } from '../lib/hostname.ts';
import { allowsNamespace } from './allowed-routes.ts';
import type { FactReader } from './facts.ts';
import type { RouteListener, RouteParent } from './gateway-model.ts';
import type { Problem } from './object-status.ts';
import { findParent, selectListeners } from './parent-ref.ts';
import { kindNotAllowed, namespaceNotAllowed, noMatchingHostname, noMatchingParent } from './route-condition.ts';
import type { ParentVerdict, RouteAttachments, RouteKind, RouteObject } from './route-model.ts';

export function createRouteAttachments(route: RouteObject, reader: FactReader): RouteAttachments {
  const parents: ParentVerdict[] = [];
  const attachments = new Map<string, RouteAttachment>();
  const listeners = new Set<string>();
  for (const parentRef of route.spec.parentRefs ?? []) {
    const parent = findParent(reader, parentRef, route.metadata.namespace);
    if (parent === undefined) continue;
    const attached = attach(reader, route, parentRef, parent);
    parents.push({ parentRef, gateway: parent.gateway, rejection: 'reason' in attached ? attached : undefined });
    if ('reason' in attached) continue;
    for (const listener of attached) {
      const { name, hostname, isServed } = listener;
      listeners.add(name);
      if (isServed) attachments.set(name, { virtualHost: name, hostnames: intersectAll(hostname, hostnamesOf(route)) });
    }
  }
  return { parents, listeners: [...listeners], attachments: [...attachments.values()] };
}

/** The listeners of one parent that take the route; in the specification's order of reasons where none does. */
function attach(
  reader: FactReader,
  route: RouteObject,
  parentRef: ParentReference,
  parent: RouteParent,
): readonly RouteListener[] | Problem {
  const { kind, metadata } = route;
  if (parent.problem !== undefined) return parent.problem;
  const selected = selectListeners(parent.listeners, parentRef);
  if (selected.length === 0) return noMatchingParent(parent, parentRef);
  const ofKind = selected.filter((listener) => takesKind(listener, kind));
  if (ofKind.length === 0) return kindNotAllowed(kind, selected, parent);
  const [parentNamespace = ''] = parent.key.split('/');
  const allowed = ofKind.filter(({ namespaces }) =>
    allowsNamespace(reader, namespaces, parentNamespace, metadata.namespace),
  );
  if (allowed.length === 0) return namespaceNotAllowed(metadata.namespace, ofKind, parent);
  const hostnames = hostnamesOf(route);
  const matching = allowed.filter(({ hostname }) => intersectAll(hostname, hostnames).length > 0);
  return matching.length > 0 ? matching : noMatchingHostname(hostnames, allowed, parent);
}

function takesKind({ supportedKinds }: RouteListener, routeKind: RouteKind): boolean {
  return supportedKinds.some(({ group, kind }) => group === GATEWAY_GROUP && kind === routeKind);
}

function hostnamesOf({ spec }: RouteObject): readonly string[] {
  return 'hostnames' in spec ? (spec.hostnames ?? []) : [];
}

/** A route without hostnames takes the listener's. */
function intersectAll(listenerHostname: string, routeHostnames: readonly string[]): readonly RouteHostname[] {
  if (routeHostnames.length === 0) return [{ served: listenerHostname, declared: ANY_HOSTNAME }];
  const hostnames: RouteHostname[] = [];
  for (const declared of new Set(routeHostnames)) {
    const served = intersectHostnames(listenerHostname, declared);
    if (served !== undefined) hostnames.push({ served, declared });
  }
  return hostnames;
}
