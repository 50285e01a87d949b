// Requests that wait for a connection, first come, first served.
import type { Gauge } from '../../../observability/metric-cell.ts';
import type { PoolWaiter } from './pool.ts';

export class PendingQueue {
  readonly #waiters = new Set<PoolWaiter>();
  readonly #gauge: Gauge;

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  get size(): number {
    return this.#waiters.size;
  }

  add(waiter: PoolWaiter): void {
    this.#waiters.add(waiter);
    this.#gauge.inc();
  }

  delete(waiter: PoolWaiter): void {
    if (this.#waiters.delete(waiter)) this.#gauge.dec();
  }

  take(): PoolWaiter | undefined {
    for (const waiter of this.#waiters) {
      this.delete(waiter);
      return waiter;
    }
    return undefined;
  }
}
