// A cluster: the endpoints behind one backend (a Service port or a Backend) and how to talk to them.

export interface Cluster {
  readonly kind: 'cluster';
  /**
   * `cluster/<kind>/<namespace>/<name>[/<port>]`, with `/grpc` at the end where gRPC routes use a backend that says no protocol, and
   * `/udp` for the UDP port of a Service.
   */
  readonly key: string;
  /** `namespace/name[:port]`: a metric label and a log field. */
  readonly name: string;
  /**
   * `http1`: HTTP/1.1. `http2`: HTTP/2, with prior knowledge where there is no TLS. `negotiated`: what ALPN settles; only with TLS.
   * Streams and datagrams are sent as they come, whatever this says.
   */
  readonly protocol: 'http1' | 'http2' | 'negotiated';
  /** Ready endpoints only; none means 503. */
  readonly endpoints: readonly Endpoint[];
  /** Not for connections that are passed through: they are TLS already. */
  readonly tls?: UpstreamTls;
  /** The version of the PROXY protocol header that connections of streams begin with; absent: none. */
  readonly proxyProtocol?: 1 | 2;
  readonly connectTimeoutMs: number;
  /** How long an unused connection is kept. */
  readonly idleTimeoutMs: number;
  /** Open connections per endpoint. */
  readonly maxConnections: number;
  /** Requests at the same time on one HTTP/2 connection; the endpoint may allow fewer. */
  readonly maxStreamsPerConnection: number;
  /** Requests that wait for a connection, per endpoint; beyond it the answer is 503 (overflow). */
  readonly maxPendingRequests: number;
}

export type Endpoint = IpEndpoint | FqdnEndpoint;

export interface IpEndpoint {
  readonly kind: 'ip';
  readonly address: string;
  readonly port: number;
}

/** Resolved off the data path; each address it resolves to becomes an endpoint of its own. */
export interface FqdnEndpoint {
  readonly kind: 'fqdn';
  readonly hostname: string;
  readonly port: number;
}

export interface UpstreamTls {
  /** SNI. */
  readonly serverName: string;
  /** Names of which the upstream's certificate must carry one; absent: it must carry `serverName`. */
  readonly subjectAltNames?: readonly SubjectAltName[];
  /** PEM bundle of the CAs to trust; absent: those that Node ships. */
  readonly caPem?: string;
}

export interface SubjectAltName {
  readonly type: 'hostname' | 'uri';
  readonly value: string;
}

export const CLUSTER_DEFAULTS = {
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 60_000,
  maxConnections: 1_024,
  maxStreamsPerConnection: 100,
  maxPendingRequests: 1_024,
} as const;
