// Notices children that live but do nothing any more, and ends them; whoever keeps them starts others. A supervisor that was itself held
// up blames nobody.
import type { PlainLog } from './plain-log.ts';

export interface WatchedChild {
  readonly id: string;
  /** When it was heard last, or started. */
  aliveMs: number;
  readonly hasSpoken: boolean;
  kill(): void;
}

/** For Node and the program to load, which takes the longer the busier the machine is. */
const MAX_START_MS = 30_000;
const LOOKS_PER_TIMEOUT = 5;
const MAX_INTERVAL_MS = 1_000;
/** Of the interval. A look that comes later than that says nothing. */
const LATE = 2;

export class HangWatch {
  readonly #timer: NodeJS.Timeout | undefined;
  #lastLookMs: number = performance.now();

  /** @param timeoutMs 0: nothing is watched */
  constructor(timeoutMs: number, children: () => readonly WatchedChild[], log: PlainLog) {
    if (timeoutMs === 0) return;
    const intervalMs = Math.min(MAX_INTERVAL_MS, timeoutMs / LOOKS_PER_TIMEOUT);
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      const isLate = nowMs - this.#lastLookMs > LATE * intervalMs;
      this.#lastLookMs = nowMs;
      for (const child of children()) {
        if (isLate) child.aliveMs = nowMs;
        const limitMs = child.hasSpoken ? timeoutMs : Math.max(timeoutMs, MAX_START_MS);
        if (nowMs - child.aliveMs <= limitMs) continue;
        log.error({ id: child.id, silentMs: Math.round(nowMs - child.aliveMs) }, 'a process hangs; it is killed');
        child.kill();
      }
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
