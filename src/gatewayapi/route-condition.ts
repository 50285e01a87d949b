// Reasons and messages of the conditions of a route, per parent.
import { RouteReason } from '../api/condition.ts';
import type { Problem } from './object-status.ts';
import { listNames, quote } from './quote.ts';

export const ROUTE_ACCEPTED: Problem = { reason: RouteReason.Accepted, message: 'The route is attached.' };

export const ROUTE_REFS_RESOLVED: Problem = {
  reason: RouteReason.ResolvedRefs,
  message: 'All references are resolved.',
};

// Accepted: the parent

/** What part of a parent a parentRef names. */
export interface ParentSection {
  readonly sectionName?: string;
  readonly port?: number;
}

/** A listener as messages name it. */
export interface NamedListener {
  readonly section: string;
  readonly port: number;
}

/** A parent as messages name it. */
export interface NamedParent {
  readonly kind: string;
  /** `namespace/name` */
  readonly key: string;
  readonly listeners: readonly NamedListener[];
}

export function noMatchingParent({ kind, key, listeners }: NamedParent, { sectionName, port }: ParentSection): Problem {
  const wanted = [
    ...(sectionName === undefined ? [] : [`name ${quote(sectionName)}`]),
    ...(port === undefined ? [] : [`port ${port}`]),
  ].join(' and ');
  const has = listeners.map((listener) => `${listener.section} (port ${listener.port})`);
  return {
    reason: RouteReason.NoMatchingParent,
    message: `${kind} ${key} has no listener with ${wanted}; it has ${listNames(has)}.`,
  };
}

export function kindNotAllowed(kind: string, listeners: readonly NamedListener[], parent: NamedParent): Problem {
  return {
    reason: RouteReason.NotAllowedByListeners,
    message: `No ${kind} may attach to ${nameListeners(listeners)} of the ${parent.kind}: its allowedRoutes.kinds or protocol has no place for it.`,
  };
}

export function namespaceNotAllowed(
  namespace: string,
  listeners: readonly NamedListener[],
  parent: NamedParent,
): Problem {
  return {
    reason: RouteReason.NotAllowedByListeners,
    message: `No route from namespace ${namespace} may attach to ${nameListeners(listeners)} of the ${parent.kind}: see its allowedRoutes.namespaces.`,
  };
}

export function noMatchingHostname(
  hostnames: readonly string[],
  listeners: readonly NamedListener[],
  parent: NamedParent,
): Problem {
  return {
    reason: RouteReason.NoMatchingListenerHostname,
    message: `None of spec.hostnames (${listNames(hostnames)}) fits the hostname of ${nameListeners(listeners)} of the ${parent.kind}.`,
  };
}

function nameListeners(listeners: readonly NamedListener[]): string {
  return `listener ${listNames(listeners.map(({ section }) => section))}`;
}

export function listenerSetNotAttached(listenerSet: string): Problem {
  return {
    reason: RouteReason.NoMatchingParent,
    message: `ListenerSet ${listenerSet} is not allowed by its Gateway; its status says more.`,
  };
}

// Accepted: the rules

export function unsupportedValue(field: string, why: string): Problem {
  return { reason: RouteReason.UnsupportedValue, message: `${field}: ${why}.` };
}

export function incompatibleFilters(field: string, why: string): Problem {
  return { reason: RouteReason.IncompatibleFilters, message: `${field}: ${why}.` };
}

export function partiallyInvalid(kind: string, problems: Problem): Problem {
  const answer = kind === 'GRPCRoute' ? 'UNAVAILABLE' : '500';
  return {
    reason: RouteReason.UnsupportedValue,
    message: `Dropped Rule: requests for it are answered ${answer}. ${problems.message}`,
  };
}

// ResolvedRefs

export function backendKindNotSupported(field: string, kind: string): Problem {
  return {
    reason: RouteReason.InvalidKind,
    message: `${field} refers to a ${kind}; a Service or a Backend of sluice.dev can be used.`,
  };
}

export function backendNotPermitted(
  field: string,
  kind: string,
  target: string,
  from: { readonly kind: string; readonly namespace: string },
): Problem {
  return {
    reason: RouteReason.RefNotPermitted,
    message:
      `${field} refers to ${kind} ${target}, and no ReferenceGrant in that namespace allows it: ` +
      `it must grant ${from.kind}s in namespace ${from.namespace} access to ${kind}s.`,
  };
}

/** `problem` says what is wrong with the backend. */
export function backendNotUsable(field: string, { reason, message }: Problem): Problem {
  return { reason, message: `${field}: ${message}` };
}
