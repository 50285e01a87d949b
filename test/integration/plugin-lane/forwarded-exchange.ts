// What a request becomes when it leaves the plugins: an Exchange again, so that routing and forwarding take it as they take one from a
// codec. Its request body is the stream that plugins left, its answer a stream that they get.
import { Readable } from 'node:stream';
import { NO_HANDLER } from '../../../src/dataplane/exchange.ts';
import type {
  BodyLength,
  DownstreamInfo,
  Exchange,
  ExchangeHandler,
  RequestHead,
  ResponseHead,
} from '../../../src/dataplane/exchange.ts';
import type { HeaderList } from '../../../src/dataplane/header-list.ts';
import { ProxyError } from '../../../src/dataplane/proxy-error.ts';

/** Of an answer, before the upstream is paused. */
const MAX_ANSWER_BYTES: number = 64 * 1024;

/** Who brings the answer to the plugins. */
export interface AnswerTaker {
  onInformational(status: number, headers: HeaderList): void;
  onAnswer(head: ResponseHead, length: BodyLength | undefined, body: Readable): void;
  /** Before the end of the body is. */
  onAnswerEnd(trailers: HeaderList | undefined): void;
  /** There is no answer and there will be none. */
  onNoAnswer(error: ProxyError): void;
  /** A 101: returns the exchange that raw bytes go to. */
  onTunnel(head: ResponseHead, handler: ExchangeHandler): Exchange;
}

/** What is not known before plugins are done with it. */
export interface LeftByPlugins {
  readonly request: RequestHead;
  readonly length: BodyLength;
  readonly body: Readable;
  trailers(): HeaderList | undefined;
}

export class ForwardedExchange implements Exchange {
  readonly holdsChunks = true;
  readonly request: RequestHead;
  readonly downstream: DownstreamInfo;
  readonly requestBodyLength: BodyLength;
  readonly protocol: string;
  readonly expectsContinue: boolean;
  readonly acceptsTrailers: boolean;
  readonly upgrade: string | undefined;
  handler: ExchangeHandler = NO_HANDLER;
  isRequestComplete = false;
  bytesReceived = 0;
  bytesSent = 0;

  readonly #left: LeftByPlugins;
  readonly #taker: AnswerTaker;
  readonly #answer: Readable;
  #tunnel: Exchange | undefined = undefined;
  #hasResponded = false;
  #isOver = false;
  #isFlushDue = false;

  constructor(exchange: Exchange, left: LeftByPlugins, expectsContinue: boolean, taker: AnswerTaker) {
    this.request = left.request;
    this.downstream = exchange.downstream;
    this.requestBodyLength = left.length;
    this.protocol = exchange.protocol;
    this.expectsContinue = expectsContinue;
    this.acceptsTrailers = exchange.acceptsTrailers;
    this.upgrade = exchange.upgrade;
    this.#left = left;
    this.#taker = taker;
    this.#answer = new Readable({
      highWaterMark: MAX_ANSWER_BYTES,
      read: () => this.#onRead(),
      destroy: (error, done) => {
        this.lost(new ProxyError('downstream_closed', 'downstream', 'plugins gave the answer up'));
        done(error);
      },
    });
    // Until Fastify takes it nobody listens for its errors.
    this.#answer.on('error', () => {});
  }

  /** Hands itself to whoever forwards it. */
  start(forward: (exchange: Exchange) => void): void {
    this.isRequestComplete = this.requestBodyLength === 0;
    forward(this);
    if (this.isRequestComplete) this.handler.onRequestEnd(undefined);
    else this.#readBody();
  }

  /** Plugins or the client want no answer any more. */
  lost(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answer.destroy();
    this.handler.onAbort(error);
  }

  // — Exchange —

  pauseRequest(): void {
    if (this.#tunnel === undefined) this.#left.body.pause();
    else this.#tunnel.pauseRequest();
  }

  resumeRequest(): void {
    if (this.#tunnel === undefined) this.#left.body.resume();
    else this.#tunnel.resumeRequest();
  }

  respondInformational(status: number, headers: HeaderList): void {
    this.#taker.onInformational(status, headers);
  }

  respond(head: ResponseHead, length: BodyLength | undefined): void {
    this.#hasResponded = true;
    if (head.status === 101) this.#tunnel = this.#taker.onTunnel(head, this.handler);
    else this.#taker.onAnswer(head, length, this.#answer);
  }

  writeResponse(chunk: Uint8Array): boolean {
    if (this.#tunnel !== undefined) return this.#tunnel.writeResponse(chunk);
    if (this.#isOver) return true;
    this.bytesSent += chunk.length;
    return this.#answer.push(chunk);
  }

  flushResponse(): void {
    this.#tunnel?.flushResponse();
  }

  endResponse(trailers?: HeaderList): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#tunnel === undefined) {
      this.#taker.onAnswerEnd(trailers);
      this.#answer.push(null);
    } else {
      this.#tunnel.endResponse();
    }
  }

  abort(): void {
    if (this.#tunnel !== undefined) this.#tunnel.abort();
    if (this.#isOver) return;
    this.#isOver = true;
    const error = new ProxyError('upstream_reset', 'upstream', 'the answer broke off');
    this.#answer.destroy(error);
    if (!this.#hasResponded) this.#taker.onNoAnswer(error);
  }

  #onRead(): void {
    if (this.#hasResponded && !this.#isOver) this.handler.onResponseDrain();
  }

  #readBody(): void {
    const { body } = this.#left;
    body.on('data', (chunk: Buffer) => {
      this.bytesReceived += chunk.length;
      this.handler.onRequestData(chunk);
      this.#flushRequestSoon();
    });
    body.on('end', () => {
      this.isRequestComplete = true;
      this.handler.onRequestEnd(this.#left.trailers());
    });
    body.on('error', () => {
      if (!this.#isOver)
        this.handler.onRequestError(new ProxyError('bad_request', 'downstream', 'plugins could not read the body'));
    });
  }

  /** A stream does not say when a turn ends; the next tick is about that. */
  #flushRequestSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(() => {
      this.#isFlushDue = false;
      if (!this.#isOver) this.handler.onRequestFlush();
    });
  }
}
