// All workers as one data plane, seen from control. They connect to a socket of control and come and go; a configuration is served when
// those who keep up serve it, and one that is slow delays the others once.
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { rmSync } from 'node:fs';
import type { ApplyResult, BindFailure } from '../../dataplane/engine.ts';
import type { Ir } from '../../ir/ir.ts';
import type { Metrics } from '../../observability/metric-names.ts';
import type { Logger } from '../../observability/process-log.ts';
import type { ServingSide } from './control-plane.ts';
import type { MetricTotals } from './metric-sum.ts';
import { WorkerLink } from './worker-link.ts';
import type { WorkerLinkEvents } from './worker-link.ts';
import { WorkerMetrics } from './worker-metrics.ts';
import { WorkerShares } from './worker-shares.ts';

export interface WorkerFleetOptions {
  readonly socketPath: string;
  readonly workers: number;
  /** Whether the gateway was ready under a control before this one. */
  readonly wasReady: boolean;
  readonly totals: MetricTotals;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly onReady: () => void;
  readonly onTotals: (totals: MetricTotals) => void;
}

/** How long the first configuration of a control waits for workers, once one of them serves it. */
const FIRST_WAIT_MS = 10_000;
/** How long any other does. Who takes longer is not waited for until it has caught up. */
const WAIT_MS = 1_000;
const BIND_RETRY_MS = 5_000;

/** What the workers are to serve. Only the first one takes datagrams. */
interface Order {
  readonly lead: Ir;
  readonly others: Ir;
  readonly number: number;
}

/** How ids in the first place begin. */
const LEAD = 'worker-0.';

export class WorkerFleet implements ServingSide, WorkerLinkEvents {
  readonly #options: WorkerFleetOptions;
  readonly #server: Server;
  readonly #links = new Set<WorkerLink>();
  readonly #lagging = new WeakSet<WorkerLink>();
  readonly #shares: WorkerShares;
  readonly #workerMetrics: WorkerMetrics;
  #order: Order | undefined = undefined;
  /** Of the order that is waited for. */
  #onSettled: (() => void) | undefined = undefined;
  #isReady: boolean;

  constructor(options: WorkerFleetOptions) {
    const { metrics, workers, totals, wasReady } = options;
    this.#options = options;
    this.#isReady = wasReady;
    this.#shares = new WorkerShares(workers);
    this.#workerMetrics = new WorkerMetrics(metrics, totals, () => this.#known());
    metrics.workerResyncs.cell({});
    metrics.servingWorkers.compute({}, () => this.#servingCount());
    this.#server = createServer((socket) => this.#onConnect(socket));
  }

  async listen(): Promise<void> {
    const { socketPath } = this.#options;
    rmSync(socketPath, { force: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(socketPath, resolve);
    await promise;
  }

  close(): void {
    this.#server.close();
    for (const link of this.#links) link.destroy();
  }

  async publish(ir: Ir): Promise<ApplyResult> {
    const number = (this.#order?.number ?? 0) + 1;
    this.#order = { lead: this.#shares.of(ir, true), others: this.#shares.of(ir, false), number };
    for (const link of this.#known()) this.#give(this.#order, link);
    await this.#settled(number, number === 1 ? FIRST_WAIT_MS : WAIT_MS);
    return this.#resultOf(number);
  }

  faults(): readonly string[] {
    const serving = this.#servingCount();
    const { workers } = this.#options;
    if (!this.#isReady) return [`${serving} of ${workers} workers serve the first configuration`];
    return serving === 0 ? ['no worker serves'] : [];
  }

  async metrics(): Promise<Iterable<string>> {
    return await this.#workerMetrics.texts();
  }

  // — what links tell —

  onHello(link: WorkerLink): void {
    this.#workerMetrics.onArrival(link.id);
    if (this.#order !== undefined) this.#give(this.#order, link);
    this.#checkReady();
  }

  onSettled(link: WorkerLink): void {
    if (link.answered === this.#order?.number) this.#lagging.delete(link);
    this.#retryBinds(link);
    if ('rejection' in link.answer)
      this.#options.logger.error(
        { worker: link.id, reason: link.answer.rejection },
        'a worker rejects the configuration',
      );
    this.#checkReady();
    this.#onSettled?.();
  }

  /** Of a worker that came late: the control loop knows nothing of what it could not bind. */
  #retryBinds(link: WorkerLink): void {
    const order = this.#order;
    if (this.#onSettled !== undefined || 'rejection' in link.answer || link.answer.failures.length === 0) return;
    setTimeout(() => {
      if (order !== undefined && order === this.#order && this.#links.has(link)) this.#give(order, link);
    }, BIND_RETRY_MS);
  }

  onResync(link: WorkerLink): void {
    this.#options.metrics.workerResyncs.cell({}).inc();
    this.#options.logger.warn({ worker: link.id }, 'a worker lost track of the configuration; it gets all of it');
  }

  onMetrics(link: WorkerLink, message: Parameters<WorkerLinkEvents['onMetrics']>[1]): void {
    this.#workerMetrics.onAnswer(link.id, message);
  }

  onClose(link: WorkerLink): void {
    this.#links.delete(link);
    if (link.id !== '') this.#options.onTotals(this.#workerMetrics.onDeparture(link.id));
    this.#onSettled?.();
  }

  #give({ lead, others, number }: Order, link: WorkerLink): void {
    link.order(link.id.startsWith(LEAD) ? lead : others, number);
  }

  #onConnect(socket: Socket): void {
    this.#links.add(new WorkerLink(socket, this));
  }

  #known(): WorkerLink[] {
    return [...this.#links].filter(({ id }) => id !== '');
  }

  /** Those that take orders. */
  #active(): WorkerLink[] {
    return this.#known().filter(({ isRetiring }) => !isRetiring);
  }

  #servingCount(): number {
    return this.#active().filter(({ isServing }) => isServing).length;
  }

  #checkReady(): void {
    if (this.#isReady || this.#servingCount() < this.#options.workers) return;
    this.#isReady = true;
    this.#options.onReady();
  }

  /** Ends when all who are waited for have answered; after the time, when one has. */
  async #settled(number: number, waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let isLate = false;
    const check = (): void => {
      const links = this.#active();
      const answered = links.filter((link) => link.answered >= number);
      if (answered.length === 0) return;
      const isComplete =
        links.every((link) => link.answered >= number || this.#lagging.has(link)) &&
        (number > 1 || answered.length >= this.#options.workers);
      if (!isComplete && !isLate) return;
      for (const link of links) if (link.answered < number) this.#noteLag(link);
      resolve();
    };
    const timer = setTimeout(() => {
      isLate = true;
      check();
    }, waitMs);
    this.#onSettled = check;
    check();
    await promise;
    clearTimeout(timer);
    this.#onSettled = undefined;
  }

  #noteLag(link: WorkerLink): void {
    if (this.#lagging.has(link)) return;
    this.#lagging.add(link);
    this.#options.logger.warn({ worker: link.id }, 'a worker is slow to apply; the others are not held up by it');
  }

  /** @throws Error where all who answered reject it. */
  #resultOf(number: number): ApplyResult {
    const answers = this.#active()
      .filter((link) => link.answered >= number)
      .map(({ answer }) => answer);
    const failures = new Map<string, BindFailure>();
    let applied = 0;
    for (const answer of answers) {
      if ('rejection' in answer) continue;
      applied++;
      for (const failure of answer.failures) failures.set(failure.key, failure);
    }
    const [first] = answers;
    if (applied === 0 && first !== undefined && 'rejection' in first) throw new Error(first.rejection);
    return { failures: [...failures.values()] };
  }
}
