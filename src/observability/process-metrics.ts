// What the process itself costs: event loop, garbage collector, CPU, memory. Read at scrape time; only GC pauses are collected between.
import {
  constants,
  monitorEventLoopDelay,
  performance,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';
import type { Metrics } from './metric-names.ts';

/** Looking costs: at 10 ms, half a percent of a processor. */
const DELAY_RESOLUTION_MS = 20;
const DELAY_QUANTILES = [0.5, 0.9, 0.99, 1] as const;
/** Scrapes that come sooner after each other share a window, so that a second scraper does not hide a peak from the first. */
const DELAY_WINDOW_MS = 10_000;

const GC_KINDS: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak_callbacks'],
]);

/** What Node reports of one pause. */
type GcEntry = PerformanceEntry & { readonly detail: { readonly kind: number } };

export interface ProcessMetrics {
  stop(): void;
}

export function startProcessMetrics(metrics: Metrics): ProcessMetrics {
  metrics.processStart.cell({}).set(performance.timeOrigin / 1_000);
  metrics.processCpu.compute({ mode: 'user' }, () => process.cpuUsage().user / 1e6);
  metrics.processCpu.compute({ mode: 'system' }, () => process.cpuUsage().system / 1e6);
  metrics.processResidentMemory.compute({}, () => process.memoryUsage.rss());
  metrics.processHeapUsed.compute({}, () => process.memoryUsage().heapUsed);
  metrics.eventLoopActive.compute({}, () => performance.eventLoopUtilization().active / 1_000);
  metrics.hiddenCells.compute({}, () => metrics.registry.hiddenCells);

  const delay = new EventLoopDelay();
  for (const quantile of DELAY_QUANTILES) {
    metrics.eventLoopDelay.compute({ quantile: String(quantile) }, () => delay.seconds(quantile));
  }

  const pauses = new Map(
    Array.from(GC_KINDS, ([kind, name]) => [kind, metrics.gcDuration.cell({ kind: name })] as const),
  );
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as GcEntry).detail;
      pauses.get(kind)?.observe(entry.duration / 1_000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });

  return {
    stop(): void {
      observer.disconnect();
      delay.stop();
    },
  };
}

/** Delay beyond the timer's own interval, over the running window and the one before. */
class EventLoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  #windowStartMs = performance.now();
  #previous = new Map<number, number>();

  constructor() {
    this.#histogram.enable();
  }

  seconds(quantile: number): number {
    if (performance.now() - this.#windowStartMs >= DELAY_WINDOW_MS) this.#startWindow();
    return Math.max(this.#current(quantile), this.#previous.get(quantile) ?? 0);
  }

  stop(): void {
    this.#histogram.disable();
  }

  #startWindow(): void {
    this.#previous = new Map(DELAY_QUANTILES.map((quantile) => [quantile, this.#current(quantile)]));
    this.#histogram.reset();
    this.#windowStartMs = performance.now();
  }

  #current(quantile: number): number {
    const intervalNs = this.#histogram.percentile(quantile * 100);
    return Math.max(0, intervalNs / 1e6 - DELAY_RESOLUTION_MS) / 1_000;
  }
}
