// Reads what the process uses of what it has, again and again, for Overload to judge.
import { totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OVERLOAD_INTERVAL_MS } from './overload.ts';
import type { OverloadLimits, OverloadReadings } from './overload.ts';

/** Looking costs: at 10 ms, half a percent of a processor. */
const DELAY_RESOLUTION_MS = 50;

export class OverloadMonitor {
  readonly #connections: () => number;
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #memoryBytes = 0;

  constructor(connections: () => number, onReadings: (readings: OverloadReadings) => void) {
    this.#connections = connections;
    this.#delay.enable();
    this.#timer = setInterval(() => onReadings(this.#read()), OVERLOAD_INTERVAL_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #read(): OverloadReadings {
    const { mean } = this.#delay;
    this.#delay.reset();
    return {
      heapBytes: getHeapStatistics().used_heap_size,
      memoryBytes: this.#readMemory(),
      // Without a sample there was no turn at all, or no delay.
      eventLoopDelayMs: Number.isNaN(mean) ? 0 : Math.max(0, mean / 1e6 - DELAY_RESOLUTION_MS),
      connections: this.#connections(),
    };
  }

  /** It is read from a file, which can't be opened where no descriptor is left; then what was read before holds. */
  #readMemory(): number {
    try {
      this.#memoryBytes = process.memoryUsage.rss();
    } catch {}
    return this.#memoryBytes;
  }
}

/** What the process has: V8's limit of its heap, the memory of its cgroup or else the machine's. */
export function defaultOverloadLimits(): Omit<OverloadLimits, 'maxTotalConnections'> {
  return {
    maxHeapBytes: getHeapStatistics().heap_size_limit,
    maxMemoryBytes: Math.min(process.constrainedMemory() || Infinity, totalmem()),
    maxEventLoopDelayMs: 1_000,
  };
}

/** V8 offers it only behind a flag, which can be set at any time, for contexts that are made afterwards. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  collect();
}
