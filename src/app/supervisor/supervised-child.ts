// One child process: started, heard, watched for signs of life, and ended by its own handle, never by a name or a number.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { LineSink } from '../../observability/line-sink.ts';
import { relayLines } from './line-relay.ts';
import type { BoundSocket } from './listening-sockets.ts';

export interface ChildLogs {
  /** Standard output: the access log. */
  readonly access: LineSink | undefined;
  /** Standard error: all else. */
  readonly process: LineSink;
}

export interface ChildEnding {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class SupervisedChild<Sent extends object, Received> {
  readonly id: string;
  readonly startedMs: number = performance.now();
  /** When it was heard last. */
  aliveMs: number = performance.now();
  /** Whether it ever was. */
  hasSpoken = false;
  readonly #process: ChildProcess;
  readonly #ended = Promise.withResolvers<ChildEnding>();
  readonly #closed = Promise.withResolvers<void>();

  constructor(id: string, entry: string, logs: ChildLogs, onMessage: (message: Received) => void) {
    this.id = id;
    this.#process = fork(entry, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    relayLines(this.#process.stdout as Readable, logs.access ?? logs.process);
    relayLines(this.#process.stderr as Readable, logs.process);
    this.#process.on('message', (message) => {
      this.aliveMs = performance.now();
      this.hasSpoken = true;
      onMessage(message as Received);
    });
    this.#process.on('exit', (code, signal) => this.#ended.resolve({ code, signal }));
    this.#process.on('close', () => this.#closed.resolve());
    this.#process.on('error', () => {
      // It could not be started, or no longer be reached.
      if (this.#process.pid !== undefined) return;
      this.#ended.resolve({ code: 1, signal: null });
      this.#closed.resolve();
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get ended(): Promise<ChildEnding> {
    return this.#ended.promise;
  }

  /** Ended, and all that it wrote is read. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** It fails where the child is about to end; 'exit' tells. */
  send(message: Sent, socket?: BoundSocket): void {
    if (this.#process.connected) this.#process.send(message, socket?.handle, {}, () => {});
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}
