// Writes lines without waiting: they are gathered into batches, written one batch at a time, and dropped (and counted) rather than
// kept without bound when the reader is slow. What is written are whole lines, also across reopen(), which rotation calls.
import { type LineOutlet, openFileOutlet, standardOutlet } from './line-outlet.ts';

/** Text that waits to be written; lines beyond it are dropped. */
export const MAX_BUFFERED_BYTES: number = 8 * 1_024 * 1_024;
/** A batch is written when it has this size… */
const BATCH_BYTES = 64 * 1_024;
/** …or when its first line has waited this long. */
const FLUSH_DELAY_MS = 100;
/** After a pipe was full. */
const FULL_RETRY_MS = 20;
/** After any other error, such as a full disk. */
const ERROR_RETRY_MS = 1_000;
/** How long flush() and close() wait for a slow reader. */
const FLUSH_TIMEOUT_MS = 1_000;

const NEWLINE = 0x0a;

export interface LineSinkOptions {
  readonly target: 'stdout' | 'stderr' | { readonly path: string };
  /** 0 writes every line at once. */
  readonly flushDelayMs?: number;
  readonly maxBufferedBytes?: number;
  /** Told once per series of failures. */
  readonly onError?: (error: Error) => void;
}

export interface LineSink {
  /** The line ends with its newline. */
  write(line: string): void;
  /** Resolves when all lines written so far are out, or after `timeoutMs`. */
  flush(timeoutMs?: number): Promise<void>;
  /** Goes on in a new file of the same path, at the next end of a line. */
  reopen(): void;
  /** Flushes, then drops what is not out; later lines are dropped too. */
  close(timeoutMs?: number): Promise<void>;
  readonly droppedLines: number;
}

/** @throws a system error where the file can't be opened. */
export function openLineSink(options: LineSinkOptions): LineSink {
  const { target } = options;
  return new BatchingLineSink(
    typeof target === 'string' ? standardOutlet(target) : openFileOutlet(target.path),
    options,
  );
}

/** Exported for tests, which bring their own outlet. */
export class BatchingLineSink implements LineSink {
  readonly #outlet: LineOutlet;
  readonly #flushDelayMs: number;
  readonly #maxBufferedBytes: number;
  readonly #onError: (error: Error) => void;

  /** Lines that are not in a batch yet. */
  #pending = '';
  /** The first is the one being written. */
  readonly #batches: Buffer[] = [];
  /** Bytes of the first batch that are out. */
  #offset = 0;
  #bufferedBytes = 0;
  #droppedLines = 0;
  /** Batches so far, for flush(). */
  #made = 0;
  #done = 0;
  readonly #flushChecks = new Set<() => void>();

  readonly #flushTimer: NodeJS.Timeout;
  #flushIsDue = false;
  #retryTimer: NodeJS.Timeout | undefined;
  /** The outlet is at work. */
  #busy = false;
  #failing = false;
  #reopenIsDue = false;
  /** No more lines are taken. */
  #closed = false;
  /** No more are written. */
  #stopped = false;

  constructor(outlet: LineOutlet, options: Omit<LineSinkOptions, 'target'> = {}) {
    this.#outlet = outlet;
    this.#flushDelayMs = options.flushDelayMs ?? FLUSH_DELAY_MS;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? MAX_BUFFERED_BYTES;
    this.#onError = options.onError ?? (() => {});
    this.#flushTimer = setTimeout(() => this.#flushPending(), this.#flushDelayMs).unref();
  }

  get droppedLines(): number {
    return this.#droppedLines;
  }

  write(line: string): void {
    if (this.#closed || this.#bufferedBytes + line.length > this.#maxBufferedBytes) {
      this.#droppedLines += 1;
      return;
    }
    this.#pending += line;
    this.#bufferedBytes += line.length;
    if (this.#pending.length >= BATCH_BYTES) this.#flushPending();
    else if (this.#flushDelayMs === 0) this.#pump();
    else if (!this.#flushIsDue) {
      this.#flushIsDue = true;
      this.#flushTimer.refresh();
    }
  }

  flush(timeoutMs: number = FLUSH_TIMEOUT_MS): Promise<void> {
    this.#flushPending();
    const target = this.#made;
    if (this.#done >= target) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#flushChecks.delete(check);
        resolve();
      };
      const check = (): void => {
        if (this.#done >= target) finish();
      };
      const timer = setTimeout(finish, timeoutMs);
      this.#flushChecks.add(check);
    });
  }

  reopen(): void {
    if (this.#closed) return;
    this.#reopenIsDue = true;
    this.#pump();
  }

  async close(timeoutMs?: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.flush(timeoutMs);
    this.#stop();
  }

  #flushPending(): void {
    this.#flushIsDue = false;
    this.#makeBatch();
    this.#pump();
  }

  #makeBatch(): void {
    if (this.#pending === '') return;
    const batch = Buffer.from(this.#pending);
    this.#bufferedBytes += batch.length - this.#pending.length;
    this.#batches.push(batch);
    this.#made += 1;
    this.#pending = '';
  }

  /** Sets the outlet to work, if it is idle and there is work. */
  #pump(): void {
    if (this.#busy) return;
    // In the middle of a batch only when the old file takes no more of it.
    if (this.#reopenIsDue && (this.#offset === 0 || this.#failing)) {
      this.#reopenOutlet();
      return;
    }
    if (this.#retryTimer !== undefined) return;
    if (this.#flushDelayMs === 0 && this.#batches.length === 0) this.#makeBatch();
    const [batch] = this.#batches;
    if (batch === undefined) return;
    this.#busy = true;
    this.#outlet.write(batch.subarray(this.#offset), (error, written) => {
      this.#busy = false;
      if (this.#stopped) {
        this.#outlet.close();
        return;
      }
      this.#offset += written;
      if (this.#offset >= batch.length) this.#endBatch(batch);
      if (error === null) {
        this.#failing = false;
        this.#pump();
      } else {
        this.#fail(error);
      }
    });
  }

  #endBatch(batch: Buffer): void {
    this.#batches.shift();
    this.#offset = 0;
    this.#bufferedBytes -= batch.length;
    this.#done += 1;
    for (const check of this.#flushChecks) check();
  }

  #fail(error: NodeJS.ErrnoException): void {
    const isFull = error.code === 'EAGAIN';
    if (!isFull && !this.#failing) {
      this.#failing = true;
      this.#onError(error);
    }
    if (!isFull && !this.#outlet.recovers) {
      this.#closed = true;
      this.#stop();
      return;
    }
    this.#retryTimer = setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.#pump();
      },
      isFull ? FULL_RETRY_MS : ERROR_RETRY_MS,
    ).unref();
  }

  #reopenOutlet(): void {
    this.#reopenIsDue = false;
    this.#busy = true;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#outlet.reopen((error) => {
      this.#busy = false;
      if (this.#stopped) {
        this.#outlet.close();
        return;
      }
      if (error === null) this.#rewindToLine();
      else this.#onError(error);
      this.#pump();
    });
  }

  /** A line that the old file took only half goes into the new one whole. */
  #rewindToLine(): void {
    const [batch] = this.#batches;
    if (batch !== undefined && this.#offset > 0) this.#offset = batch.lastIndexOf(NEWLINE, this.#offset - 1) + 1;
  }

  /** Drops what is not out. The outlet is closed when it is idle. */
  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#retryTimer);
    this.#makeBatch();
    this.#droppedLines += lineCount(Buffer.concat(this.#batches).subarray(this.#offset));
    this.#batches.length = 0;
    this.#bufferedBytes = 0;
    this.#done = this.#made;
    for (const check of this.#flushChecks) check();
    if (!this.#busy) this.#outlet.close();
  }
}

function lineCount(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === NEWLINE) count += 1;
  return count;
}
