// The routes of one virtual host, indexed for selection. Immutable; the next table takes over the hosts whose routes are the same.
import type { Route, RouteHostname } from '../../ir/route.ts';
import type { BoundRoute, RouteSelection } from './candidate.ts';
import { HostRoutes } from './host-routes.ts';
import { HostnameIndex } from './hostname-index.ts';
import type { RouteRequest } from './predicate.ts';
import { QueryParameters } from './query-parameters.ts';

/** A route and the hostnames of its attachment to the virtual host. */
export interface AttachedRoute {
  readonly route: Route;
  readonly hostnames: readonly RouteHostname[];
}

export interface RouteTable<T> {
  /** By served hostname. */
  readonly hosts: ReadonlyMap<string, HostRoutes<T>>;
  readonly index: HostnameIndex<HostRoutes<T>>;
  readonly readsQuery: boolean;
}

const SLASH = 0x2f;
const UNREAD_QUERY = new QueryParameters(undefined);

/**
 * `bind` gives what a selection carries for a rule. What `previous` compiled for a served hostname is kept where its routes are the
 * same objects and `bind` gives the same targets.
 */
export function createRouteTable<T>(
  attached: readonly AttachedRoute[],
  bind: (route: Route, ruleIndex: number) => T,
  previous?: RouteTable<T>,
): RouteTable<T> {
  const bound = new Map<string, BoundRoute<T>[]>();
  for (const { route, hostnames } of attached) {
    const targets = route.rules.map((_rule, ruleIndex) => bind(route, ruleIndex));
    for (const hostname of hostnames) {
      const others = bound.get(hostname.served);
      if (others === undefined) bound.set(hostname.served, [{ route, hostname, targets }]);
      else others.push({ route, hostname, targets });
    }
  }
  const hosts = new Map<string, HostRoutes<T>>();
  let readsQuery = false;
  for (const [served, routes] of bound) {
    const old = previous?.hosts.get(served);
    const host = old?.isFor(routes) === true ? old : new HostRoutes(routes, old);
    hosts.set(served, host);
    readsQuery ||= host.readsQuery;
  }
  return { hosts, index: new HostnameIndex(hosts), readsQuery };
}

/** What answers the request, or undefined: 404. What is no path (`OPTIONS *`) has no route, not even below a prefix `/`. */
export function selectRoute<T>(table: RouteTable<T>, request: RouteRequest): RouteSelection<T> | undefined {
  if (request.path.charCodeAt(0) !== SLASH) return undefined;
  const query = table.readsQuery ? new QueryParameters(request.query) : UNREAD_QUERY;
  for (let host = table.index.find(request.host); host !== undefined; host = host.broader) {
    const selected = host.value.select(request, query);
    if (selected !== undefined) return selected;
  }
  return undefined;
}
