// One request on a stream of an HTTP/2 connection, as the rest of the data plane sees it. Whatever happens to the stream, whoever handles
// the exchange learns of exactly one end: its own answer, its own abort, or onAbort.
import { Deadline } from '../../../lib/timeout-queue.ts';
import { NO_HANDLER } from '../../exchange.ts';
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
import { readTrailers } from './fields.ts';
import type { FieldProblem } from './fields.ts';
import { ERROR } from './frame.ts';
import type { Http2RequestHeadParser } from './server-request-head.ts';
import type { Http2ServerSettings } from './server-settings.ts';
import type { FrameStream, StreamReceiver } from './stream.ts';

/** The connection, as far as an exchange needs it. */
export interface StreamConnection {
  readonly scheme: 'http' | 'https';
  readonly downstream: DownstreamInfo;
  readonly settings: Http2ServerSettings;
  onProtocolError(code: ProxyErrorCode): void;
}

/** none: the head ended the answer · data: a body follows · trailers: and behind it a field section · tunnel: raw bytes both ways */
type Framing = 'none' | 'data' | 'trailers' | 'tunnel';

/** As a Deadline it is the one for the client to take what waits to be sent. */
export class Http2Exchange extends Deadline implements Exchange, StreamReceiver {
  readonly request: RequestHead;
  readonly downstream: DownstreamInfo;
  readonly requestBodyLength: BodyLength;
  readonly protocol = 'HTTP/2';
  readonly expectsContinue: boolean;
  readonly acceptsTrailers: boolean;
  readonly upgrade: string | undefined;
  handler: ExchangeHandler = NO_HANDLER;
  isRequestComplete: boolean;
  bytesReceived = 0;
  bytesSent = 0;

  readonly #connection: StreamConnection;
  readonly #stream: FrameStream;
  readonly #endsWithHead: boolean;
  /** Whose answers end in trailers, whatever the client says of them. */
  readonly #isGrpc: boolean;
  #bodyDeadline: BodyDeadline | undefined = undefined;
  #requestTrailers: HeaderList | undefined = undefined;
  /** The body was refused: nothing of it is passed on any more. */
  #isBodyRefused = false;
  #framing: Framing = 'none';
  #hasResponded = false;
  #isResponseComplete = false;

  constructor(
    connection: StreamConnection,
    stream: FrameStream,
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
    this.#isGrpc = isGrpcCall(this.request.headers);
    stream.receiver = this;
    // Bytes of a tunnel wait until it is one.
    if (parser.upgrade !== undefined) stream.pause();
  }

  /** From the connection, when somebody has taken the exchange. */
  start(): void {
    if (this.#isResponseComplete || this.#framing === 'tunnel') return;
    if (this.isRequestComplete) {
      this.handler.onRequestEnd(undefined);
      this.handler.onRequestFlush();
    } else if (!this.#isGrpc) {
      // A call may say nothing for as long as it likes; what bounds it is its own deadline, and the silence of both sides.
      this.#bodyDeadline = new BodyDeadline(this);
      if (!this.#stream.isPaused) this.#connection.settings.timeouts.bodyIdle.arm(this.#bodyDeadline);
    }
  }

  get holdsChunks(): boolean {
    return this.#stream.holdsChunks;
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
    if (!this.#hasResponded) this.#stream.sendHeaders([':status', String(status), ...headers.fields], false);
  }

  respond({ status, headers }: ResponseHead, length: BodyLength | undefined): void {
    if (this.#stream.isClosed) return;
    this.#hasResponded = true;
    if (status === 101) {
      this.#startTunnel(headers);
      return;
    }
    const fields = [':status', String(status)].concat(headers.fields);
    const hasNoBody = this.request.method === 'HEAD' || status === 204 || status === 205 || status === 304;
    if (typeof length === 'number' && status !== 204 && status !== 205) fields.push('content-length', String(length));
    const endsStream = hasNoBody || length === 0;
    if (!endsStream) this.#framing = this.acceptsTrailers || this.#isGrpc ? 'trailers' : 'data';
    this.#stream.sendHeaders(fields, endsStream);
  }

  writeResponse(chunk: Uint8Array): boolean {
    if (this.#framing === 'none' || this.#isResponseComplete || this.#stream.isClosed) return true;
    this.bytesSent += chunk.length;
    if (this.#stream.write(chunk)) return true;
    if (this.queue === undefined) this.#connection.settings.timeouts.writeStall.arm(this);
    return false;
  }

  flushResponse(): void {
    this.#stream.flush();
  }

  endResponse(trailers?: HeaderList): void {
    if (this.#isResponseComplete) return;
    this.#isResponseComplete = true;
    this.#bodyDeadline?.disarm();
    // The client learns that nobody wants the rest (RFC 9113 section 8.1).
    if (this.#framing !== 'tunnel') this.#stream.abandonRemote();
    if (this.#stream.isClosed || this.#framing === 'none') return;
    this.#stream.end(this.#framing === 'trailers' ? trailers?.fields : undefined);
    if (this.#stream.waitingBytes > 0) this.#connection.settings.timeouts.writeStall.arm(this);
  }

  abort(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#stream.reset(ERROR.internal);
  }

  /** The client does not take what it was sent. */
  onExpired(): void {
    this.#lost('the client stopped reading');
    this.#stream.reset(ERROR.cancel);
  }

  /** From BodyDeadline. */
  onBodyTimeout(): void {
    this.#refuseBody({ code: 'request_timeout', message: 'the body of the request stopped arriving' });
  }

  // — from the stream —

  /** Trailers: the head made the exchange. */
  onHeaders(fields: string[], isTooLarge: boolean, endsStream: boolean): void {
    const { maxHeaderCount } = this.#connection.settings.limits;
    const trailers = isTooLarge
      ? TOO_LARGE
      : readTrailers(fields, { maxCount: maxHeaderCount, allowUnderscore: false });
    if (!endsStream) this.#stream.breakOff(ERROR.protocol, 'trailers that do not end the request');
    else if (!('code' in trailers)) this.#requestTrailers = allowedTrailers(trailers);
    else if (trailers.isMalformed === true) this.#stream.breakOff(ERROR.protocol, trailers.message);
    else this.#refuseBody(trailers);
  }

  onData(chunk: Buffer): void {
    this.bytesReceived += chunk.length;
    if (this.#isOver || this.#isBodyRefused) return;
    if (this.#framing !== 'tunnel') {
      const { limits, timeouts } = this.#connection.settings;
      if (limits.maxBodyBytes !== 0 && this.bytesReceived > limits.maxBodyBytes) {
        this.#refuseBody(BODY_TOO_LARGE);
        return;
      }
      if (this.requestBodyLength !== 'chunked' && this.bytesReceived > this.requestBodyLength) {
        this.#stream.breakOff(ERROR.protocol, 'the body is longer than announced');
        return;
      }
      if (this.#bodyDeadline !== undefined) timeouts.bodyIdle.arm(this.#bodyDeadline);
    }
    this.handler.onRequestData(chunk);
    this.handler.onRequestFlush();
  }

  onEnd(): void {
    if (this.isRequestComplete) return;
    this.#bodyDeadline?.disarm();
    const isTunnel = this.#framing === 'tunnel';
    if (!isTunnel && this.requestBodyLength !== 'chunked' && this.bytesReceived !== this.requestBodyLength) {
      this.#stream.breakOff(ERROR.protocol, 'the body is shorter than announced');
      return;
    }
    this.isRequestComplete = true;
    if (this.#isBodyRefused || (this.#isResponseComplete && !isTunnel)) return;
    this.handler.onRequestEnd(this.#requestTrailers);
    this.handler.onRequestFlush();
  }

  onDrain(): void {
    this.disarm();
    if (!this.#isResponseComplete) this.handler.onResponseDrain();
  }

  onProgress(): void {
    if (this.queue !== undefined) this.#connection.settings.timeouts.writeStall.arm(this);
  }

  /** The other direction of a tunnel may go on for long. */
  onSent(): void {
    this.disarm();
  }

  onReset(_code: number, isOurs: boolean, message: string): void {
    if (isOurs) this.#connection.onProtocolError('bad_request');
    this.#lost(message);
  }

  onClosed(): void {
    this.disarm();
    this.#bodyDeadline?.disarm();
  }

  /** Nothing is to be said to or heard from the handler any more. */
  get #isOver(): boolean {
    return this.#isResponseComplete && (this.#framing !== 'tunnel' || this.isRequestComplete);
  }

  #finish(): void {
    this.#isResponseComplete = true;
    if (this.#framing === 'tunnel') this.isRequestComplete = true;
    this.disarm();
    this.#bodyDeadline?.disarm();
  }

  #lost(why: string): void {
    if (this.#isOver) return;
    this.#finish();
    this.handler.onAbort(new ProxyError('downstream_closed', 'downstream', why));
  }

  /** RFC 8441 section 5: the answer is 200, and nothing of the HTTP/1.1 handshake is in it. */
  #startTunnel(headers: HeaderList): void {
    this.#framing = 'tunnel';
    headers.remove('sec-websocket-accept');
    this.#stream.sendHeaders([':status', '200'].concat(headers.fields), false);
    if (this.#endsWithHead) {
      this.handler.onRequestEnd(undefined);
    } else {
      this.isRequestComplete = false;
      this.#stream.resume();
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

const BODY_TOO_LARGE: ParseProblem = { code: 'payload_too_large', message: 'the request body is larger than allowed' };
const TOO_LARGE: FieldProblem = { code: 'headers_too_large', message: 'the trailers are larger than allowed' };
