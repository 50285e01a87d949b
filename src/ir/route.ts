// A route: which requests, connections or datagrams, and what becomes of them. One resource is one route object of the API.
import type { Filter } from './filter.ts';

export interface Route {
  readonly kind: 'route';
  /** `route/<kind>/<namespace>/<name>` */
  readonly key: string;
  /** `grpc`: only gRPC requests match, and go before those that HTTP routes of the same hostname match. */
  readonly protocol: 'http' | 'grpc';
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
  /** Absent: only what failed without the endpoint having seen it is sent again. */
  readonly retry?: RetryPolicy;
}

export interface RetryPolicy {
  /** In addition to the first try. */
  readonly attempts: number;
  /** Status codes of answers that are not handed on but tried again. Failing connections are always. */
  readonly codes: readonly number[];
  /** Before the first retry; it doubles from one to the next, with jitter. */
  readonly backoffMs: number;
}

/** AND of all that is present. */
export interface RouteMatch {
  readonly path: PathMatch;
  /** Of gRPC routes: what `path` was made from, for precedence and explanations; `''` where the match names none. */
  readonly rpc?: { readonly service: string; readonly method: string };
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

/** The way of connections or datagrams. Of several that are attached to one virtual host with the same hostname, the oldest is used. */
export interface StreamRoute {
  readonly kind: 'streamRoute';
  /** `route/<kind>/<namespace>/<name>` */
  readonly key: string;
  /** `namespace/name` */
  readonly name: string;
  /** As in Route. */
  readonly createdAtMs: number;
  /** Hostnames are server names; all `*` where the listener does not read any. */
  readonly attachments: readonly RouteAttachment[];
  /** One is chosen for each connection, or each client of datagrams. None, or one without cluster: it is closed. */
  readonly backends: readonly WeightedBackend[];
}
