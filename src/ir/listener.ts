// What the data plane listens on. One Listener is one socket; the Gateway API listeners that share it are its virtual hosts.

/** One listening socket: `bindAddress:bindPort`. The port that clients dial may differ (port offset, Service target port). */
export interface Listener {
  readonly kind: 'listener';
  /** `listener/<bindAddress>/<bindPort>` */
  readonly key: string;
  /** An IP literal; `::` binds all addresses of both families. */
  readonly bindAddress: string;
  readonly bindPort: number;
  /** The port in the Gateway's spec: what clients dial, and what a redirect's Location names. */
  readonly port: number;
  readonly protocol: 'HTTP' | 'HTTPS';
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
  /** Keys of Certificate resources, in order of certificateRefs; empty on plaintext listeners. */
  readonly certificates: readonly string[];
}

export function listenerKey(bindAddress: string, bindPort: number): string {
  return `listener/${bindAddress}/${bindPort}`;
}
