// Reads manifest files in a worker thread that is started when there is something to read and ends when there was nothing for a while.
// One file at a time; a file that takes too much time or memory becomes a problem, and the next one gets a new thread.
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { wholeFileProblem, type FileProblemCode } from './file-problem.ts';
import type { FileReading } from './file-reading.ts';
import type { ReadRequest } from './manifest-worker.ts';

export interface ReaderLimits {
  /** Long enough for a series of edits to find the thread ready: starting it takes a quarter of a second. */
  readonly idleMs: number;
  /** For one file. */
  readonly maxFileMs: number;
  /** A file of MAX_FILE_BYTES with manifests needs less than half of it. */
  readonly maxHeapMebibytes: number;
}

const DEFAULT_LIMITS: ReaderLimits = { idleMs: 5_000, maxFileMs: 30_000, maxHeapMebibytes: 512 };

interface PendingRead {
  readonly file: string;
  readonly settle: (reading: FileReading) => void;
}

export class ManifestReader {
  readonly #limits: ReaderLimits;
  #worker: Worker | undefined = undefined;
  #pending: PendingRead | undefined = undefined;
  #idleTimer: NodeJS.Timeout | undefined = undefined;

  constructor(limits: Partial<ReaderLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Starts the thread, so that it is there when it is needed. */
  prepare(): void {
    this.#worker ??= this.#start();
    if (this.#pending === undefined) this.#endWhenIdle();
  }

  /** Never rejects. The next file can be read when this one has been. */
  async read(request: ReadRequest): Promise<FileReading> {
    const { maxFileMs } = this.#limits;
    const worker = (this.#worker ??= this.#start());
    clearTimeout(this.#idleTimer);
    worker.ref();
    const timer = setTimeout(
      () => this.#fail(worker, 'too-complex', `takes more than ${maxFileMs} ms to read`),
      maxFileMs,
    );
    const reading = await new Promise<FileReading>((settle) => {
      this.#pending = { file: request.file, settle };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
      worker.postMessage(request);
    });
    clearTimeout(timer);
    this.#pending = undefined;
    if (this.#worker !== undefined) this.#endWhenIdle();
    return reading;
  }

  /** Ends the thread; a further read starts another one. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerUrl(), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.maxHeapMebibytes },
    });
    worker.unref();
    worker.on('message', (reading: FileReading) => this.#pending?.settle(reading));
    worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') this.#fail(worker, 'too-complex', 'takes too much memory to read');
      else this.#fail(worker, 'unreadable', `cannot be read: ${error.message}`);
    });
    worker.on('exit', () => this.#fail(worker, 'unreadable', 'cannot be read: the reading was ended'));
    return worker;
  }

  /** Gives up the thread, and the file that it was about to read. */
  #fail(worker: Worker, code: FileProblemCode, message: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    void worker.terminate();
    const pending = this.#pending;
    pending?.settle({ outcome: 'failed', problem: wholeFileProblem(pending.file, code, message) });
  }

  #endWhenIdle(): void {
    this.#worker?.unref();
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => void this.close(), this.#limits.idleMs);
    this.#idleTimer.unref();
  }
}

/** Run from source, the worker is source too; built, it is JavaScript. */
function workerUrl(): URL {
  const source = new URL('./manifest-worker.ts', import.meta.url);
  return new URL(source.href.replace(/\.ts$/, extname(import.meta.url)));
}
