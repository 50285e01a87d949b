// An answer as plugins expect to write it, ServerResponse-like, that goes into an Exchange. Whatever plugins do, the exchange gets one
// head without framing or line breaks of theirs, exactly as many bytes as that head promises, and one end. What is wrong with a field
// becomes a 500 when the head is due: thrown where Fastify sets it, it could end the process.
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { Exchange } from '../../../src/dataplane/exchange.ts';
import { sendErrorReply } from '../../../src/dataplane/forward/local-reply.ts';
import { RESCUES } from '../../../src/dataplane/forward/rescue.ts';
import type { Rescue } from '../../../src/dataplane/forward/rescue.ts';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import { isEndToEnd } from './node-fields.ts';

/** Of an answer, before Fastify's stream is paused; beyond it one more chunk. */
const MAX_RESPONSE_BYTES: number = 64 * 1024;

export class ExchangeResponse extends Writable {
  statusCode = 200;
  statusMessage = '';
  headersSent = false;
  readonly socket: Socket;
  readonly #exchange: Exchange;
  readonly #headers = new Map<string, OutgoingHttpHeader>();
  readonly #trailers = new HeaderList();
  /** Still to come; undefined where the head does not say. */
  #bytesLeft: number | undefined = undefined;
  #hasBody = true;
  #hasBadField = false;
  #isOver = false;
  #isFlushDue = false;
  #resume: (() => void) | undefined = undefined;

  constructor(exchange: Exchange, socket: Socket) {
    super({ highWaterMark: MAX_RESPONSE_BYTES });
    this.#exchange = exchange;
    this.socket = socket;
  }

  // — the head —

  setHeader(name: string, value: OutgoingHttpHeader): this {
    if (isField(name, value)) this.#headers.set(name.toLowerCase(), value);
    else this.#hasBadField = true;
    return this;
  }

  appendHeader(name: string, value: string | string[]): this {
    return this.setHeader(name, [this.getHeader(name) ?? [], value].flat().map(String));
  }

  getHeader(name: string): OutgoingHttpHeader | undefined {
    return this.#headers.get(name.toLowerCase());
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase());
  }

  getHeaderNames(): string[] {
    return [...this.#headers.keys()];
  }

  getHeaders(): OutgoingHttpHeaders {
    return Object.fromEntries(this.#headers);
  }

  writeHead(status: number, message?: string | OutgoingHttpHeaders, fields?: OutgoingHttpHeaders): this {
    this.statusCode = status;
    const headers = typeof message === 'object' ? message : fields;
    for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) this.setHeader(name, value);
    return this;
  }

  flushHeaders(): void {
    this.#sendHead();
    this.#flushSoon();
  }

  respondInformational(status: number, headers: HeaderList): void {
    if (!this.headersSent && !this.#isOver) this.#exchange.respondInformational(status, headers);
  }

  writeContinue(): void {
    this.respondInformational(100, new HeaderList());
  }

  writeEarlyHints(hints: Record<string, string | string[]>): void {
    const headers = new HeaderList();
    for (const [name, value] of Object.entries(hints)) if (isField(name, value)) appendAll(headers, name, value);
    this.respondInformational(103, headers);
  }

  addTrailers(trailers: OutgoingHttpHeaders): void {
    for (const [name, value] of Object.entries(trailers)) {
      if (value === undefined || !isEndToEnd(name.toLowerCase()) || !isField(name, value)) continue;
      appendAll(this.#trailers, name, value);
    }
  }

  // — what ends it otherwise —

  /** The client takes more. */
  drained(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** Answers in the gateway's own words in place of whatever plugins would have sent, or cuts the answer that has begun. */
  fail(rescue: Rescue): void {
    if (this.#isOver) return;
    if (this.headersSent) {
      this.destroy();
      return;
    }
    this.takeOver(rescue.status);
    const requestId = this.#exchange.request.headers.get('x-request-id') ?? '';
    sendErrorReply(this.#exchange, rescue, requestId);
  }

  /** Somebody else answers the exchange: for plugins the answer is over. */
  takeOver(status: number): void {
    this.statusCode = status;
    this.headersSent = true;
    this.#isOver = true;
    this.end();
  }

  /** The client is gone. */
  cut(): void {
    this.#isOver = true;
    this.destroy();
  }

  // — the body —

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#sendHead();
    if (this.#isOver || !this.#hasBody) {
      done();
      return;
    }
    if (this.#bytesLeft !== undefined && (this.#bytesLeft -= chunk.length) < 0) {
      done(new Error('a plugin wrote more than the Content-Length it gave'));
      return;
    }
    const takesMore = this.#exchange.writeResponse(chunk);
    this.#flushSoon();
    if (takesMore) done();
    else this.#resume = done;
  }

  override _final(done: (error?: Error) => void): void {
    this.#sendHead();
    if (!this.#isOver && this.#hasBody && (this.#bytesLeft ?? 0) > 0) {
      done(new Error('a plugin wrote less than the Content-Length it gave'));
      return;
    }
    if (!this.#isOver) this.#exchange.endResponse(this.#trailers.count === 0 ? undefined : this.#trailers);
    this.#isOver = true;
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#isOver) this.#exchange.abort();
    this.#isOver = true;
    done(this.listenerCount('error') > 0 ? error : null);
  }

  #sendHead(): void {
    if (this.headersSent || this.#isOver) return;
    if (this.#hasBadField) {
      this.fail(RESCUES.internal);
      return;
    }
    this.headersSent = true;
    const headers = new HeaderList();
    for (const [name, value] of this.#headers) if (isEndToEnd(name)) appendAll(headers, name, value);
    if (!headers.has('date')) headers.append('date', new Date().toUTCString());
    const { statusCode: status } = this;
    this.#hasBody = this.#exchange.request.method !== 'HEAD' && status !== 204 && status !== 304;
    const declared = this.#headers.get('content-length');
    this.#bytesLeft = declared === undefined ? undefined : Number(declared);
    this.#exchange.respond({ status, headers }, this.#bytesLeft ?? (this.#hasBody ? 'chunked' : undefined));
  }

  /** At the end of the turn: what one turn wrote goes out in one write. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(() => {
      this.#isFlushDue = false;
      if (!this.#isOver) this.#exchange.flushResponse();
    });
  }
}

function appendAll(headers: HeaderList, name: string, value: OutgoingHttpHeader): void {
  for (const each of [value].flat()) headers.append(name.toLowerCase(), String(each));
}

function isField(name: string, value: OutgoingHttpHeader): boolean {
  try {
    validateHeaderName(name);
    for (const each of [value].flat()) validateHeaderValue(name, String(each));
    return name.toLowerCase() !== 'content-length' || /^\d{1,15}$/.test(String(value));
  } catch {
    return false;
  }
}
