// Ends a watch early: when it is silent for too long (a connection whose other end is gone says nothing, and no error comes), when its
// owner wants it to end, or when everything stops.
import { ApiError } from './api-error.ts';
import type { Clock } from './clock.ts';

/** Bookmarks come about every minute. */
export const MAX_SILENCE_MS = 180_000;

export class WatchGuard {
  readonly #clock: Clock;
  readonly #stopping: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onStop = (): void => this.end(this.#stopping.reason);
  #heardAtMs: number;
  #cancelAlarm: () => void = () => {};

  constructor(clock: Clock, stopping: AbortSignal) {
    this.#clock = clock;
    this.#stopping = stopping;
    this.#heardAtMs = clock.nowMs();
    stopping.addEventListener('abort', this.#onStop, { once: true });
    this.#arm(MAX_SILENCE_MS);
  }

  /** Aborts when the watch has to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The watch said something. */
  heard(): void {
    this.#heardAtMs = this.#clock.nowMs();
  }

  end(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** The watch is over. */
  release(): void {
    this.#cancelAlarm();
    this.#stopping.removeEventListener('abort', this.#onStop);
  }

  #arm(delayMs: number): void {
    this.#cancelAlarm = this.#clock.after(delayMs, () => {
      const restMs = this.#heardAtMs + MAX_SILENCE_MS - this.#clock.nowMs();
      if (restMs > 0) this.#arm(restMs);
      else this.end(new ApiError('timeout', `the watch said nothing for ${MAX_SILENCE_MS / 1_000} s`));
    });
  }
}
