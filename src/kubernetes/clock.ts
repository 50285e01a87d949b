// Time as this folder sees it. Passed in, so that tests decide what time it is; nothing here reads a clock by itself.

export interface Clock {
  /** Monotonic milliseconds: for durations. */
  nowMs(): number;
  /** Milliseconds since 1970: for times that someone else wrote or will read. */
  dateMs(): number;
  /** Calls back once, after this time; the function that it returns cancels that. */
  after(delayMs: number, callback: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => performance.now(),
  dateMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A wait that can be cut short, one at a time. */
export class Pause {
  readonly #clock: Clock;
  #isClosed = false;
  #end: (() => void) | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after this time, or as soon as `end` is called. */
  wait(delayMs: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(delayMs, () => this.end());
      this.#end = (): void => {
        cancel();
        this.#end = undefined;
        resolve();
      };
    });
  }

  end(): void {
    this.#end?.();
  }

  /** Ends this wait and all to come. */
  close(): void {
    this.#isClosed = true;
    this.end();
  }
}
