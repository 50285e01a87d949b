// An Exchange by hand: the test plays client and codec. The client takes as many bytes as it has asked for, and only what was flushed;
// it notes every breach of what a codec may rely on.
import { NO_HANDLER } from '../../../src/dataplane/exchange.ts';
import type {
  BodyLength,
  DownstreamInfo,
  Exchange,
  ExchangeHandler,
  RequestHead,
  ResponseHead,
} from '../../../src/dataplane/exchange.ts';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import { ProxyError } from '../../../src/dataplane/proxy-error.ts';
import type { ProxyErrorCode } from '../../../src/dataplane/proxy-error.ts';
import { Conditions } from '../../harness/deadline.ts';

export interface MemoryRequest {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  /** name, value, … */
  readonly fields?: readonly string[];
  readonly length?: BodyLength;
  readonly expectsContinue?: boolean;
  readonly upgrade?: string;
  /** Of the answer, to begin with; all of it unless given. */
  readonly wantedBytes?: number;
}

export class MemoryExchange implements Exchange {
  readonly holdsChunks = true;
  readonly request: RequestHead;
  readonly downstream: DownstreamInfo = {
    remoteAddress: '192.0.2.7',
    remotePort: 1234,
    localAddress: '192.0.2.1',
    localPort: 80,
  };
  readonly requestBodyLength: BodyLength;
  readonly protocol: string = 'HTTP/1.1';
  readonly expectsContinue: boolean;
  readonly acceptsTrailers: boolean = true;
  readonly upgrade: string | undefined;
  handler: ExchangeHandler = NO_HANDLER;
  isRequestComplete: boolean;
  bytesReceived = 0;
  bytesSent = 0;

  readonly informational: { readonly status: number; readonly headers: HeaderList }[] = [];
  readonly breaches: string[] = [];
  head: ResponseHead | undefined = undefined;
  length: BodyLength | undefined = undefined;
  trailers: HeaderList | undefined = undefined;
  end: 'open' | 'ended' | 'aborted' | 'left' = 'open';
  isPaused = false;
  readonly #conditions = new Conditions();
  #flushed: Uint8Array[] = [];
  #held: Uint8Array[] = [];
  #wantedBytes: number;
  #isDrainDue = false;

  constructor(setup: MemoryRequest = {}) {
    const { method = 'GET', path = '/', query, fields = [], length = 0, wantedBytes = Infinity } = setup;
    const authority = 'example.com';
    this.request = {
      method,
      path,
      query,
      scheme: 'http',
      authority,
      host: authority,
      headers: new HeaderList([...fields]),
    };
    this.requestBodyLength = length;
    this.isRequestComplete = length === 0;
    this.expectsContinue = setup.expectsContinue ?? false;
    this.upgrade = setup.upgrade;
    this.#wantedBytes = wantedBytes;
  }

  // — the client —

  /** Hands itself over, as a codec does. */
  give(take: (exchange: Exchange) => void): this {
    take(this);
    if (this.requestBodyLength === 0) this.handler.onRequestEnd(undefined);
    return this;
  }

  /** Sends, whether or not it is wanted: look at `isPaused` before. */
  send(chunk: Uint8Array): void {
    this.bytesReceived += chunk.length;
    this.handler.onRequestData(chunk);
    this.handler.onRequestFlush();
  }

  finish(trailers?: HeaderList): void {
    this.isRequestComplete = true;
    this.handler.onRequestEnd(trailers);
  }

  leave(): void {
    this.end = 'left';
    this.handler.onAbort(new ProxyError('downstream_closed', 'downstream', 'the client left'));
    this.#conditions.changed();
  }

  /** What the client sends is not what it said it would send. */
  breakOff(code: ProxyErrorCode): void {
    this.handler.onRequestError(new ProxyError(code, 'downstream', 'the body broke off'));
  }

  want(bytes: number): void {
    this.#wantedBytes += bytes;
    if (!this.#isDrainDue || this.isFull) return;
    this.#isDrainDue = false;
    this.handler.onResponseDrain();
  }

  /** What arrived at the client. */
  get received(): Buffer {
    return Buffer.concat(this.#flushed);
  }

  /** What the client has taken of what was sent. */
  get takenBytes(): number {
    return Math.min(this.bytesSent, this.#wantedBytes);
  }

  get isOver(): boolean {
    return this.end !== 'open';
  }

  until<T>(what: string, probe: () => T | undefined, boundMs?: number): Promise<T> {
    return this.#conditions.until(what, probe, boundMs);
  }

  // — the codec —

  pauseRequest(): void {
    this.isPaused = true;
    this.#conditions.changed();
  }

  resumeRequest(): void {
    this.isPaused = false;
    this.#conditions.changed();
  }

  respondInformational(status: number, headers: HeaderList): void {
    if (this.head !== undefined) this.breaches.push('informational after the head');
    this.informational.push({ status, headers });
    this.#conditions.changed();
  }

  respond(head: ResponseHead, length: BodyLength | undefined): void {
    if (this.head !== undefined) this.breaches.push('a second head');
    this.head = head;
    this.length = length;
    this.#conditions.changed();
  }

  writeResponse(chunk: Uint8Array): boolean {
    if (this.head === undefined) this.breaches.push('a body before its head');
    if (this.isOver) this.breaches.push('a body after its end');
    if (this.#isDrainDue) this.breaches.push('a write before the drain');
    this.bytesSent += chunk.length;
    if (typeof this.length === 'number' && this.bytesSent > this.length) this.breaches.push('more than the length');
    this.#held.push(chunk);
    this.#isDrainDue = this.isFull;
    return !this.#isDrainDue;
  }

  flushResponse(): void {
    this.#flushed.push(...this.#held);
    this.#held = [];
    this.#conditions.changed();
  }

  endResponse(trailers?: HeaderList): void {
    if (this.head === undefined) this.breaches.push('an end before the head');
    if (this.isOver) this.breaches.push('a second end');
    this.end = 'ended';
    this.trailers = trailers;
    this.flushResponse();
  }

  abort(): void {
    if (this.isOver) this.breaches.push('an abort after the end');
    this.end = 'aborted';
    this.flushResponse();
  }

  /** The client has got more than it wants. */
  get isFull(): boolean {
    return this.bytesSent > this.#wantedBytes;
  }
}
