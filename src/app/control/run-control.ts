// Control as a process of its own: it reads, translates and answers the admin API, and hands the result to the workers. It may end at
// any time; the next one reads everything anew and finds the workers as they are.
import { enableLinearRegExp } from '../../lib/linear-regexp.ts';
import { lookup } from 'node:dns/promises';
import { Metrics } from '../../observability/metric-names.ts';
import { openLineSink } from '../../observability/line-sink.ts';
import type { LineSink } from '../../observability/line-sink.ts';
import { createProcessLog } from '../../observability/process-log.ts';
import { startProcessMetrics } from '../../observability/process-metrics.ts';
import { readAdminToken } from '../admin-token.ts';
import { startDemoUpstreams } from '../demo-upstreams.ts';
import { StartError } from '../start-error.ts';
import { SupervisedProcess } from '../supervised-process.ts';
import type { FromControl, SupervisorCounts, ToControl } from '../supervisor/supervisor-message.ts';
import { ControlPlane } from './control-plane.ts';
import type { StartedGateway } from './control-plane.ts';
import { WorkerFleet } from './worker-fleet.ts';

type StartControl = Extract<ToControl, { readonly type: 'start' }>;
type Supervised = SupervisedProcess<ToControl, FromControl>;

/** What to tell people when the gateway has started: lines for standard error. */
export type Describe = (version: string, isDemo: boolean, started: StartedGateway) => string;

const NO_COUNTS: SupervisorCounts = {
  droppedLines: { access: 0, process: 0 },
  restarts: { control: 0, worker: 0 },
};

/** For the whole life of this process. */
export function runControl(describe: Describe): void {
  let control: ControlProcess | undefined;
  const supervised: Supervised = new SupervisedProcess((message) => {
    if (message.type === 'start') {
      control = new ControlProcess(supervised, message);
      void control.start(describe);
    } else control?.onMessage(message);
  });
}

class ControlProcess {
  readonly #supervised: Supervised;
  readonly #start: StartControl;
  readonly #sink: LineSink = openLineSink({ target: 'stderr', flushDelayMs: 0 });
  readonly #fleet: WorkerFleet;
  readonly #control: ControlPlane;
  readonly #ready = Promise.withResolvers<void>();
  #counts = NO_COUNTS;

  constructor(supervised: Supervised, start: StartControl) {
    this.#supervised = supervised;
    this.#start = start;
    const { config, socketPath, totals, wasReady, version } = start;
    const logger = createProcessLog({ level: config.log.level, sink: this.#sink }).child({ process: 'control' });
    process.on('uncaughtException', (error, origin) => {
      logger.fatal({ err: error, origin }, 'defect; exiting with 1');
      void this.#exit(1);
    });
    enableLinearRegExp();
    const metrics = new Metrics();
    startProcessMetrics(metrics);
    this.#countSupervisor(metrics);
    if (wasReady) this.#ready.resolve();
    this.#fleet = new WorkerFleet({
      socketPath,
      workers: config.workers,
      wasReady,
      totals,
      metrics,
      logger,
      onReady: () => this.#ready.resolve(),
      onTotals: (samples) => supervised.send({ type: 'totals', totals: samples }),
    });
    this.#control = new ControlPlane({
      settings: { ...config, adminToken: this.#orExit(() => readAdminToken(config.admin)) },
      serving: this.#fleet,
      metrics,
      logger,
      version,
      actions: {
        drain: () => supervised.send({ type: 'drainAsked' }),
        processes: {
          restartWorkers: () => supervised.send({ type: 'restartAsked' }),
          reloadBinary: () => supervised.send({ type: 'reloadAsked' }),
        },
      },
      openAdminSocket: async (server, { host, port }) => {
        const { address } = await lookup(host);
        await supervised.listen(server, address, port);
      },
    });
  }

  async start(describe: Describe): Promise<void> {
    const { config, wasReady, isSuccessor, version } = this.#start;
    try {
      await this.#fleet.listen();
      if (config.demo) await startDemoUpstreams((server, host, port) => this.#supervised.listen(server, host, port));
      // Of two gateways, the one that is ready answers.
      const early = isSuccessor ? undefined : await this.#control.listen();
      const started = await this.#control.start();
      this.#supervised.send({ type: 'started' });
      await this.#ready.promise;
      this.#supervised.send({ type: 'ready' });
      const admin = early ?? (await this.#control.listen());
      this.#supervised.send({ type: 'listening' });
      if (!wasReady) this.#sink.write(`${describe(version, config.demo, { admin, ...started })}\n`);
    } catch (error) {
      this.#fail(error);
    }
  }

  onMessage(message: ToControl): void {
    switch (message.type) {
      case 'counts':
        this.#counts = message.counts;
        break;
      case 'startDraining':
        this.#control.startDraining();
        break;
      case 'stopFollowing':
        void this.#control.stop();
        break;
      case 'exit':
        void this.#exit(0);
        break;
      case 'start':
      case 'socket':
        // Not for here.
        break;
    }
  }

  #countSupervisor(metrics: Metrics): void {
    metrics.droppedLogLines.compute({ log: 'access' }, () => this.#counts.droppedLines.access);
    metrics.droppedLogLines.compute(
      { log: 'process' },
      () => this.#counts.droppedLines.process + this.#sink.droppedLines,
    );
    metrics.restarts.compute({ role: 'control' }, () => this.#counts.restarts.control);
    metrics.restarts.compute({ role: 'worker' }, () => this.#counts.restarts.worker);
  }

  #orExit<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    const text = error instanceof StartError ? error.message : ((error as Error).stack ?? String(error));
    this.#sink.write(`sluice: ${text}\n`);
    void this.#exit(1);
  }

  async #exit(code: number): Promise<void> {
    this.#fleet.close();
    // Whoever asks at this moment gets an answer.
    if (code === 0) await this.#control.close();
    await this.#sink.close();
    process.exit(code);
  }
}
