// A cluster as requests use it: its pools in order, and the choice among them.
import type { Cluster } from '../../ir/cluster.ts';
import type { ClusterCells } from '../../observability/traffic-cells.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { RetryBudget } from './retry-budget.ts';

export class RuntimeCluster {
  readonly config: Cluster;
  readonly metrics: ClusterCells;
  readonly retryBudget: RetryBudget = new RetryBudget();
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

  /**
   * Round robin; undefined where there is no endpoint. After a failure the endpoint behind `failed` is taken, out of turn: else
   * requests that come one after the other would each try a dead endpoint first.
   */
  select(failed?: EndpointPool): EndpointPool | undefined {
    const pools = this.#pools;
    if (failed !== undefined) return pools[(pools.indexOf(failed) + 1) % pools.length];
    if (this.#next >= pools.length) this.#next = 0;
    return pools[this.#next++];
  }
}
