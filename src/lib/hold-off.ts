// Paces work that many small changes ask for, so that a burst becomes one piece of work and a change after a quiet time waits for
// nothing. At most one timer and no queue: what changed is for the caller to collect.

export interface HoldOffOptions {
  /** Does the work; changes reported while it runs ask for another round. */
  readonly onDue: () => void;
  /** The work waits for this long without a change … */
  readonly coalesceMs: number;
  /** … but not longer than this after the first change that it is for. */
  readonly maxDelayMs: number;
  /** After this long with neither change nor work, a change is due at once. Without it, no change is. */
  readonly quietMs?: number;
  /** Monotonic milliseconds; tests pass their own. */
  readonly nowMs?: () => number;
}

/** How changes of configuration are applied. */
export const APPLY_PACE: Pick<Required<HoldOffOptions>, 'coalesceMs' | 'maxDelayMs' | 'quietMs'> = {
  coalesceMs: 50,
  maxDelayMs: 500,
  quietMs: 500,
};

export class HoldOff {
  readonly #options: HoldOffOptions;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined = undefined;
  #dueMs = 0;
  #latestMs = 0;
  #lastActivityMs = -Infinity;

  constructor(options: HoldOffOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? ((): number => performance.now());
  }

  /** Reports a change. */
  trigger(): void {
    const { coalesceMs, maxDelayMs, quietMs } = this.#options;
    const nowMs = this.#nowMs();
    if (this.#timer === undefined) {
      const isQuiet = quietMs !== undefined && nowMs - this.#lastActivityMs >= quietMs;
      this.#latestMs = isQuiet ? nowMs : nowMs + maxDelayMs;
    }
    this.#lastActivityMs = nowMs;
    const restMs = this.#latestMs - nowMs;
    // A timer that is due already must not be pushed back by changes that keep coming.
    if (restMs <= 0 && this.#timer !== undefined) return;
    this.#wait(Math.max(0, Math.min(coalesceMs, restMs)));
  }

  /** Forgets what was reported. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#dueMs = this.#nowMs() + delayMs;
    this.#timer = setTimeout(() => this.#fire(), delayMs);
  }

  #fire(): void {
    // Timers count from when the event loop last looked at the clock: after busy moments they are early.
    const restMs = this.#dueMs - this.#nowMs();
    if (restMs > 1) {
      this.#wait(restMs);
      return;
    }
    this.#timer = undefined;
    this.#lastActivityMs = this.#nowMs();
    this.#options.onDue();
  }
}
