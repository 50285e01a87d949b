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
  /** Absent: all as the data plane is configured. */
  readonly settings?: ListenerSettings;
  readonly virtualHosts: readonly VirtualHost[];
}

/**
 * What one Gateway API listener became. A request is served by the single virtual host whose hostname matches its Host most
 * specifically; only routes attached to that one are candidates (listener isolation).
 */
export interface VirtualHost {
  /**
   * `namespace/gateway/section`, or `ListenerSet/namespace/name/section`: a metric label, and what routes attach to. One name in several
   * Listeners is one Gateway API listener on several addresses, and else the same.
   */
  readonly name: string;
  /** Lower case: exact, `*.suffix` (one or more labels), or `*` for any host. Unique inside a Listener. */
  readonly hostname: string;
  readonly traffic: Traffic;
  /** Keys of Certificate resources, in order of certificateRefs; empty where no TLS is terminated. */
  readonly certificates: readonly string[];
  /** Absent: clients are asked for no certificate. Only where TLS is terminated. */
  readonly clientValidation?: ClientValidation;
  /** Absent: all that the data plane offers. Only where TLS is terminated. */
  readonly tls?: TlsSettings;
  /** Whether gRPC-Web is translated to gRPC. Absent: no. */
  readonly grpcWeb?: boolean;
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

/** How a socket deals with clients, before it is known which virtual host they want. What is absent is as the data plane is configured. */
export interface ListenerSettings {
  /** Proxies between clients and the gateway, each of which adds an entry to X-Forwarded-For. Absent: 0. */
  readonly trustedHops?: number;
  /** Networks (CIDR) from which connections begin with a header of the PROXY protocol, and from nowhere else. Absent: none. */
  readonly proxySources?: readonly string[];
  readonly limits?: ListenerLimits;
  readonly timeouts?: ListenerTimeouts;
  /** Whether names of header fields may hold `_`. Absent: no. */
  readonly allowsUnderscores?: boolean;
  /** Of paths with `%2F`. Absent: `keep`. */
  readonly escapedSlashes?: 'keep' | 'reject' | 'redirect';
}

/** 0: no limit. */
export interface ListenerLimits {
  readonly maxConnections?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxConcurrentStreams?: number;
  readonly maxHeadBytes?: number;
  readonly maxUriBytes?: number;
  readonly maxHeaderCount?: number;
  readonly maxBodyBytes?: number;
}

/** 0: no limit. */
export interface ListenerTimeouts {
  readonly tlsHandshakeMs?: number;
  readonly headMs?: number;
  readonly bodyIdleMs?: number;
  readonly keepAliveIdleMs?: number;
  readonly writeStallMs?: number;
}

export interface TlsSettings {
  readonly minVersion?: '1.2' | '1.3';
  /** IANA names; absent: all that are safe. */
  readonly cipherSuites?: readonly CipherSuite[];
}

/** Forward secrecy and authenticated encryption. */
export type CipherSuite =
  | 'TLS_AES_128_GCM_SHA256'
  | 'TLS_AES_256_GCM_SHA384'
  | 'TLS_CHACHA20_POLY1305_SHA256'
  | 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'
  | 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'
  | 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'
  | 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'
  | 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'
  | 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256';

export function listenerKey(bindAddress: string, bindPort: number, protocol: Listener['protocol']): string {
  return `listener/${bindAddress}/${portName(bindPort, protocol)}`;
}

/** `53`, or `53/udp` for datagrams: TCP and UDP have ports of their own. */
export function portName(port: number, protocol: Listener['protocol']): string {
  return protocol === 'UDP' ? `${port}/udp` : String(port);
}

/** The name of the port that a listener with this key binds: `80`, `53/udp`, with its address where that is not all: `192.0.2.1:80`. */
export function portNameOfKey(key: string): string {
  const [, bindAddress = '', ...rest] = key.split('/');
  const port = rest.join('/');
  if (bindAddress === ALL_ADDRESSES) return port;
  return bindAddress.includes(':') ? `[${bindAddress}]:${port}` : `${bindAddress}:${port}`;
}

const ALL_ADDRESSES = '::';
