// One request on a stream of an HTTP/2 connection, as the rest of the data plane sees it. Whatever happens to the stream, whoever handles
// the exchange learns of exactly one end: its own answer, its own abort, or onAbort.
import { constants } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Stream, ServerStreamResponseOptions } from 'node:http2';
import { Deadline } from '../../../lib/timeout-queue.ts';
import type {
  BodyLength,
  DownstreamInfo,
  Exchange,
  ExchangeHandler,
  RequestHead,
  ResponseHead,
} from '../../exchange.ts';
import { isGrpcCall } from '../../grpc.ts';
import { HeaderList } from '../../header-list.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { ProxyErrorCode } from '../../proxy-error.ts';
import { allowedTrailers } from '../http1/body-decoder.ts';
import type { ParseProblem } from '../http1/field-section.ts';
import { fieldObject, readTrailers } from './fields.ts';
import { releaseAfter } from './release-order.ts';
import { breakOff, cancel } from './reset.ts';
import type { Http2RequestHeadParser } from './server-request-head.ts';
import type { Http2ServerSettings } from './server-settings.ts';

const { NGHTTP2_NO_ERROR } = constants;

/** The connection, as far as an exchange needs it. */
export interface StreamConnection {
  readonly scheme: 'http' | 'https';
  readonly downstream: DownstreamInfo;
  readonly settings: Http2ServerSettings;
  /** See release-order.ts. */
  readonly native: unknown;
  /** Something of an answer goes out. */
  onProgress(): void;
  onStreamClosed(): void;
  /** The client reset a stream that was open for so long. */
  onClientReset(ageMs: number): void;
  onProtocolError(code: ProxyErrorCode): void;
  onDefect(error: unknown): void;
}

/** none: the head ended the stream · data: a body follows · trailers: and behind it a field section · tunnel: raw bytes both ways */
type Framing = 'none' | 'data' | 'trailers' | 'tunnel';

/** `sendDate` is missing in the declarations. */
type ResponseOptions = ServerStreamResponseOptions & { readonly sendDate: false };
const HEAD_ONLY: ResponseOptions = { endStream: true, sendDate: false };
const HEAD_AND_BODY: ResponseOptions = { sendDate: false };
const HEAD_BODY_AND_TRAILERS: ResponseOptions = { waitForTrailers: true, sendDate: false };

/** As a Deadline it is the one for the client to take what waits to be sent. */
export class Http2Exchange extends Deadline implements Exchange {
  readonly request: RequestHead;
  readonly downstream: DownstreamInfo;
  readonly requestBodyLength: BodyLength;
  readonly protocol = 'HTTP/2';
  readonly expectsContinue: boolean;
  readonly acceptsTrailers: boolean;
  readonly upgrade: string | undefined;
  handler: ExchangeHandler = IGNORE;
  isRequestComplete: boolean;
  bytesReceived = 0;
  bytesSent = 0;

  readonly #startMs: number = performance.now();
  readonly #connection: StreamConnection;
  readonly #stream: ServerHttp2Stream;
  /** The client ended its side with the head already. */
  readonly #endsWithHead: boolean;
  #bodyDeadline: BodyDeadline | undefined = undefined;
  #requestTrailers: HeaderList | undefined = undefined;
  /** The body was refused: nothing of it is passed on any more. */
  #isBodyRefused = false;
  #framing: Framing = 'none';
  #hasResponded = false;
  #responseTrailers: HeaderList | undefined = undefined;
  #isResponseComplete = false;
  #awaitsDrain = false;

  constructor(
    connection: StreamConnection,
    stream: ServerHttp2Stream,
    parser: Http2RequestHeadParser,
    endsWithHead: boolean,
  ) {
    super();
    const { section } = parser;
    this.#connection = connection;
    this.#stream = stream;
    this.#endsWithHead = endsWithHead;
    this.downstream = connection.downstream;
    this.request = {
      method: parser.method,
      path: parser.path,
      query: parser.query,
      scheme: connection.scheme,
      authority: parser.authority,
      host: parser.host,
      headers: new HeaderList(section.fields),
    };
    this.requestBodyLength = parser.bodyLength;
    this.expectsContinue = section.expect !== undefined;
    this.acceptsTrailers = section.acceptsTrailers;
    this.upgrade = parser.upgrade;
    this.isRequestComplete = endsWithHead || parser.upgrade !== undefined;
    (stream as ExchangeStream)[EXCHANGE] = this;
    // The reason is in the close that follows; without a listener the process would end.
    stream.on('error', ignoreError);
    stream.on('close', onClose);
  }

  /** From the connection, when somebody has taken the exchange: lets the body come. */
  start(): void {
    if (this.#isResponseComplete || this.#framing === 'tunnel') return;
    if (this.isRequestComplete) {
      this.handler.onRequestEnd(undefined);
      this.handler.onRequestFlush();
    } else {
      // A call may say nothing for as long as it likes; what bounds it is its own deadline, and the silence of both sides.
      if (!this.#isGrpc) this.#bodyDeadline = new BodyDeadline(this);
      if (this.#bodyDeadline !== undefined && this.#stream.readableFlowing !== false)
        this.#connection.settings.timeouts.bodyIdle.arm(this.#bodyDeadline);
      this.#stream.on('trailers', onTrailers);
      this.#read();
    }
  }

  get holdsChunks(): boolean {
    return this.#stream.writableLength > 0;
  }

  pauseRequest(): void {
    if (this.isRequestComplete) return;
    this.#bodyDeadline?.disarm();
    this.#stream.pause();
  }

  resumeRequest(): void {
    if (this.isRequestComplete) return;
    if (this.#bodyDeadline !== undefined) this.#connection.settings.timeouts.bodyIdle.arm(this.#bodyDeadline);
    this.#stream.resume();
  }

  respondInformational(status: number, headers: HeaderList): void {
    if (this.#hasResponded || this.#stream.closed) return;
    const fields = fieldObject(headers);
    fields[':status'] = status;
    this.#stream.additionalHeaders(fields);
  }

  respond({ status, headers }: ResponseHead, length: BodyLength | undefined): void {
    if (this.#stream.closed) return;
    this.#hasResponded = true;
    this.#connection.onProgress();
    if (status === 101) {
      this.#startTunnel(headers);
      return;
    }
    const fields = [':status', String(status)].concat(headers.fields);
    const hasNoBody = this.request.method === 'HEAD' || status === 204 || status === 205 || status === 304;
    if (typeof length === 'number' && status !== 204 && status !== 205) fields.push('content-length', String(length));
    if (hasNoBody || length === 0) {
      this.#stream.respond(fields, HEAD_ONLY);
    } else if (this.acceptsTrailers || this.#isGrpc) {
      this.#framing = 'trailers';
      this.#stream.on('wantTrailers', onWantTrailers);
      this.#stream.respond(fields, HEAD_BODY_AND_TRAILERS);
    } else {
      this.#framing = 'data';
      this.#stream.respond(fields, HEAD_AND_BODY);
    }
  }

  writeResponse(chunk: Uint8Array): boolean {
    if (chunk.length === 0 || this.#framing === 'none' || this.#isResponseComplete || this.#stream.closed) return true;
    this.bytesSent += chunk.length;
    this.#connection.onProgress();
    if (this.#stream.write(chunk)) return true;
    if (!this.#awaitsDrain) {
      this.#awaitsDrain = true;
      this.#stream.once('drain', onDrain);
      this.#connection.settings.timeouts.writeStall.arm(this);
    }
    return false;
  }

  /** Nothing is held back: node:http2 sends at the end of a turn by itself. */
  flushResponse(): void {}

  endResponse(trailers?: HeaderList): void {
    if (this.#isResponseComplete) return;
    this.#isResponseComplete = true;
    const dropsRequest = !this.isRequestComplete && this.#framing !== 'tunnel';
    if (dropsRequest) this.#discardRequest();
    if (this.#stream.closed) return;
    this.#responseTrailers = trailers;
    if (this.#framing !== 'none') this.#stream.end();
    this.#connection.settings.timeouts.writeStall.arm(this);
    // The other direction of a tunnel may go on for long.
    if (this.#framing === 'tunnel') this.#stream.once('finish', onFinish);
    // The client learns that nobody wants the rest (RFC 9113 section 8.1).
    if (dropsRequest && this.#framing !== 'trailers') this.#stream.close(NGHTTP2_NO_ERROR);
  }

  abort(): void {
    if (this.#isOver) return;
    this.#finish();
    breakOff(this.#stream);
  }

  /** The client does not take what it was sent. */
  onExpired(): void {
    this.#lost('the client stopped reading');
    cancel(this.#stream);
  }

  /** From BodyDeadline. */
  onBodyTimeout(): void {
    this.#refuseBody({ code: 'request_timeout', message: 'the body of the request stopped arriving' });
  }

  // — from the stream —

  /** @internal */
  onData(chunk: Buffer): void {
    this.bytesReceived += chunk.length;
    if (this.#isOver || this.#isBodyRefused) return;
    if (this.#framing !== 'tunnel') {
      if (this.#isResponseComplete) return;
      const { limits, timeouts } = this.#connection.settings;
      if (limits.maxBodyBytes !== 0 && this.bytesReceived > limits.maxBodyBytes) {
        this.#refuseBody(BODY_TOO_LARGE);
        return;
      }
      if (this.#bodyDeadline !== undefined) timeouts.bodyIdle.arm(this.#bodyDeadline);
    }
    this.handler.onRequestData(chunk);
    this.handler.onRequestFlush();
  }

  /** @internal */
  onTrailers(raw: readonly string[]): void {
    const { maxHeaderCount } = this.#connection.settings.limits;
    const trailers = readTrailers(raw, { maxCount: maxHeaderCount, allowUnderscore: false });
    if ('code' in trailers) this.#refuseBody(trailers);
    else this.#requestTrailers = allowedTrailers(trailers);
  }

  /** @internal */
  onEnd(): void {
    // A reset without an error looks like an end.
    if (this.#stream.closed && !this.#isResponseComplete) return;
    if (this.isRequestComplete) return;
    this.isRequestComplete = true;
    this.#bodyDeadline?.disarm();
    if (this.#isBodyRefused || (this.#isResponseComplete && this.#framing !== 'tunnel')) return;
    this.handler.onRequestEnd(this.#requestTrailers);
    this.handler.onRequestFlush();
  }

  /** @internal */
  onDrain(): void {
    this.#awaitsDrain = false;
    if (this.#isResponseComplete) return;
    this.disarm();
    this.handler.onResponseDrain();
  }

  /** @internal Told at once, where the close waits until everything was read. */
  onAborted(): void {
    this.#lost('the client reset the stream');
  }

  /** @internal */
  onWantTrailers(): void {
    const trailers = this.#responseTrailers;
    this.#stream.sendTrailers(trailers === undefined ? {} : fieldObject(trailers));
    // They go out in an immediate of their own; the reset must come behind them.
    if (!this.isRequestComplete) setImmediate(closeStream, this.#stream);
  }

  /** @internal */
  onClose(): void {
    this.disarm();
    this.#bodyDeadline?.disarm();
    if (!this.isRequestComplete || this.#stream.rstCode !== NGHTTP2_NO_ERROR)
      releaseAfter(this.#stream, this.#connection.native);
    this.#connection.onStreamClosed();
    // The whole answer went out; that it is complete is still to be said.
    if (this.#hasResponded && this.#framing === 'none' && this.isRequestComplete) return;
    this.#lost('the client closed the stream');
  }

  /** @internal A defect ends one connection, not the process. */
  onDefect(error: unknown): void {
    this.#connection.onDefect(error);
  }

  /** Whose answers end in trailers, whatever the client says of them. */
  get #isGrpc(): boolean {
    return isGrpcCall(this.request.headers);
  }

  /** Nothing is to be said to or heard from the handler any more. */
  get #isOver(): boolean {
    return this.#isResponseComplete && (this.#framing !== 'tunnel' || this.isRequestComplete);
  }

  #finish(): void {
    this.#isResponseComplete = true;
    if (this.#framing === 'tunnel') this.isRequestComplete = true;
    this.disarm();
    this.#discardRequest();
  }

  /** node:http2 lets go of a stream only when what came of it was read. */
  #discardRequest(): void {
    this.#bodyDeadline?.disarm();
    this.#stream.resume();
  }

  #lost(why: string): void {
    if (this.#isOver) return;
    this.#finish();
    this.#connection.onClientReset(performance.now() - this.#startMs);
    this.handler.onAbort(new ProxyError('downstream_closed', 'downstream', why));
  }

  #read(): void {
    this.#stream.on('aborted', onAborted);
    this.#stream.on('end', onEnd);
    this.#stream.on('data', onData);
  }

  /** RFC 8441 section 5: the answer is 200, and nothing of the HTTP/1.1 handshake is in it. */
  #startTunnel(headers: HeaderList): void {
    this.#framing = 'tunnel';
    headers.remove('sec-websocket-accept');
    this.#stream.respond([':status', '200'].concat(headers.fields), HEAD_AND_BODY);
    if (this.#endsWithHead) {
      this.handler.onRequestEnd(undefined);
    } else {
      this.isRequestComplete = false;
      this.#read();
    }
  }

  #refuseBody({ code, message }: ParseProblem): void {
    if (this.#isBodyRefused || this.#isResponseComplete) return;
    this.#isBodyRefused = true;
    this.#bodyDeadline?.disarm();
    this.#connection.onProtocolError(code);
    this.handler.onRequestError(new ProxyError(code, 'downstream', message));
  }
}

class BodyDeadline extends Deadline {
  readonly #exchange: Http2Exchange;

  constructor(exchange: Http2Exchange) {
    super();
    this.#exchange = exchange;
  }

  onExpired(): void {
    this.#exchange.onBodyTimeout();
  }
}

// Listeners are functions that all streams share; the exchange hangs on the stream.

const EXCHANGE: unique symbol = Symbol('exchange');

interface ExchangeStream extends ServerHttp2Stream {
  [EXCHANGE]: Http2Exchange;
}

function onData(this: ExchangeStream, chunk: Buffer): void {
  try {
    this[EXCHANGE].onData(chunk);
  } catch (error) {
    this[EXCHANGE].onDefect(error);
  }
}

function onTrailers(this: ExchangeStream, _fields: IncomingHttpHeaders, _flags: number, raw: readonly string[]): void {
  try {
    this[EXCHANGE].onTrailers(raw);
  } catch (error) {
    this[EXCHANGE].onDefect(error);
  }
}

function onEnd(this: ExchangeStream): void {
  try {
    this[EXCHANGE].onEnd();
  } catch (error) {
    this[EXCHANGE].onDefect(error);
  }
}

function onDrain(this: ExchangeStream): void {
  try {
    this[EXCHANGE].onDrain();
  } catch (error) {
    this[EXCHANGE].onDefect(error);
  }
}

function onAborted(this: ExchangeStream): void {
  try {
    this[EXCHANGE].onAborted();
  } catch (error) {
    this[EXCHANGE].onDefect(error);
  }
}

function onFinish(this: ExchangeStream): void {
  this[EXCHANGE].disarm();
}

function onWantTrailers(this: ExchangeStream): void {
  try {
    this[EXCHANGE].onWantTrailers();
  } catch (error) {
    this[EXCHANGE].onDefect(error);
  }
}

function onClose(this: ExchangeStream): void {
  try {
    this[EXCHANGE].onClose();
  } catch (error) {
    this[EXCHANGE].onDefect(error);
  }
}

function closeStream(stream: ServerHttp2Stream): void {
  stream.close(NGHTTP2_NO_ERROR);
}

function ignoreError(): void {}

const BODY_TOO_LARGE: ParseProblem = { code: 'payload_too_large', message: 'the request body is larger than allowed' };

/** Until somebody takes the exchange, and for requests that were refused before anybody did. */
const IGNORE: ExchangeHandler = {
  onRequestData() {},
  onRequestEnd() {},
  onRequestFlush() {},
  onRequestError() {},
  onAbort() {},
  onResponseDrain() {},
};
