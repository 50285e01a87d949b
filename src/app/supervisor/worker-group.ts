// The workers: always so many of them, each replaced when it ends. Replacing all on purpose goes one by one, and a worker goes only when
// the one in its place serves; until then nothing of it stops.
import { elapsed } from '../elapsed.ts';
import { RestartBackoff } from './restart-backoff.ts';
import type { PlainLog } from './plain-log.ts';
import type { SupervisedChild } from './supervised-child.ts';
import type { FromWorker, OpenMessage, ToWorker } from './supervisor-message.ts';
import { socketName } from './supervisor-message.ts';

type WorkerChild = SupervisedChild<ToWorker, FromWorker>;

export interface WorkerGroupOptions {
  readonly count: number;
  readonly start: (id: string, onMessage: (message: FromWorker) => void) => WorkerChild;
  readonly open: (child: WorkerChild, message: OpenMessage) => void;
  /** The sockets that are needed changed. */
  readonly onSocketsNeeded: (names: ReadonlySet<string>) => void;
  readonly onRestart: () => void;
  readonly log: PlainLog;
  readonly drain: { readonly delayMs: number; readonly graceMs: number };
}

interface Worker {
  readonly child: WorkerChild;
  /** That it listens on; undefined: it serves nothing yet. */
  listening: ReadonlySet<string> | undefined;
  /** That it asked for since. */
  readonly opened: Set<string>;
  readonly serving: PromiseWithResolvers<'serving'>;
}

/** For a new worker to serve. */
const MAX_START_MS = 30_000;
/** How long one that goes waits, at least, for requests on connections that it accepted. */
const MIN_HANDOVER_MS = 1_000;
/** Beyond the grace time, to exit. */
const EXIT_MS = 2_000;

export class WorkerGroup {
  readonly #options: WorkerGroupOptions;
  /** By place. */
  readonly #workers: (Worker | undefined)[];
  readonly #backoffs: readonly RestartBackoff[];
  /** Not in their place yet, or no more. */
  readonly #others = new Set<Worker>();
  readonly #stopped = new AbortController();
  #generation = 0;
  #isDraining = false;
  #isReplacing = false;

  constructor(options: WorkerGroupOptions) {
    this.#options = options;
    this.#workers = Array.from({ length: options.count }, () => undefined);
    this.#backoffs = this.#workers.map(() => new RestartBackoff());
  }

  start(): void {
    for (const place of this.#workers.keys()) this.#fill(place);
  }

  /** All that run. */
  children(): WorkerChild[] {
    return this.#all().map(({ child }) => child);
  }

  /** Answers say `Connection: close` from now on; all goes on otherwise. */
  startDraining(): void {
    this.#isDraining = true;
    for (const { child } of this.#all()) child.send({ type: 'startDraining' });
  }

  /** Ends all, after what is in flight. */
  async drain(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#all().map((worker) => this.#end(worker)));
  }

  /** Ends all, when others accept from the same sockets. */
  async handOver(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#all().map((worker) => this.#retire(worker)));
  }

  /** @throws Error where a new worker does not come to serve; it goes no further then. */
  async replaceAll(): Promise<void> {
    if (this.#isReplacing) throw new Error('the workers are being replaced already');
    this.#isReplacing = true;
    try {
      for (const place of this.#workers.keys()) await this.#replace(place);
    } finally {
      this.#isReplacing = false;
    }
  }

  async #replace(place: number): Promise<void> {
    const { signal } = this.#stopped;
    const worker = this.#launch(place);
    this.#others.add(worker);
    const timeout = elapsed(MAX_START_MS, signal).then(() => 'late' as const);
    const outcome = await Promise.race([worker.serving.promise, worker.child.ended, timeout]);
    if (outcome !== 'serving') {
      worker.child.kill();
      if (signal.aborted) return;
      throw new Error(`the new ${worker.child.id} does not serve; the old one goes on`);
    }
    const old = this.#workers[place];
    this.#others.delete(worker);
    this.#workers[place] = worker;
    if (old !== undefined) await this.#retire(old);
  }

  /** Unless somebody else has taken the place meanwhile. */
  #fill(place: number): void {
    if (this.#stopped.signal.aborted || this.#workers[place] !== undefined) return;
    this.#workers[place] = this.#launch(place);
  }

  #launch(place: number): Worker {
    const id = `worker-${place}.${++this.#generation}`;
    const child = this.#options.start(id, (message) => this.#onMessage(worker, message));
    const worker: Worker = { child, listening: undefined, opened: new Set(), serving: Promise.withResolvers() };
    if (this.#isDraining) child.send({ type: 'startDraining' });
    void child.ended.then((ending) => this.#onEnded(place, worker, ending));
    return worker;
  }

  #onMessage(worker: Worker, message: FromWorker): void {
    switch (message.type) {
      case 'alive':
        break;
      case 'open':
        worker.opened.add(socketName(message.address, message.port));
        this.#options.open(worker.child, message);
        break;
      case 'listening':
        worker.listening = new Set(message.sockets);
        worker.opened.clear();
        worker.serving.resolve('serving');
        this.#checkSockets();
        break;
    }
  }

  #onEnded(place: number, worker: Worker, ending: object): void {
    this.#others.delete(worker);
    if (this.#workers[place] !== worker) return;
    this.#workers[place] = undefined;
    if (this.#stopped.signal.aborted) return;
    const delayMs = this.#backoffs[place]?.delayMs(performance.now() - worker.child.startedMs) ?? 0;
    this.#options.log.error({ id: worker.child.id, ...ending, delayMs }, 'a worker ended; another one takes its place');
    this.#options.onRestart();
    void elapsed(delayMs, this.#stopped.signal).then(() => this.#fill(place));
  }

  /** While one starts, nobody knows what it needs. */
  #checkSockets(): void {
    const needed = new Set<string>();
    if (this.#workers.some((worker) => worker?.listening === undefined)) return;
    for (const { listening, opened } of this.#all()) {
      for (const name of listening ?? []) needed.add(name);
      for (const name of opened) needed.add(name);
    }
    this.#options.onSocketsNeeded(needed);
  }

  #all(): Worker[] {
    return [...this.#workers.filter((worker) => worker !== undefined), ...this.#others];
  }

  async #retire(worker: Worker): Promise<void> {
    this.#others.add(worker);
    worker.listening = new Set();
    worker.child.send({ type: 'stopAccepting' });
    const delay = elapsed(Math.max(this.#options.drain.delayMs, MIN_HANDOVER_MS));
    await Promise.race([delay, worker.child.ended]);
    await this.#end(worker);
  }

  async #end({ child }: Worker): Promise<void> {
    const { graceMs } = this.#options.drain;
    child.send({ type: 'drain', graceMs });
    const timeout = elapsed(graceMs + EXIT_MS).then(() => 'late' as const);
    if ((await Promise.race([child.ended, timeout])) === 'late') child.kill();
    await child.closed;
  }
}
