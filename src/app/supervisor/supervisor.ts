// The supervisor: owns the listening sockets, keeps control and the workers alive, and ends them in order. It serves nothing itself and
// knows nothing of what is served, so that it has little to fail at.
import { elapsed } from '../elapsed.ts';
import type { LineSink } from '../../observability/line-sink.ts';
import { ControlKeeper } from './control-keeper.ts';
import { HangWatch } from './hang-watch.ts';
import type { WatchedChild } from './hang-watch.ts';
import type { Launch } from './launch.ts';
import { BindError } from './listening-sockets.ts';
import type { BoundSocket, GatewaySockets, ListeningSockets } from './listening-sockets.ts';
import type { PlainLog } from './plain-log.ts';
import { SupervisedChild } from './supervised-child.ts';
import type { ChildLogs } from './supervised-child.ts';
import { socketName } from './supervisor-message.ts';
import type {
  FromControl,
  FromWorker,
  OpenMessage,
  SocketMessage,
  StartMessage,
  SupervisorCounts,
  ToControl,
  ToWorker,
} from './supervisor-message.ts';
import { WorkerGroup } from './worker-group.ts';

export interface SupervisorOptions {
  readonly launch: Launch;
  readonly sockets: GatewaySockets;
  /** For the socket between control and workers. */
  readonly socketPath: string;
  readonly accessSink: LineSink | undefined;
  readonly processSink: LineSink;
  readonly log: PlainLog;
  /** Whether another gateway serves on these sockets until this one is ready. */
  readonly isSuccessor: boolean;
  /** All workers serve. */
  readonly onReady: () => void;
  readonly onDrainAsked: () => void;
  readonly onReloadAsked: () => void;
  /** Control can't start, and never has. */
  readonly onStartFailed: (exitCode: number) => void;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #logs: ChildLogs;
  readonly #control: ControlKeeper;
  readonly #workers: WorkerGroup;
  readonly #watch: HangWatch;
  readonly #restarts = { control: 0, worker: 0 };
  /** That control asked for. */
  readonly #controlSockets = new Set<string>();

  constructor(options: SupervisorOptions) {
    const { launch, sockets, log, onReady, onStartFailed } = options;
    const { config } = launch;
    this.#options = options;
    this.#logs = { access: options.accessSink, process: options.processSink };
    this.#control = new ControlKeeper({
      start: (id, memory, onMessage) => {
        const child = new SupervisedChild<ToControl, FromControl>(id, launch.entries.control, this.#logs, onMessage);
        child.send({ ...this.#startMessage(id), ...memory, isSuccessor: options.isSuccessor && !memory.wasReady });
        return child;
      },
      open: (child, message) => {
        this.#controlSockets.add(socketName(message.address, message.port));
        this.#open(sockets.control, message, (answer, socket) => child.send(answer, socket));
      },
      onListening: () => sockets.control.retain(this.#controlSockets),
      counts: () => this.#counts(),
      onReady,
      onRequest: (request) => this.#onRequest(request),
      onStartFailed,
      onRestart: () => this.#restarts.control++,
      log,
    });
    this.#workers = new WorkerGroup({
      count: config.workers,
      start: (id, onMessage) => {
        const child = new SupervisedChild<ToWorker, FromWorker>(id, launch.entries.worker, this.#logs, onMessage);
        child.send(this.#startMessage(id));
        return child;
      },
      open: (child, message) => this.#open(sockets.workers, message, (answer, socket) => child.send(answer, socket)),
      onSocketsNeeded: (names) => sockets.workers.retain(names),
      onRestart: () => this.#restarts.worker++,
      log,
      drain: config.drain,
    });
    this.#watch = new HangWatch(config.hangTimeoutMs, () => this.#children(), log);
  }

  start(): void {
    this.#control.start();
    this.#workers.start();
  }

  /** Not ready from now on; accepts go on for the drain delay, then what is in flight is finished, at most for the grace time. */
  async drain(): Promise<void> {
    this.#control.startDraining();
    this.#workers.startDraining();
    await elapsed(this.#options.launch.config.drain.delayMs);
    this.#control.stopFollowing();
    const drained = this.#workers.drain();
    this.#options.sockets.workers.retain(new Set());
    await drained;
    await this.#control.end();
    this.#end();
  }

  /** Others serve on the same sockets from now on: finishes what is in flight, and asks nobody to stay away. */
  async handOver(): Promise<void> {
    const handedOver = this.#workers.handOver();
    await this.#control.end();
    for (const sockets of Object.values(this.#options.sockets)) sockets.retain(new Set());
    await handedOver;
    this.#end();
  }

  /** Everything ends at once. */
  kill(): void {
    for (const child of this.#children()) child.kill();
  }

  async restartWorkers(): Promise<void> {
    const { log } = this.#options;
    try {
      log.info({}, 'replacing the workers, one after the other');
      await this.#workers.replaceAll();
      log.info({}, 'all workers are replaced');
    } catch (error) {
      log.error({ err: error }, 'the workers are not all replaced');
    }
  }

  #children(): WatchedChild[] {
    return [...this.#control.children(), ...this.#workers.children()];
  }

  #onRequest(request: 'drainAsked' | 'restartAsked' | 'reloadAsked'): void {
    switch (request) {
      case 'drainAsked':
        this.#options.onDrainAsked();
        break;
      case 'restartAsked':
        void this.restartWorkers();
        break;
      case 'reloadAsked':
        this.#options.onReloadAsked();
        break;
    }
  }

  #startMessage(id: string): StartMessage {
    const { launch, socketPath } = this.#options;
    return { type: 'start', id, config: launch.config, version: launch.version, socketPath };
  }

  #open(
    sockets: ListeningSockets,
    message: OpenMessage,
    answer: (message: SocketMessage, socket?: BoundSocket) => void,
  ): void {
    const { request, address, port } = message;
    try {
      const socket = sockets.open(socketName(address, port), address, port);
      answer({ type: 'socket', request, port: socket.port }, socket);
    } catch (error) {
      answer({ type: 'socket', request, port, code: error instanceof BindError ? error.code : 'UNKNOWN' });
    }
  }

  #counts(): SupervisorCounts {
    const { accessSink, processSink } = this.#options;
    return {
      droppedLines: { access: accessSink?.droppedLines ?? 0, process: processSink.droppedLines },
      restarts: { ...this.#restarts },
    };
  }

  #end(): void {
    this.#watch.stop();
  }
}
