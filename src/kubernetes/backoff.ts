// How long to wait before the next try: twice as long each time up to a bound, half of it by chance, so that many clients that lost
// the same server do not return to it together.

export const MIN_BACKOFF_MS = 800;
export const MAX_BACKOFF_MS = 30_000;
/** What a server asks for beyond this is not waited for. */
export const MAX_RETRY_AFTER_MS = 120_000;

export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  /** @param random from 0 up to, not including, 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure. @param retryAfterMs what the server asked for; the wait is not shorter. */
  nextMs(retryAfterMs = 0): number {
    const fullMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** this.#failures++);
    const chosenMs = jitter(fullMs, this.#random);
    return Math.max(chosenMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** Between half of it and all of it. */
export function jitter(durationMs: number, random: () => number): number {
  return (durationMs * (1 + random())) / 2;
}
