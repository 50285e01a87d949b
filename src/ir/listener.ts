// What the data plane listens on. One Listener is one socket; the Gateway API listeners that share it are its virtual hosts.

/** One listening socket: `bindAddress:bindPort`. The port that clients dial may differ (port offset, Service target port). */
export interface Listener {
  readonly kind: 'listener';
  /** `listener/<bindAddress>/<bindPort>`, with `/udp` at the end for datagrams */
  readonly key: string;
  /** An IP literal; `::` binds all addresses of both families. */
  readonly bindAddress: string;
  readonly bindPort: number;
  /** The port in the Gateway's spec: what clients dial, and what a redirect's Location names. */
  readonly port: number;
  /** What the first bytes are. `TLS`: the server name of the ClientHello chooses the virtual host. */
  readonly protocol: 'HTTP' | 'TLS' | 'TCP' | 'UDP';
  readonly virtualHosts: readonly VirtualHost[];
}

/**
 * What one Gateway API listener became. A request is served by the single virtual host whose hostname matches its Host most
 * specifically; only routes attached to that one are candidates (listener isolation).
 */
export interface VirtualHost {
  /** `namespace/gateway/section`: a metric label, and what routes attach to. Unique over the whole IR. */
  readonly name: string;
  /** Lower case: exact, `*.suffix` (one or more labels), or `*` for any host. Unique inside a Listener. */
  readonly hostname: string;
  readonly traffic: Traffic;
  /** Keys of Certificate resources, in order of certificateRefs; empty where no TLS is terminated. */
  readonly certificates: readonly string[];
  /** Absent: clients are asked for no certificate. Only where TLS is terminated. */
  readonly clientValidation?: ClientValidation;
  /** Key of the Certificate that endpoints which ask for one are shown. */
  readonly backendClientCertificate?: string;
}

/**
 * `http`: requests, routed by Route resources (over TLS where the listener is). `stream`: the bytes of a connection, behind TLS where
 * the listener is. `passthrough`: a TLS connection, not decrypted. `datagram`: UDP. The last three are routed by StreamRoute resources.
 */
export type Traffic = 'http' | 'stream' | 'passthrough' | 'datagram';

/** What client certificates are checked against. */
export interface ClientValidation {
  /** PEM bundle of the CAs to trust. */
  readonly caPem: string;
  /** Also without a certificate, or with one that is not valid, a client is served. */
  readonly allowsInsecureFallback: boolean;
}

export function listenerKey(bindAddress: string, bindPort: number, protocol: Listener['protocol']): string {
  return `listener/${bindAddress}/${portName(bindPort, protocol)}`;
}

/** `53`, or `53/udp` for datagrams: TCP and UDP have ports of their own. */
export function portName(port: number, protocol: Listener['protocol']): string {
  return protocol === 'UDP' ? `${port}/udp` : String(port);
}

/** The name of the port that a listener with this key binds. */
export function portNameOfKey(key: string): string {
  return key.split('/').slice(2).join('/');
}
