// What requests are served from: one immutable object, swapped whole. A request keeps the snapshot it started with.
import type { Listener, Traffic } from '../../ir/listener.ts';
import type { RouteCells } from '../../observability/traffic-cells.ts';
import type { RuntimeCluster } from '../cluster/runtime-cluster.ts';
import type { HostnameIndex } from '../route/hostname-index.ts';
import type { RouteTable } from '../route/route-table.ts';
import type { RuntimeCertificate } from './certificate-context.ts';
import type { RuntimeRule } from './runtime-route.ts';
import type { StreamHost } from './runtime-stream-route.ts';
import type { TlsPolicy } from './tls-policy.ts';

export interface RuntimeSnapshot {
  /** Ir.hash */
  readonly hash: string;
  /** By Listener.key. */
  readonly listeners: ReadonlyMap<string, RuntimeListener>;
  /** By Cluster.key. */
  readonly clusters: ReadonlyMap<string, RuntimeCluster>;
}

export interface RuntimeListener {
  readonly config: Listener;
  readonly all: readonly RuntimeVirtualHost[];
  readonly virtualHosts: HostnameIndex<RuntimeVirtualHost>;
  /** Whether one of its virtual hosts does. */
  readonly servesGrpcWeb: boolean;
  /** Cells of requests that reached no virtual host. */
  readonly cells: RouteCells;
}

export interface RuntimeVirtualHost {
  readonly name: string;
  readonly hostname: string;
  readonly routes: RouteTable<RuntimeRule>;
  readonly traffic: Traffic;
  readonly servesGrpcWeb: boolean;
  /** Undefined where no TLS is terminated. */
  readonly tlsPolicy: TlsPolicy | undefined;
  /** In order of certificateRefs; empty where no TLS is terminated. */
  readonly certificates: readonly RuntimeCertificate[];
  /** What endpoints that ask for a certificate are shown. */
  readonly backendClientCertificate: RuntimeCertificate | undefined;
  /** Undefined where the traffic is requests. */
  readonly stream: StreamHost | undefined;
  /** Cells of requests that matched no route. */
  readonly cells: RouteCells;
}
