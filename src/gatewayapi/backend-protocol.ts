// What is spoken to a backend, from what it says of itself and from what goes there. What it says is kept to: where it wants TLS and
// nothing tells whom to trust, plain text is not the answer.
import type { Backend } from '../api/generated/backend.ts';
import type { Cluster } from '../ir/cluster.ts';

type Protocol = Cluster['protocol'];

/** What goes to a backend. */
export type BackendTraffic = 'http' | 'grpc' | 'stream' | 'datagram';

export interface BackendProtocol {
  /** Absent: it wants TLS. */
  readonly plain?: Protocol;
  readonly overTls: Protocol;
  /** `own`: it says no version of HTTP, so that gRPC, which needs HTTP/2, gets a cluster of its own. */
  readonly grpc: 'same' | 'own' | 'none';
}

const ANY_HTTP: BackendProtocol = { plain: 'http1', overTls: 'negotiated', grpc: 'own' };
const HTTP1: BackendProtocol = { plain: 'http1', overTls: 'http1', grpc: 'none' };
const HTTP2: BackendProtocol = { plain: 'http2', overTls: 'http2', grpc: 'same' };

const APP_PROTOCOLS: ReadonlyMap<string, BackendProtocol> = new Map([
  ['', ANY_HTTP],
  ['http', HTTP1],
  ['https', { overTls: 'negotiated', grpc: 'own' }],
  ['kubernetes.io/h2c', HTTP2],
  ['kubernetes.io/ws', HTTP1],
  ['kubernetes.io/wss', { overTls: 'http1', grpc: 'none' }],
]);

const PROTOCOLS_OF_BACKENDS: Readonly<Record<Backend['spec']['protocol'], BackendProtocol>> = {
  HTTP: ANY_HTTP,
  H2C: HTTP2,
  WS: HTTP1,
};

/** Undefined where it is not known. Names without a prefix are IANA's, which don't distinguish case (RFC 6335 section 5.1). */
export function findAppProtocol(appProtocol: string): BackendProtocol | undefined {
  return APP_PROTOCOLS.get(appProtocol.includes('/') ? appProtocol : appProtocol.toLowerCase());
}

export function protocolOfBackend({ spec }: Backend): BackendProtocol {
  return PROTOCOLS_OF_BACKENDS[spec.protocol];
}

/** Why requests can't be sent to a backend that says so. */
export function protocolDefect(
  protocol: BackendProtocol | undefined,
  traffic: 'http' | 'grpc',
  isSecured: boolean,
): string | undefined {
  if (protocol === undefined)
    return 'is not known; use http, https, kubernetes.io/h2c, kubernetes.io/ws, kubernetes.io/wss or none';
  if (protocol.plain === undefined && !isSecured)
    return 'wants TLS, and no BackendTLSPolicy says whom to trust; plain text is not sent instead';
  return traffic === 'grpc' && protocol.grpc === 'none'
    ? 'is not HTTP/2, which gRPC needs; use kubernetes.io/h2c (H2C with a Backend) or none'
    : undefined;
}

/** `isForGrpc`: the cluster is the one that gRPC has for itself. Streams don't mind what it is. */
export function clusterProtocol(
  { plain = 'http1', overTls }: BackendProtocol = ANY_HTTP,
  isSecured: boolean,
  isForGrpc: boolean,
): Protocol {
  if (isForGrpc) return 'http2';
  return isSecured ? overTls : plain;
}
