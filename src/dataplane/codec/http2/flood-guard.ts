// Counts what a peer makes this side do for nothing: frames that only ask for an answer or bring nothing, and streams that are reset as
// soon as they were opened. More than a client with a reason would send is a flood (CVE-2019-9512 to 9518, CVE-2023-44487, CVE-2025-8671).

/** PING, SETTINGS, PRIORITY, empty and unknown frames within the interval, as long as nothing of a message moves. */
const MAX_IDLE_FRAMES = 1_000;
/** Streams that the peer reset right after it opened them, or made us reset, within the interval. */
const MAX_WASTED_STREAMS = 100;
const INTERVAL_MS = 10_000;
/** Of a stream that was reset: what was older may have been given up because its answer was late. */
export const WASTED_STREAM_AGE_MS = 100;

export class FloodGuard {
  readonly #idleFrames = new IntervalCount(MAX_IDLE_FRAMES);
  readonly #wastedStreams = new IntervalCount(MAX_WASTED_STREAMS);

  /** Something of a message was served. */
  progress(): void {
    this.#idleFrames.reset();
  }

  /** Returns whether it is one too many. */
  countIdleFrame(): boolean {
    return this.#idleFrames.add();
  }

  /** Returns whether it is one too many. */
  countWastedStream(): boolean {
    return this.#wastedStreams.add();
  }
}

/** Begins anew with the first that exceeds the bound when the interval is over. */
class IntervalCount {
  readonly #bound: number;
  #count = 0;
  #sinceMs = 0;

  constructor(bound: number) {
    this.#bound = bound;
  }

  reset(): void {
    this.#count = 0;
  }

  /** Returns whether the interval has one too many. */
  add(): boolean {
    if (++this.#count === 1) this.#sinceMs = performance.now();
    if (this.#count <= this.#bound) return false;
    if (performance.now() - this.#sinceMs < INTERVAL_MS) return true;
    this.#count = 0;
    return false;
  }
}
