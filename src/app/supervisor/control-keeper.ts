// Keeps control alive: one process, replaced when it ends. What a control has to hand to the next one is kept here.
import { elapsed } from '../elapsed.ts';
import type { MetricTotals } from '../control/metric-sum.ts';
import type { PlainLog } from './plain-log.ts';
import { RestartBackoff } from './restart-backoff.ts';
import type { ChildEnding, SupervisedChild } from './supervised-child.ts';
import type { FromControl, OpenMessage, SupervisorCounts, ToControl } from './supervisor-message.ts';

type ControlChild = SupervisedChild<ToControl, FromControl>;

/** What control is told beside what all children are. */
export interface ControlMemory {
  readonly wasReady: boolean;
  readonly totals: MetricTotals;
}

export interface ControlKeeperOptions {
  readonly start: (id: string, memory: ControlMemory, onMessage: (message: FromControl) => void) => ControlChild;
  readonly open: (child: ControlChild, message: OpenMessage) => void;
  /** On all that it asked for. */
  readonly onListening: () => void;
  readonly counts: () => SupervisorCounts;
  readonly onReady: () => void;
  readonly onRequest: (request: 'drainAsked' | 'restartAsked' | 'reloadAsked') => void;
  /** It could not even start once. */
  readonly onStartFailed: (exitCode: number) => void;
  readonly onRestart: () => void;
  readonly log: PlainLog;
}

const COUNTS_INTERVAL_MS = 1_000;
/** To exit when asked. */
const EXIT_MS = 2_000;

export class ControlKeeper {
  readonly #options: ControlKeeperOptions;
  readonly #backoff = new RestartBackoff();
  readonly #stopped = new AbortController();
  readonly #countsTimer: NodeJS.Timeout;
  #child: ControlChild | undefined = undefined;
  #generation = 0;
  #memory: ControlMemory = { wasReady: false, totals: [] };
  #hasStarted = false;
  #isDraining = false;
  #sentCounts = '';

  constructor(options: ControlKeeperOptions) {
    this.#options = options;
    this.#countsTimer = setInterval(() => this.#tellCounts(), COUNTS_INTERVAL_MS);
  }

  start(): void {
    if (this.#stopped.signal.aborted) return;
    const { start } = this.#options;
    const child = start(`control.${++this.#generation}`, this.#memory, (message) => this.#onMessage(child, message));
    this.#child = child;
    this.#sentCounts = '';
    if (this.#isDraining) child.send({ type: 'startDraining' });
    void child.ended.then((ending) => this.#onEnded(child, ending));
  }

  children(): ControlChild[] {
    return this.#child === undefined ? [] : [this.#child];
  }

  startDraining(): void {
    this.#isDraining = true;
    this.#child?.send({ type: 'startDraining' });
  }

  /** It follows no changes any more, and is not replaced. */
  stopFollowing(): void {
    this.#stopped.abort();
    this.#child?.send({ type: 'stopFollowing' });
  }

  async end(): Promise<void> {
    this.#stopped.abort();
    clearInterval(this.#countsTimer);
    const child = this.#child;
    if (child === undefined) return;
    child.send({ type: 'exit' });
    const timeout = elapsed(EXIT_MS).then(() => 'late' as const);
    if ((await Promise.race([child.ended, timeout])) === 'late') child.kill();
    await child.closed;
  }

  #onMessage(child: ControlChild, message: FromControl): void {
    switch (message.type) {
      case 'alive':
        break;
      case 'open':
        this.#options.open(child, message);
        break;
      case 'started':
        this.#hasStarted = true;
        break;
      case 'ready':
        this.#memory = { ...this.#memory, wasReady: true };
        this.#options.onReady();
        break;
      case 'listening':
        this.#options.onListening();
        break;
      case 'totals':
        this.#memory = { ...this.#memory, totals: message.totals };
        break;
      case 'drainAsked':
      case 'restartAsked':
      case 'reloadAsked':
        this.#options.onRequest(message.type);
        break;
    }
  }

  #onEnded(child: ControlChild, ending: ChildEnding): void {
    this.#child = undefined;
    if (this.#stopped.signal.aborted) return;
    if (!this.#hasStarted && ending.code !== null) {
      this.#options.onStartFailed(ending.code);
      return;
    }
    const delayMs = this.#backoff.delayMs(performance.now() - child.startedMs);
    this.#options.log.error({ id: child.id, ...ending, delayMs }, 'control ended; another one takes its place');
    this.#options.onRestart();
    void elapsed(delayMs, this.#stopped.signal).then(() => this.start());
  }

  #tellCounts(): void {
    const counts = this.#options.counts();
    const text = JSON.stringify(counts);
    if (text === this.#sentCounts) return;
    this.#sentCounts = text;
    this.#child?.send({ type: 'counts', counts });
  }
}
