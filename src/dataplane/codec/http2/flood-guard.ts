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
  #idleFrames = 0;
  #countedSinceMs = 0;
  #wastedStreams = 0;
  #wastedSinceMs = 0;

  /** Something of a message was served. */
  progress(): void {
    this.#idleFrames = 0;
  }

  /** Returns whether it is one too many. */
  countIdleFrame(): boolean {
    if (++this.#idleFrames === 1) this.#countedSinceMs = performance.now();
    if (this.#idleFrames <= MAX_IDLE_FRAMES) return false;
    if (performance.now() - this.#countedSinceMs < INTERVAL_MS) return true;
    this.#idleFrames = 0;
    return false;
  }

  /** Returns whether it is one too many. */
  countWastedStream(): boolean {
    if (++this.#wastedStreams === 1) this.#wastedSinceMs = performance.now();
    if (this.#wastedStreams <= MAX_WASTED_STREAMS) return false;
    if (performance.now() - this.#wastedSinceMs < INTERVAL_MS) return true;
    this.#wastedStreams = 0;
    return false;
  }
}
