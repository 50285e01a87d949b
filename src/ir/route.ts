// A route: which requests, and what becomes of them. One Route is one route object of the API.
import type { Filter } from './filter.ts';

export interface Route {
  readonly kind: 'route';
  /** `route/<kind>/<namespace>/<name>` */
  readonly key: string;
  /** `namespace/name`: a metric label, a log field, and the last tie-breaker of precedence. */
  readonly name: string;
  /** Milliseconds since the epoch; 0 where the object carries no creationTimestamp. Older wins. */
  readonly createdAtMs: number;
  readonly attachments: readonly RouteAttachment[];
  readonly rules: readonly RouteRule[];
}

/** That a route takes part in a virtual host, and for which hosts there. */
export interface RouteAttachment {
  /** VirtualHost.name */
  readonly virtualHost: string;
  readonly hostnames: readonly RouteHostname[];
}

export interface RouteHostname {
  /** The intersection of the listener's and the route's hostname: exact, `*.suffix` or `*`. What is served. */
  readonly served: string;
  /** The route's own hostname, `*` where it has none. What precedence compares. */
  readonly declared: string;
}

export interface RouteRule {
  /** Name of the rule in the spec, or its index as text. Unique inside the route. */
  readonly name: string;
  /** OR. Never empty: a rule without matches has one PathPrefix `/`. */
  readonly matches: readonly RouteMatch[];
  readonly filters: readonly Filter[];
  /** None, or all with weight 0: the rule answers 500, unless a redirect answers before. */
  readonly backends: readonly WeightedBackend[];
  /** Until the end of the response, from the end of the request's head. 0: none. Expiry: 504. */
  readonly requestTimeoutMs: number;
  /** One try. 0: none. Expiry: 504. */
  readonly backendRequestTimeoutMs: number;
}

/** AND of all that is present. */
export interface RouteMatch {
  readonly path: PathMatch;
  readonly method?: string;
  /** Distinct lower-case names; a request's repeated header is joined by `,` before comparing. */
  readonly headers: readonly ValueMatch[];
  /** Distinct case-sensitive names; of a repeated parameter the first counts. */
  readonly queryParams: readonly ValueMatch[];
}

/**
 * Values are in the normalised form that requests are brought into. A prefix carries no trailing slash (except `/` itself) and
 * matches whole segments. A regular expression must match the whole path and is linear-time (validated by the translator).
 */
export interface PathMatch {
  readonly type: 'exact' | 'prefix' | 'regex';
  readonly value: string;
}

export interface ValueMatch {
  readonly type: 'exact' | 'regex';
  readonly name: string;
  readonly value: string;
}

/** A share of a rule's traffic: weight / sum of weights. */
export interface WeightedBackend {
  /** `namespace/name[:port]`, also where it can't be resolved. */
  readonly name: string;
  readonly weight: number;
  /** Key of a Cluster; absent where the reference is broken: that share answers 500. */
  readonly cluster?: string;
  readonly filters: readonly Filter[];
}
