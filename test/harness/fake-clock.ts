// A clock that stands still until a test moves it. Timers run in the order in which they are due.
import type { Clock } from '../../src/kubernetes/clock.ts';
import { Conditions } from './deadline.ts';

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  readonly #conditions = new Conditions();
  readonly #timers = new Set<Timer>();
  readonly #dateOffsetMs: number;
  #nowMs = 0;

  /** @param dateOffsetMs what its date has at the start. */
  constructor(dateOffsetMs: number = Date.UTC(2030, 0, 1)) {
    this.#dateOffsetMs = dateOffsetMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  dateMs(): number {
    return this.#dateOffsetMs + this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    this.#conditions.changed();
    return () => this.#timers.delete(timer);
  }

  /** How long each timer has to wait, the next one first. */
  get delays(): readonly number[] {
    return [...this.#timers].map(({ dueMs }) => dueMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Resolves with the delay of a timer between these bounds, as soon as there is one. */
  untilWaiting(minMs: number, maxMs: number): Promise<number> {
    const find = (): number | undefined => this.delays.find((delay) => delay >= minMs && delay <= maxMs);
    return this.#conditions.until(`a timer of ${minMs} to ${maxMs} ms`, find);
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = endMs;
  }
}
