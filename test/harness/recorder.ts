// An upstream that records every byte per connection and answers by a script. By default each complete request gets a small 200 whose
// x-upstream field numbers it, so that a client can tell the upstream's answers from the gateway's own.
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Conditions } from './deadline.ts';
import { assertCanonical } from './canonical-request.ts';
import { quote, readAlike } from './referees.ts';
import { StateMachineReader } from './state-machine-referee.ts';
import type { Message, Reading } from './http1-message.ts';

/** What the upstream does; each part is called at most once per connection or request. May be replaced at any time. */
export interface Script {
  onConnection?(connection: RecordedConnection): void | Promise<void>;
  /** The head of a request is complete, its body perhaps not. */
  onHead?(connection: RecordedConnection): void | Promise<void>;
  onRequest?(connection: RecordedConnection, request: Message): void | Promise<void>;
}

export function okResponse(number: number, method = 'GET'): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Upstream: ${number}\r\n\r\n${method === 'HEAD' ? '' : 'ok'}`;
}

/** Answers every request with these bytes. */
export function answering(bytes: string | Uint8Array): Script {
  return { onRequest: (connection) => connection.write(bytes) };
}

export class RecordedConnection {
  readonly recorder: Recorder;
  readonly socket: Socket;
  readonly #untaken: Buffer[] = [];
  readonly #reader = new StateMachineReader('request');
  #requestsSeen = 0;
  #headsSeen = 0;
  #end: 'open' | 'closed' | 'reset' = 'open';

  constructor(recorder: Recorder, socket: Socket) {
    this.recorder = recorder;
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#record(chunk));
    socket.on('end', () => this.#ended('closed'));
    socket.on('error', () => this.#ended('reset'));
    socket.on('close', () => this.#ended('closed'));
  }

  /** What came since the last `take`. */
  get bytes(): Buffer {
    if (this.#untaken.length > 1) this.#untaken.splice(0, this.#untaken.length, Buffer.concat(this.#untaken));
    return this.#untaken[0] ?? Buffer.alloc(0);
  }

  get isBetweenRequests(): boolean {
    return this.#reader.isBetweenMessages;
  }

  /** Complete requests since the connection was opened. */
  get requestCount(): number {
    return this.#reader.messages.length;
  }

  /** How the gateway ended the connection, `open` as long as it did not. */
  get end(): 'open' | 'closed' | 'reset' {
    return this.#end;
  }

  write(bytes: string | Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Sends a FIN after what was written. */
  finish(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** What both referees read in the bytes since the last take; these are forgotten unless the last message is unfinished. */
  take(): Reading {
    const reading = readAlike(this.bytes);
    if (reading.rest !== 'prefix' || this.#end !== 'open') this.#untaken.length = 0;
    return reading;
  }

  #record(chunk: Buffer): void {
    this.#untaken.push(chunk);
    this.#reader.push(chunk);
    const { recorder } = this;
    const { messages } = this.#reader;
    while (this.#requestsSeen < messages.length) {
      this.#headOnce(this.#requestsSeen);
      const request = messages[this.#requestsSeen++] as Message;
      recorder.run(() => recorder.script.onRequest?.(this, request));
    }
    if (this.#reader.isHeadDone) this.#headOnce(this.#requestsSeen);
    recorder.conditions.changed();
  }

  #headOnce(index: number): void {
    if (this.#headsSeen > index) return;
    this.#headsSeen = index + 1;
    this.recorder.run(() => this.recorder.script.onHead?.(this));
  }

  #ended(how: 'closed' | 'reset'): void {
    if (this.#end !== 'open') return;
    this.#end = how;
    this.recorder.conditions.changed();
  }
}

export class Recorder {
  readonly conditions: Conditions = new Conditions();
  /** Open connections, and closed ones with something untaken. */
  readonly connections: Set<RecordedConnection> = new Set();
  readonly #default: Script = {
    onRequest: (connection, { startLine }) => connection.write(okResponse(++this.#number, startLine[0])),
  };
  script: Script = this.#default;
  readonly #server: Server;
  #number = 0;
  #scriptFailure: unknown;

  private constructor() {
    // allowHalfOpen: a gateway's FIN is recorded and answered only by the script, never by Node.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const connection = new RecordedConnection(this, socket);
      this.connections.add(connection);
      this.run(() => this.script.onConnection?.(connection));
      this.conditions.changed();
    });
  }

  static async listen(address = '127.0.0.1'): Promise<Recorder> {
    const recorder = new Recorder();
    await new Promise<void>((resolve, reject) => {
      recorder.#server.once('error', reject);
      recorder.#server.listen(0, address, resolve);
    });
    return recorder;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Bytes that came since the last take. */
  get untakenBytes(): number {
    let sum = 0;
    for (const connection of this.connections) sum += connection.bytes.length;
    return sum;
  }

  /** What each connection brought since the last take; forgets connections that are closed. @throws where it isn't canonical. */
  take(): Reading[] {
    const readings: Reading[] = [];
    for (const connection of this.connections) {
      const { bytes } = connection;
      const reading = connection.take();
      if (connection.end !== 'open') {
        connection.socket.destroy();
        this.connections.delete(connection);
      }
      if (bytes.length === 0) continue;
      if (reading.rest === 'invalid')
        throw new Error(`the upstream got an invalid stream (${reading.reason}): ${quote(bytes)}`);
      for (const message of reading.messages) assertCanonical(message);
      if (reading.unfinished !== undefined) assertCanonical(reading.unfinished);
      readings.push(reading);
    }
    return readings;
  }

  /** The complete requests since the last take. @throws where one is unfinished. */
  takeRequests(): Message[] {
    return this.take().flatMap((reading) => {
      if (reading.rest !== 'nothing') throw new Error('the upstream got an unfinished request');
      return [...reading.messages];
    });
  }

  /** Forgets what was not taken: after a failure, so that the next test does not fail for it. */
  forget(): void {
    for (const connection of this.connections) connection.socket.destroy();
    this.connections.clear();
  }

  useDefaultScript(): void {
    this.script = this.#default;
  }

  async until<T>(what: string, probe: () => T | undefined, boundMs?: number): Promise<T> {
    try {
      return await this.conditions.until(what, probe, boundMs);
    } catch (error) {
      const seen = [...this.connections].map(({ end, bytes }) => `${end} ${quote(bytes.subarray(0, 1_000))}`);
      throw new Error(`upstream: ${(error as Error).message}; connections: ${seen.join(' | ')}`, { cause: error });
    }
  }

  /** Every connection that carries an unfinished request is closed by the gateway. */
  async untilUnfinishedClosed(boundMs?: number): Promise<void> {
    const isSettled = ({ end, isBetweenRequests }: RecordedConnection): boolean => end !== 'open' || isBetweenRequests;
    await this.until('unfinished requests are cut', () => [...this.connections].every(isSettled) || undefined, boundMs);
  }

  run(step: () => void | Promise<void> | undefined): void {
    try {
      const pending = step();
      if (pending instanceof Promise) pending.catch((error: unknown) => (this.#scriptFailure ??= error));
    } catch (error) {
      this.#scriptFailure ??= error;
    }
  }

  /** @throws what a script threw. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.connections) connection.socket.destroy();
    await closed;
    if (this.#scriptFailure !== undefined) throw this.#scriptFailure;
  }
}
