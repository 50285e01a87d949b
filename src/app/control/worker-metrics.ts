// The metrics of all workers as control knows them: asked for at each scrape, for a bounded time; who does not answer is shown as it was.
// What dead workers counted is kept, so that no sum goes backwards.
import type { Metrics } from '../../observability/metric-names.ts';
import { LAST_WORDS } from '../channel/worker-message.ts';
import type { WorkerMessage } from '../channel/worker-message.ts';
import { parseMetrics, samplesOfTotals, sumMetrics, totalsOf } from './metric-sum.ts';
import type { MetricSamples, MetricTotals } from './metric-sum.ts';

/** One of those who are asked. */
export interface MeasuredWorker {
  readonly id: string;
  askMetrics(request: number): void;
}

const ANSWER_TIMEOUT_MS = 1_000;
/** Of one answer, in characters. */
const MAX_ANSWER_LENGTH = 128 * 1_024 * 1_024;
/** Dead workers that are kept one by one: should such a worker be back, it counts once. */
const MAX_DEPARTED = 16;

interface Inquiry {
  readonly request: number;
  readonly missing: Set<string>;
  readonly finish: () => void;
}

/** What came of an answer so far. */
interface Pieces {
  readonly request: number;
  readonly texts: string[];
  length: number;
}

export class WorkerMetrics {
  readonly #metrics: Metrics;
  readonly #workers: () => readonly MeasuredWorker[];
  readonly #last = new Map<string, MetricSamples>();
  readonly #departed = new Map<string, MetricSamples>();
  readonly #pieces = new Map<string, Pieces>();
  #totals: MetricSamples;
  #inquiry: Inquiry | undefined = undefined;
  #collecting: Promise<void> | undefined = undefined;
  #request = LAST_WORDS;

  /** @param totals what the control before this one had kept of dead workers */
  constructor(metrics: Metrics, totals: MetricTotals, workers: () => readonly MeasuredWorker[]) {
    this.#metrics = metrics;
    this.#workers = workers;
    this.#totals = samplesOfTotals(totals);
    metrics.missedWorkerSnapshots.cell({});
  }

  /** The exposition of the whole gateway. Scrapes at the same time share one inquiry. */
  async texts(): Promise<Iterable<string>> {
    this.#collecting ??= this.#collect().finally(() => (this.#collecting = undefined));
    await this.#collecting;
    const own = parseMetrics(this.#metrics.registry.texts(), 'control');
    return sumMetrics([own, ...this.#last.values()], [...this.#departed.values(), this.#totals]);
  }

  /** An answer that comes late is newer than what there is, too. */
  onAnswer(id: string, { request, text, isLast }: Extract<WorkerMessage, { readonly type: 'metrics' }>): void {
    const known = this.#pieces.get(id);
    const pieces = known?.request === request ? known : { request, texts: [], length: 0 };
    pieces.length += text.length;
    if (pieces.length <= MAX_ANSWER_LENGTH) pieces.texts.push(text);
    this.#pieces.set(id, pieces);
    if (!isLast) return;
    this.#pieces.delete(id);
    this.#last.set(id, parseMetrics(pieces.texts, processName(id)));
    if (request === this.#inquiry?.request) this.#settle(id);
  }

  onArrival(id: string): void {
    this.#departed.delete(id);
  }

  /** Returns what dead workers counted, for safe keeping. */
  onDeparture(id: string): MetricTotals {
    const samples = this.#last.get(id);
    this.#last.delete(id);
    this.#pieces.delete(id);
    if (samples !== undefined) this.#departed.set(id, samples);
    for (const [oldest, counted] of this.#departed) {
      if (this.#departed.size <= MAX_DEPARTED) break;
      this.#totals = samplesOfTotals(totalsOf([this.#totals, counted]));
      this.#departed.delete(oldest);
    }
    this.#settle(id);
    return totalsOf([this.#totals, ...this.#departed.values()]);
  }

  async #collect(): Promise<void> {
    const workers = this.#workers();
    const { promise, resolve } = Promise.withResolvers<void>();
    const missing = new Set(workers.map(({ id }) => id));
    const request = ++this.#request;
    this.#inquiry = { request, missing, finish: resolve };
    for (const worker of workers) worker.askMetrics(request);
    if (workers.length === 0) resolve();
    const timer = setTimeout(resolve, ANSWER_TIMEOUT_MS);
    await promise;
    clearTimeout(timer);
    this.#metrics.missedWorkerSnapshots.cell({}).add(missing.size);
    this.#inquiry = undefined;
  }

  #settle(id: string): void {
    const inquiry = this.#inquiry;
    inquiry?.missing.delete(id);
    if (inquiry?.missing.size === 0) inquiry.finish();
  }
}

/** `worker-0` of `worker-0.3`: the third process in the place of the first worker. */
function processName(id: string): string {
  return id.split('.')[0] ?? id;
}
