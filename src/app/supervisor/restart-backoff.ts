// How long to wait before a process that ended is started again: not at all when it had lived well, longer and longer when it ends again
// and again, up to a bound.

/** A process that lived so long was well. */
const WELL_MS = 10_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;

export class RestartBackoff {
  #failures = 0;

  /** @param livedMs how long the process lived that just ended */
  delayMs(livedMs: number): number {
    this.#failures = livedMs >= WELL_MS ? 0 : this.#failures + 1;
    return this.#failures === 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 1), MAX_DELAY_MS);
  }
}
