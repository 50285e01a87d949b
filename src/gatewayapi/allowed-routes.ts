// allowedRoutes of a listener: which kinds of routes from which namespaces may attach. And the same for ListenerSets: allowedListeners
// of a Gateway.
import type { Listener, ListenerNamespaces } from '../api/generated/gateway.ts';
import type { RouteGroupKind, RouteNamespaces } from '../api/generated/shared.ts';
import type { FactReader } from './facts.ts';
import { selectorDefect, selectorMatches } from './label-selector.ts';
import { invalidNamespaceSelector, invalidRouteKinds } from './listener-condition.ts';
import { routeKindsOf } from './listener-protocol.ts';
import type { Problem } from './object-status.ts';

/** The label that the API server gives each Namespace. */
const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

export interface SupportedKinds {
  readonly supportedKinds: readonly RouteGroupKind[];
  readonly problem: Problem | undefined;
}

/** What the protocol offers, cut down to what the listener allows. A protocol that is not supported offers nothing. */
export function supportedKindsOf({ protocol, allowedRoutes }: Listener): SupportedKinds {
  const offered = routeKindsOf(protocol);
  const { kinds = [] } = allowedRoutes;
  if (offered.length === 0 || kinds.length === 0) return { supportedKinds: offered, problem: undefined };
  const isSame = (a: RouteGroupKind, b: RouteGroupKind): boolean => a.group === b.group && a.kind === b.kind;
  const unknown = kinds.filter((kind) => !offered.some((candidate) => isSame(candidate, kind)));
  return {
    supportedKinds: offered.filter((candidate) => kinds.some((kind) => isSame(candidate, kind))),
    problem: unknown.length === 0 ? undefined : invalidRouteKinds(unknown, offered),
  };
}

export function namespaceSelectorProblem({ from, selector }: RouteNamespaces): Problem | undefined {
  if (from !== 'Selector') return undefined;
  const defect = selector === undefined ? ' is needed with from: Selector' : selectorDefect(selector);
  return defect === undefined ? undefined : invalidNamespaceSelector(defect);
}

/**
 * Whether what is in `namespace` may attach to what is in `ownNamespace`. A Namespace that is not declared exists all the same, and a
 * selector that is not valid selects none.
 */
export function allowsNamespace(
  reader: FactReader,
  { from, selector }: RouteNamespaces | ListenerNamespaces,
  ownNamespace: string,
  namespace: string,
): boolean {
  switch (from) {
    case 'All':
      return true;
    case 'None':
      return false;
    case 'Same':
      return ownNamespace === namespace;
    case 'Selector': {
      if (selector === undefined || selectorDefect(selector) !== undefined) return false;
      const labels = reader.get('Namespace', namespace)?.metadata.labels ?? {};
      return selectorMatches(selector, { ...labels, [NAMESPACE_NAME_LABEL]: namespace });
    }
  }
}
