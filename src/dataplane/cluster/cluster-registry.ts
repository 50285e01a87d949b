// All clusters of the running configuration. A change keeps what it can: the pool of an endpoint lives on as long as its cluster
// names the same address with the same settings, whatever happens to routes.
import { isDeepStrictEqual } from 'node:util';
import type { Cluster } from '../../ir/cluster.ts';
import type { TimerWheel } from '../../lib/timeout-queue.ts';
import type { Metrics } from '../../observability/metric-names.ts';
import { bindClusterCells, releaseCells } from '../../observability/traffic-cells.ts';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import { EndpointPool } from './endpoint-pool.ts';
import { HostnameResolver } from './hostname-resolver.ts';
import { RuntimeCluster } from './runtime-cluster.ts';
import { UpstreamTlsContexts } from './upstream-tls.ts';

export interface ConnectFailure {
  /** Cluster.name */
  readonly cluster: string;
  readonly endpoint: string;
  readonly reason: string;
}

export interface ClusterRegistryOptions {
  readonly wheel: TimerWheel;
  readonly metrics: Metrics;
  readonly writeStallMs: number;
  readonly onResolveFailure: (hostname: string, error: unknown) => void;
  readonly onConnectFailure: (failure: ConnectFailure) => void;
  readonly onDefect: (error: unknown) => void;
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

interface Entry {
  readonly cluster: RuntimeCluster;
  /** By `address port`. */
  pools: ReadonlyMap<string, EndpointPool>;
  readonly tls: UpstreamTlsContexts | undefined;
}

export class ClusterRegistry {
  readonly #options: ClusterRegistryOptions;
  readonly #resolver: HostnameResolver;
  #entries: ReadonlyMap<string, Entry> = new Map();

  constructor(options: ClusterRegistryOptions) {
    this.#options = options;
    this.#resolver = new HostnameResolver({
      onChange: (hostname) => this.#onResolved(hostname),
      onFailure: options.onResolveFailure,
      ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
    });
  }

  /** Resolves the hostnames that these clusters name; ends when each was tried once. */
  async resolve(clusters: Iterable<Cluster>): Promise<void> {
    await this.#resolver.watch(hostnamesOf(clusters));
  }

  /**
   * Makes these the clusters. What is not among them, or made with another client certificate than these, is retired once the caller
   * has swapped: it calls the function returned.
   * @throws Error when OpenSSL refuses a bundle of CAs; the clusters stay as they are.
   */
  update(
    clusters: Iterable<Cluster>,
    clientCertificates: ReadonlySet<RuntimeCertificate>,
  ): {
    readonly clusters: ReadonlyMap<string, RuntimeCluster>;
    readonly retire: () => void;
  } {
    const previous = this.#entries;
    const entries = new Map<string, Entry>();
    for (const config of clusters) entries.set(config.key, this.#entry(config, previous.get(config.key)));
    this.#entries = entries;
    const runtime = new Map<string, RuntimeCluster>();
    for (const [key, { cluster }] of entries) runtime.set(key, cluster);
    return { clusters: runtime, retire: () => this.#retire(previous, clientCertificates) };
  }

  destroy(): void {
    this.#resolver.close();
    for (const { pools } of this.#entries.values()) for (const pool of pools.values()) pool.destroy();
  }

  #entry(config: Cluster, old: Entry | undefined): Entry {
    if (old?.cluster.config === config) return old;
    const keepsPools = old !== undefined && hasSamePoolSettings(old.cluster.config, config);
    const entry: Entry = {
      cluster: new RuntimeCluster(config, bindClusterCells(this.#options.metrics, config.name)),
      pools: keepsPools ? old.pools : new Map(),
      tls: keepsPools ? old.tls : upstreamTls(config),
    };
    this.#setPools(entry);
    return entry;
  }

  #setPools(entry: Entry): void {
    const { cluster, tls } = entry;
    const { config, metrics } = cluster;
    const { wheel, writeStallMs, onConnectFailure, onDefect } = this.#options;
    const pools = new Map<string, EndpointPool>();
    for (const { address, port } of this.#addresses(config)) {
      const key = `${address} ${port}`;
      const pool =
        entry.pools.get(key) ??
        new EndpointPool({
          address,
          port,
          protocol: config.protocol,
          maxConnections: config.maxConnections,
          maxStreamsPerConnection: config.maxStreamsPerConnection,
          maxPendingRequests: config.maxPendingRequests,
          timeouts: {
            connect: wheel.queue(config.connectTimeoutMs),
            idle: wheel.queue(config.idleTimeoutMs),
            writeStall: wheel.queue(writeStallMs),
          },
          wheel,
          tls,
          metrics,
          onConnectFailure: (endpoint, reason) => onConnectFailure({ cluster: config.name, endpoint, reason }),
          onDefect,
        });
      pools.set(key, pool);
    }
    entry.pools = pools;
    cluster.setPools([...pools.values()]);
  }

  #addresses(config: Cluster): { readonly address: string; readonly port: number }[] {
    return config.endpoints.flatMap((endpoint) =>
      endpoint.kind === 'ip'
        ? [endpoint]
        : this.#resolver.addresses(endpoint.hostname).map((address) => ({ address, port: endpoint.port })),
    );
  }

  #onResolved(hostname: string): void {
    for (const entry of this.#entries.values()) {
      const { endpoints } = entry.cluster.config;
      if (!endpoints.some((endpoint) => endpoint.kind === 'fqdn' && endpoint.hostname === hostname)) continue;
      const before = entry.pools;
      this.#setPools(entry);
      for (const [key, pool] of before) if (!entry.pools.has(key)) pool.retire();
    }
  }

  #retire(previous: ReadonlyMap<string, Entry>, clientCertificates: ReadonlySet<RuntimeCertificate>): void {
    this.#resolver.retain(hostnamesOf(Array.from(this.#entries.values(), ({ cluster }) => cluster.config)));
    for (const [key, old] of previous) {
      const now = this.#entries.get(key);
      if (now === old) continue;
      for (const [address, pool] of old.pools) if (now?.pools.get(address) !== pool) pool.retire();
      releaseCells(old.cluster.metrics);
    }
    for (const { pools } of this.#entries.values()) for (const pool of pools.values()) pool.retain(clientCertificates);
  }
}

function hostnamesOf(clusters: Iterable<Cluster>): ReadonlySet<string> {
  const hostnames = new Set<string>();
  for (const { endpoints } of clusters) {
    for (const endpoint of endpoints) if (endpoint.kind === 'fqdn') hostnames.add(endpoint.hostname);
  }
  return hostnames;
}

function upstreamTls({ tls }: Cluster): UpstreamTlsContexts | undefined {
  return tls === undefined ? undefined : new UpstreamTlsContexts(tls);
}

/** Whether connections made for the one cluster may serve the other. */
function hasSamePoolSettings(a: Cluster, b: Cluster): boolean {
  return (
    a.name === b.name &&
    a.protocol === b.protocol &&
    a.connectTimeoutMs === b.connectTimeoutMs &&
    a.idleTimeoutMs === b.idleTimeoutMs &&
    a.maxConnections === b.maxConnections &&
    a.maxStreamsPerConnection === b.maxStreamsPerConnection &&
    a.maxPendingRequests === b.maxPendingRequests &&
    isDeepStrictEqual(a.tls, b.tls)
  );
}
