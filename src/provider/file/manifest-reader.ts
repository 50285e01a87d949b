// Reads manifest files in a process of its own that is started when there is something to read and ends when there was nothing for a
// while. One file at a time; a file that takes too much time or memory becomes a problem, and the next one gets another process.
import { fork, type ChildProcess } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wholeFileProblem, type FileProblemCode } from './file-problem.ts';
import type { FileReading } from './file-reading.ts';
import type { ReadRequest } from './manifest-worker.ts';

export interface ReaderLimits {
  /** Long enough for a series of edits to find the process ready: starting it takes a third of a second. */
  readonly idleMs: number;
  /** For one file. */
  readonly maxFileMs: number;
  /** Far more than a file can need. */
  readonly maxHeapMebibytes: number;
}

const DEFAULT_LIMITS: ReaderLimits = { idleMs: 60_000, maxFileMs: 30_000, maxHeapMebibytes: 1_024 };

interface PendingRead {
  readonly requests: readonly ReadRequest[];
  /** Of the first so many requests. */
  readonly readings: FileReading[];
  readonly timer: NodeJS.Timeout;
  readonly resolve: (readings: readonly FileReading[]) => void;
  readonly reject: (error: Error) => void;
}

export class ManifestReader {
  readonly #limits: ReaderLimits;
  #worker: ChildProcess | undefined = undefined;
  #pending: PendingRead | undefined = undefined;
  #idleTimer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  constructor(limits: Partial<ReaderLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Starts the process, so that it is there when it is needed. */
  prepare(): void {
    if (this.#isClosed) return;
    this.#worker ??= this.#start();
    if (this.#pending === undefined) this.#endWhenIdle();
  }

  /** Reads files in turn; one call at a time. Rejects when the reader is closed, and only then. */
  read(requests: readonly ReadRequest[]): Promise<readonly FileReading[]> {
    if (this.#isClosed) return Promise.reject(closedError());
    if (requests.length === 0) return Promise.resolve([]);
    clearTimeout(this.#idleTimer);
    return new Promise((resolve, reject) => {
      const { maxFileMs } = this.#limits;
      const timer = setTimeout(() => this.#fail('too-complex', `takes more than ${maxFileMs} ms to read`), maxFileMs);
      this.#pending = { requests, readings: [], timer, resolve, reject };
      this.#post(this.#pending);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#pending?.timer);
    this.#pending?.reject(closedError());
    this.#pending = undefined;
    await this.#end();
  }

  #start(): ChildProcess {
    const worker = fork(workerPath(), {
      execArgv: [`--max-old-space-size=${this.#limits.maxHeapMebibytes}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    // What a process says after it was given up is of no interest.
    const ifCurrent = (action: () => void): void => (worker === this.#worker ? action() : undefined);
    worker.on('message', (reading: FileReading) => ifCurrent(() => this.#take(reading)));
    worker.on('error', (error) => ifCurrent(() => this.#fail('unreadable', `cannot be read: ${error.message}`)));
    worker.on('exit', (_code, signal) =>
      ifCurrent(() => {
        if (signal === OUT_OF_MEMORY) this.#fail('too-complex', 'takes too much memory to read');
        else this.#fail('unreadable', 'cannot be read: the reading process ended');
      }),
    );
    setReferenced(worker, false);
    return worker;
  }

  /** Asks for what is still to be read. */
  #post({ requests, readings }: PendingRead): void {
    const worker = (this.#worker ??= this.#start());
    setReferenced(worker, true);
    for (const request of requests.slice(readings.length)) worker.send(request);
  }

  #take(reading: FileReading): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { requests, readings, timer, resolve } = pending;
    readings.push(reading);
    timer.refresh();
    if (readings.length < requests.length) return;
    clearTimeout(timer);
    this.#pending = undefined;
    this.#endWhenIdle();
    resolve(readings);
  }

  /** Gives up the process and the file that it was reading; the files after it are for another one. */
  #fail(code: FileProblemCode, message: string): void {
    void this.#end();
    const { requests, readings } = this.#pending ?? { requests: [], readings: [] };
    const request = requests[readings.length];
    if (request === undefined) return;
    this.#take({ outcome: 'failed', problem: wholeFileProblem(request.file, code, message) });
    if (this.#pending !== undefined) this.#post(this.#pending);
  }

  #endWhenIdle(): void {
    if (this.#worker !== undefined) setReferenced(this.#worker, false);
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => void this.#end(), this.#limits.idleMs);
    this.#idleTimer.unref();
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined || worker.exitCode !== null || worker.signalCode !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.once('exit', resolve);
    worker.once('error', () => resolve());
    setReferenced(worker, true);
    worker.kill('SIGKILL');
    await promise;
  }
}

/** How V8 ends a process that is out of memory. */
const OUT_OF_MEMORY = 'SIGABRT';

/** Whether this process lives on for it. */
function setReferenced(worker: ChildProcess, isReferenced: boolean): void {
  if (isReferenced) {
    worker.ref();
    worker.channel?.ref();
  } else {
    worker.unref();
    worker.channel?.unref();
  }
}

function closedError(): Error {
  return new Error('the reader was closed');
}

/** Run from source, the worker is source too; built, it is JavaScript. */
function workerPath(): string {
  const source = new URL('./manifest-worker.ts', import.meta.url);
  return fileURLToPath(source.href.replace(/\.ts$/, extname(import.meta.url)));
}
