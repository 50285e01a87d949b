// A cluster as requests use it: its pools in order, and the choice among them.
import type { Cluster } from '../../ir/cluster.ts';
import type { ClusterCells } from '../../observability/traffic-cells.ts';
import type { EndpointPool } from './endpoint-pool.ts';

export class RuntimeCluster {
  readonly config: Cluster;
  readonly metrics: ClusterCells;
  #pools: readonly EndpointPool[] = [];
  #next = 0;

  constructor(config: Cluster, metrics: ClusterCells) {
    this.config = config;
    this.metrics = metrics;
  }

  get pools(): readonly EndpointPool[] {
    return this.#pools;
  }

  setPools(pools: readonly EndpointPool[]): void {
    this.#pools = pools;
  }

  /** Round robin. `failed` is passed over where there is another. Undefined: no endpoint. */
  select(failed?: EndpointPool): EndpointPool | undefined {
    const pools = this.#pools;
    for (let tries = 0; tries < 2; tries++) {
      if (this.#next >= pools.length) this.#next = 0;
      const pool = pools[this.#next++];
      if (pool !== failed || pools.length < 2) return pool;
    }
    return undefined;
  }
}
