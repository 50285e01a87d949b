// The endpoints of a cluster as one connection of a stream route tries them: each try is a connection of its own, which no pool keeps.
import type { OnReadOpts, Socket } from 'node:net';
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import type { TcpEndpoint } from '../forward/tcp-session.ts';
import type { EndpointChoice } from '../runtime/runtime-stream-route.ts';
import type { EndpointPool, StreamTls } from './endpoint-pool.ts';
import type { RuntimeCluster } from './runtime-cluster.ts';

export class StreamEndpoints implements EndpointChoice<TcpEndpoint> {
  readonly #cluster: RuntimeCluster;
  readonly #tls: StreamTls | undefined;
  /** The same endpoint is the same object, so that whoever tries them can tell. */
  readonly #made = new Map<EndpointPool, StreamEndpoint>();

  /** @param tls undefined: the bytes go out as they are, whatever the cluster says of TLS. */
  constructor(cluster: RuntimeCluster, tls: StreamTls | undefined) {
    this.#cluster = cluster;
    this.#tls = tls;
  }

  select(failed?: TcpEndpoint): TcpEndpoint | undefined {
    const pool = this.#cluster.select(failed instanceof StreamEndpoint ? failed.pool : undefined);
    if (pool === undefined) return undefined;
    const endpoint = this.#made.get(pool) ?? new StreamEndpoint(pool, this.#tls);
    this.#made.set(pool, endpoint);
    return endpoint;
  }
}

class StreamEndpoint implements TcpEndpoint {
  readonly pool: EndpointPool;
  readonly #tls: StreamTls | undefined;

  constructor(pool: EndpointPool, tls: StreamTls | undefined) {
    this.pool = pool;
    this.#tls = tls;
  }

  get name(): string {
    return this.pool.name;
  }

  get connectTimeout(): TimeoutQueue {
    return this.pool.connectTimeout;
  }

  connect(preamble: Buffer | undefined, onread: OnReadOpts): Socket | undefined {
    return this.pool.connectStream(this.#tls, preamble, onread);
  }

  onConnectFailed(reason: string): void {
    this.pool.onConnectFailed(reason);
  }
}
