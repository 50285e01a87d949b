// What the gateway gives up when it runs out of something, step by step: first what costs nobody anything, in the end everything but
// what it has begun. Better a part of the requests refused at once than all of them late, or a process that is killed.
import type { OverloadResource } from '../../observability/metric-names.ts';
import type { OverloadCells } from '../../observability/traffic-cells.ts';

/** Each includes those before it. */
export type OverloadStep = 'none' | 'close_idle' | 'refuse_requests' | 'refuse_connections';

const STEPS: readonly OverloadStep[] = ['none', 'close_idle', 'refuse_requests', 'refuse_connections'];

/** How much there may be. */
export interface OverloadLimits {
  /** Of V8's heap. */
  readonly maxHeapBytes: number;
  /** Resident, of the process. */
  readonly maxMemoryBytes: number;
  /** Mean over an interval, exceeded in each of SUSTAINED_INTERVALS: one long turn (a large configuration, a garbage collection) is no overload. */
  readonly maxEventLoopDelayMs: number;
  /** Of clients, on all listeners together. */
  readonly maxTotalConnections: number;
}

/** How much there is. */
export interface OverloadReadings {
  readonly heapBytes: number;
  readonly memoryBytes: number;
  readonly eventLoopDelayMs: number;
  readonly connections: number;
}

export interface OverloadOptions {
  readonly limits: OverloadLimits;
  readonly cells: OverloadCells;
  /** Memory is short, and has been for a while: garbage may be all that it is short of. */
  readonly collectGarbage: () => void;
  readonly onStep: (step: OverloadStep, resource: OverloadResource) => void;
}

export const OVERLOAD_INTERVAL_MS = 250;
export const SUSTAINED_INTERVALS = 8;

/** From which share of a limit on a step is taken. Fewer connections come of refusing connections, not of refusing requests. */
const THRESHOLDS: Readonly<Record<OverloadResource, readonly [number, number, number]>> = {
  heap: [0.85, 0.95, 0.98],
  memory: [0.85, 0.95, 0.98],
  event_loop: [0.5, 1, 2],
  connections: [0.9, Infinity, 1],
};

/** A step is left only well below where it was taken, so that the gateway does not swing. */
const RELEASE_SHARE = 0.9;

/** A collection stops the process for as long as it takes. */
const MIN_COLLECTION_INTERVALS = 40;

export class Overload {
  readonly #options: OverloadOptions;
  #step = 0;
  /** Without regard to connections: where they are short, those who have one are served, as they would not get another. */
  #serviceStep = 0;
  #closesIdle = false;
  /** The latest, oldest first. */
  readonly #delaysMs: number[] = [];
  #intervalsSinceCollection: number = MIN_COLLECTION_INTERVALS;

  constructor(options: OverloadOptions) {
    this.#options = options;
  }

  /** Whoever is idle has to go. Connections cost memory, not time. */
  get closesIdle(): boolean {
    return this.#closesIdle;
  }

  /** Answers say that the connection closes. */
  get closesConnections(): boolean {
    return this.#serviceStep >= 1;
  }

  get refusesRequests(): boolean {
    return this.#serviceStep >= 2;
  }

  get refusesConnections(): boolean {
    return this.#step >= 3;
  }

  /** Call it every OVERLOAD_INTERVAL_MS. */
  update(readings: OverloadReadings): void {
    const { limits, cells, onStep } = this.#options;
    const pressures: Readonly<Record<OverloadResource, number>> = {
      heap: readings.heapBytes / limits.maxHeapBytes,
      memory: readings.memoryBytes / limits.maxMemoryBytes,
      event_loop: this.#sustainedDelayMs(readings.eventLoopDelayMs) / limits.maxEventLoopDelayMs,
      connections: readings.connections / limits.maxTotalConnections,
    };
    let [step, serviceStep] = [0, 0];
    let cause: OverloadResource = 'memory';
    this.#closesIdle = false;
    for (const resource of Object.keys(pressures) as OverloadResource[]) {
      const pressure = pressures[resource];
      cells.pressures[resource].set(pressure);
      const isOfService = resource !== 'connections';
      const wanted = stepFor(resource, pressure, isOfService ? this.#serviceStep : this.#step);
      if (isOfService) serviceStep = Math.max(serviceStep, wanted);
      if (resource !== 'event_loop' && wanted > 0) this.#closesIdle = true;
      if (wanted <= step) continue;
      step = wanted;
      cause = resource;
    }
    this.#collect(Math.max(pressures.heap, pressures.memory));
    this.#serviceStep = serviceStep;
    if (step === this.#step) return;
    this.#step = step;
    cells.step.set(step);
    onStep(STEPS[step] ?? 'none', cause);
  }

  #sustainedDelayMs(delayMs: number): number {
    if (this.#delaysMs.push(delayMs) > SUSTAINED_INTERVALS) this.#delaysMs.shift();
    return this.#delaysMs.length < SUSTAINED_INTERVALS ? 0 : Math.min(...this.#delaysMs);
  }

  #collect(pressure: number): void {
    this.#intervalsSinceCollection++;
    if (pressure < THRESHOLDS.memory[1] || this.#intervalsSinceCollection < MIN_COLLECTION_INTERVALS) return;
    this.#intervalsSinceCollection = 0;
    this.#options.collectGarbage();
  }
}

/** @param current the step that was taken before */
function stepFor(resource: OverloadResource, pressure: number, current: number): number {
  const thresholds = THRESHOLDS[resource];
  for (let step = thresholds.length; step > 0; step--) {
    const threshold = thresholds[step - 1] as number;
    if (pressure >= (step <= current ? threshold * RELEASE_SHARE : threshold)) return step;
  }
  return 0;
}
