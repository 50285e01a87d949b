// Coarse timeouts without a timer per request: deadlines of one duration form a list in order of expiry, so arming and disarming
// is a few pointer writes, and one interval looks at the heads. A deadline fires up to two ticks late, never early.

export const TICK_MS = 20;

/** Something that can expire. Extend it, or embed a small subclass; one deadline waits in at most one queue. */
export abstract class Deadline {
  /** @internal */ previous: Deadline | undefined = undefined;
  /** @internal */ next: Deadline | undefined = undefined;
  /** @internal */ queue: TimeoutQueue | undefined = undefined;
  /** @internal */ expiresAtMs = 0;

  abstract onExpired(): void;

  disarm(): void {
    this.queue?.remove(this);
  }
}

export class TimeoutQueue {
  readonly durationMs: number;
  readonly #wheel: TimerWheel;
  #first: Deadline | undefined = undefined;
  #last: Deadline | undefined = undefined;

  constructor(wheel: TimerWheel, durationMs: number) {
    this.#wheel = wheel;
    this.durationMs = durationMs;
  }

  /** Starts or restarts the deadline. A duration of 0 never expires. */
  arm(deadline: Deadline): void {
    deadline.queue?.remove(deadline);
    if (this.durationMs === 0) return;
    deadline.queue = this;
    deadline.expiresAtMs = this.#wheel.nowMs + this.durationMs + TICK_MS;
    deadline.previous = this.#last;
    deadline.next = undefined;
    if (this.#last === undefined) {
      this.#first = deadline;
      this.#wheel.activate(this);
    } else {
      this.#last.next = deadline;
    }
    this.#last = deadline;
  }

  /** @internal Use deadline.disarm(). */
  remove(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    deadline.previous = undefined;
    deadline.next = undefined;
    deadline.queue = undefined;
  }

  /** @internal Expires what is due; returns whether anything is left. */
  expire(nowMs: number): boolean {
    while (this.#first !== undefined && this.#first.expiresAtMs <= nowMs) {
      const deadline = this.#first;
      this.remove(deadline);
      try {
        deadline.onExpired();
      } catch (error) {
        this.#wheel.onDefect(error);
      }
    }
    return this.#first !== undefined;
  }
}

/** Owns the interval; it runs only while something waits, and does not keep the process alive. */
export class TimerWheel {
  readonly #clock: () => number;
  readonly #queues = new Map<number, TimeoutQueue>();
  readonly #active = new Set<TimeoutQueue>();
  #interval: NodeJS.Timeout | undefined = undefined;
  #nowMs: number;

  /** @internal A deadline threw; the others expire all the same. */
  readonly onDefect: (error: unknown) => void;

  /** @param clock monotonic milliseconds; tests pass their own. */
  constructor(onDefect: (error: unknown) => void, clock: () => number = () => performance.now()) {
    this.onDefect = onDefect;
    this.#clock = clock;
    this.#nowMs = clock();
  }

  /** The time of the last tick: at most TICK_MS old while anything waits. */
  get nowMs(): number {
    return this.#interval === undefined ? this.#clock() : this.#nowMs;
  }

  /** The queue for a duration; made once, as durations come from the configuration. */
  queue(durationMs: number): TimeoutQueue {
    let queue = this.#queues.get(durationMs);
    if (queue === undefined) {
      queue = new TimeoutQueue(this, durationMs);
      this.#queues.set(durationMs, queue);
    }
    return queue;
  }

  /** @internal */
  activate(queue: TimeoutQueue): void {
    this.#active.add(queue);
    if (this.#interval !== undefined) return;
    this.#nowMs = this.#clock();
    this.#interval = setInterval(() => this.tick(), TICK_MS);
    this.#interval.unref();
  }

  tick(): void {
    this.#nowMs = this.#clock();
    for (const queue of this.#active) {
      if (!queue.expire(this.#nowMs)) this.#active.delete(queue);
    }
    if (this.#active.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }
}
