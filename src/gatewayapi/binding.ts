// How Gateways get addresses, and their listeners sockets: what the caller of translate() offers, and what came of what was planned.
// The translator decides among them and invents nothing: which addresses and ports there are is always told.

export type Binding = HostBinding | PoolBinding | ServiceBinding;

/** On all addresses of the machine, which Gateways share, at the listener's port plus an offset. */
export interface HostBinding {
  readonly kind: 'host';
  /** An IP literal; `::` for all addresses. */
  readonly bindAddress: string;
  readonly portOffset: number;
  /** Where clients reach the host: what status.addresses reports, and what spec.addresses may ask for. */
  readonly addresses: readonly HostAddress[];
}

/** Each Gateway on addresses of its own, of these. */
export interface PoolBinding {
  readonly kind: 'pool';
  /** IP literals of the machine. */
  readonly addresses: readonly string[];
}

/** Each Gateway behind a Service of its own, which leads to a port of its own for each of the Gateway's: see GatewayService. */
export interface ServiceBinding {
  readonly kind: 'service';
  /** An IP literal; `::` for all addresses. */
  readonly bindAddress: string;
}

/** What the Service of a Gateway has by now. */
export interface GatewayService {
  /** Where clients reach it: those of its load balancer. */
  readonly addresses: readonly HostAddress[];
  /** Where it is reached inside the cluster. */
  readonly clusterAddresses: readonly string[];
  /** By name of the port that clients dial, `80` or `53/udp`: the one that the sockets bind. */
  readonly targetPorts: Readonly<Record<string, number>>;
}

export interface HostAddress {
  readonly type: 'IPAddress' | 'Hostname';
  readonly value: string;
}
