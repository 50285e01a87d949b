// One request on an HTTP/2 connection to an endpoint. An answer counts as complete only when the endpoint said so by END_STREAM: what
// ends in any other way, orderly or not, is a failure.
import { constants } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { Deadline } from '../../../lib/timeout-queue.ts';
import type { BodyLength, RequestHead } from '../../exchange.ts';
import { isGrpcCall } from '../../grpc.ts';
import type { HeaderList } from '../../header-list.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { ProxyErrorCode } from '../../proxy-error.ts';
import type { RequestOptions, UpstreamHandler, UpstreamStream } from '../../upstream-stream.ts';
import {
  asksForWebSocket,
  readResponse,
  readResponseTrailers,
  requestFields,
  webSocketAccept,
} from './client-fields.ts';
import type { ResponseFields } from './client-fields.ts';
import { fieldObject } from './fields.ts';
import { releaseAfter } from './release-order.ts';
import { cancel } from './reset.ts';

/** The session that a stream belongs to. */
export interface StreamOwner {
  readonly http2: ClientHttp2Session;
  readonly scheme: 'http' | 'https';
  /** See release-order.ts. */
  readonly native: unknown;
  armWriteStall(stream: Deadline): void;
  /** At the end of this turn of the event loop `onFlush` is called. */
  scheduleFlush(stream: Http2ClientStream): void;
  /** The stream takes no place any more. `isRefused`: the endpoint did not begin to work on it. */
  onStreamClosed(stream: Http2ClientStream, isRefused: boolean): void;
  /** A request was given up before anything of its answer came. */
  onUnanswered(): void;
  onDefect(error: unknown): void;
}

/** 1xx responses before the final one. */
const MAX_INFORMATIONAL = 16;

export class Http2ClientStream extends Deadline implements UpstreamStream {
  /** Whether the session had completed a request before this one. */
  readonly isOnUsedSession: boolean;

  readonly #owner: StreamOwner;
  #stream: ClientHttp2Stream | undefined = undefined;
  #handler: UpstreamHandler | undefined = undefined;
  #method = '';
  /** Of an extended CONNECT: what its client expects for an answer to its key; '' where it sent none. */
  #webSocketAccept: string | undefined = undefined;
  #isTunnel = false;
  #isRequestComplete = false;
  #trailers: HeaderList | undefined = undefined;
  #responseTrailers: HeaderList | undefined = undefined;
  #informational = 0;
  #hasResponded = false;
  #hasEndStream = false;
  #isFlushScheduled = false;
  /** Why the stream broke. */
  error: NodeJS.ErrnoException | undefined = undefined;

  constructor(owner: StreamOwner, isOnUsedSession: boolean) {
    super();
    this.#owner = owner;
    this.isOnUsedSession = isOnUsedSession;
  }

  /** Undefined until it is sent. */
  get id(): number | undefined {
    return this.#stream?.id;
  }

  send(request: RequestHead, length: BodyLength, options: RequestOptions, handler: UpstreamHandler): void {
    this.#handler = handler;
    this.#method = request.method;
    const isWebSocket = asksForWebSocket(options.upgrade);
    if (isWebSocket) this.#webSocketAccept = webSocketAccept(request) ?? '';
    this.#isRequestComplete = length === 0;
    try {
      const { http2, scheme } = this.#owner;
      const stream = http2.request(requestFields(request, length, options, scheme), {
        endStream: length === 0 && !isWebSocket,
        // A call ends with its last message.
        waitForTrailers: length === 'chunked' && !isGrpcCall(request.headers),
      });
      this.#stream = stream;
      listen(stream as OwnedStream, this);
    } catch (error) {
      this.onDefect(error);
    }
  }

  writeRequest(chunk: Uint8Array): boolean {
    const stream = this.#stream;
    if (stream === undefined || !stream.writable || chunk.length === 0) return true;
    if (stream.write(chunk)) return true;
    if (this.queue === undefined) this.#owner.armWriteStall(this);
    return false;
  }

  /** Node gathers what one turn writes. */
  flushRequest(): void {}

  endRequest(trailers: HeaderList | undefined): void {
    if (this.#isRequestComplete) return;
    this.#isRequestComplete = true;
    this.#trailers = trailers;
    if (this.#isTunnel && this.#hasEndStream) this.#handler = undefined;
    // No drain follows the last write.
    this.#stream?.end(() => this.disarm());
  }

  pauseResponse(): void {
    this.#stream?.pause();
  }

  resumeResponse(): void {
    this.#stream?.resume();
  }

  destroy(): void {
    this.disarm();
    const wasAwaited = this.#handler !== undefined && !this.#hasResponded && this.#informational === 0;
    this.#handler = undefined;
    if (this.#stream === undefined) this.#owner.onStreamClosed(this, false);
    else cancel(this.#stream);
    if (wasAwaited) this.#owner.onUnanswered();
  }

  /** The session ended, or the endpoint said that it won't work on this request. */
  fail(code: ProxyErrorCode, message: string): void {
    if (this.#hasResponded && this.#hasEndStream && !this.#isTunnel) this.#passOnRest();
    this.disarm();
    const handler = this.#handler;
    this.#handler = undefined;
    const sawNothing = !this.#hasResponded && this.#informational === 0;
    // As on a kept connection of HTTP/1.1: the endpoint may have closed it before the request reached it.
    const isRetryable =
      code === 'upstream_refused' || (code === 'upstream_reset' && this.isOnUsedSession && sawNothing);
    handler?.onUpstreamError(new ProxyError(code, 'upstream', message, isRetryable));
  }

  /** From the session. */
  onFlush(): void {
    this.#isFlushScheduled = false;
    this.#handler?.onResponseFlush();
  }

  /** The upstream takes no byte of the request. */
  onExpired(): void {
    this.#abort('upstream_timeout', 'the upstream stopped reading the request');
  }

  // — from the stream —

  /** @internal END_STREAM came, and not a reset that looks like it. */
  onEndStream(): void {
    this.#hasEndStream = true;
  }

  /** @internal */
  onInformational(raw: readonly string[]): void {
    const parsed = readResponse(raw, this.#method, false);
    if ('message' in parsed) this.#abort('upstream_protocol_error', parsed.message);
    else if (++this.#informational > MAX_INFORMATIONAL)
      this.#abort('upstream_protocol_error', 'too many informational responses');
    else this.#handler?.onInformational(parsed.status, parsed.headers);
  }

  /** @internal */
  onResponse(raw: readonly string[], flags: number): void {
    const stream = this.#stream;
    if (stream === undefined || this.#handler === undefined) return;
    const parsed = readResponse(raw, this.#method, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
    if ('message' in parsed || parsed.status < 200) {
      this.#abort('upstream_protocol_error', 'message' in parsed ? parsed.message : 'no final response');
      return;
    }
    this.#hasResponded = true;
    if (this.#webSocketAccept !== undefined && parsed.status < 300) this.#startTunnel(parsed, this.#webSocketAccept);
    else this.#handler.onResponse({ status: parsed.status, headers: parsed.headers }, parsed.length);
    this.#flushLater();
    stream.on('data', onData);
  }

  #startTunnel({ headers }: ResponseFields, accept: string): void {
    this.#isTunnel = true;
    this.#isRequestComplete = false;
    if (accept !== '') headers.set('sec-websocket-accept', accept);
    this.#handler?.onResponse({ status: 101, upgrade: 'websocket', headers }, undefined);
  }

  /** @internal */
  onData(chunk: Buffer): void {
    if (this.#handler === undefined) return;
    this.#handler.onResponseData(chunk);
    this.#flushLater();
  }

  #flushLater(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#owner.scheduleFlush(this);
  }

  /** @internal */
  onTrailers(raw: readonly string[]): void {
    const trailers = readResponseTrailers(raw);
    if (trailers !== undefined && 'message' in trailers) this.#abort('upstream_protocol_error', trailers.message);
    else this.#responseTrailers = trailers;
  }

  /** The answer is whole and waits for its reader; at most a window of it. */
  #passOnRest(): void {
    // In one piece; it goes out by the listener for data.
    this.#stream?.read();
    this.onEnd();
  }

  /** @internal Everything that came was passed on. */
  onEnd(): void {
    const handler = this.#handler;
    if (handler === undefined || !this.#hasEndStream) return;
    if (!this.#isTunnel || this.#isRequestComplete) {
      this.disarm();
      this.#handler = undefined;
    }
    // An endpoint may answer without having read all (RFC 9113 section 8.1).
    if (!this.#isTunnel && !this.#isRequestComplete && this.#stream !== undefined) cancel(this.#stream);
    handler.onResponseEnd(this.#responseTrailers);
  }

  /** @internal */
  onDrain(): void {
    this.disarm();
    this.#handler?.onUpstreamDrain();
  }

  /** @internal */
  onWantTrailers(): void {
    this.#stream?.sendTrailers(this.#trailers === undefined ? {} : fieldObject(this.#trailers));
  }

  /** @internal */
  onClose(): void {
    this.disarm();
    if (!this.#hasEndStream && this.#stream !== undefined) releaseAfter(this.#stream, this.#owner.native);
    const code = this.#stream?.rstCode ?? constants.NGHTTP2_NO_ERROR;
    // Never sent: the numbers of the session's streams are used up.
    const isRefused = code === constants.NGHTTP2_REFUSED_STREAM || this.id === undefined;
    this.#owner.onStreamClosed(this, isRefused);
    if (this.#handler === undefined) return;
    if (isRefused) this.fail('upstream_refused', 'the upstream refused the stream');
    else if (isProtocolError(this.error) || PROTOCOL_ERRORS.has(code))
      this.fail('upstream_protocol_error', this.error?.message ?? `the stream was closed with code ${code}`);
    else this.fail('upstream_reset', `the upstream reset the stream with code ${code}`);
  }

  #abort(code: ProxyErrorCode, message: string): void {
    if (this.#stream !== undefined) cancel(this.#stream);
    this.fail(code, message);
  }

  /** @internal A defect ends one stream, not the process. */
  onDefect(error: unknown): void {
    this.#owner.onDefect(error);
    if (this.#stream === undefined) this.#owner.onStreamClosed(this, false);
    this.#abort('upstream_protocol_error', 'the exchange with the upstream could not be handled');
  }
}

// Listeners are functions that all streams share; whoever they are for hangs on the stream.

const OWNER: unique symbol = Symbol('owner');

interface OwnedStream extends ClientHttp2Stream {
  [OWNER]: Http2ClientStream;
}

function listen(stream: OwnedStream, owner: Http2ClientStream): void {
  stream[OWNER] = owner;
  stream.push = push;
  stream.on('response', onResponse);
  stream.on('headers', onHeaders);
  stream.on('trailers', onTrailers);
  stream.on('end', onEnd);
  stream.on('drain', onDrain);
  stream.on('wantTrailers', onWantTrailers);
  stream.on('error', onError);
  stream.on('close', onClose);
}

/** Node ends a stream that was reset without an error like one that is complete; by then it is marked as closed. */
function push(this: OwnedStream, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (chunk === null && !this.closed) this[OWNER].onEndStream();
  return Readable.prototype.push.call(this, chunk, encoding);
}

function onResponse(this: OwnedStream, _headers: unknown, flags: number, raw: readonly string[]): void {
  try {
    this[OWNER].onResponse(raw, flags);
  } catch (error) {
    this[OWNER].onDefect(error);
  }
}

function onHeaders(this: OwnedStream, _headers: unknown, _flags: number, raw: readonly string[]): void {
  try {
    this[OWNER].onInformational(raw);
  } catch (error) {
    this[OWNER].onDefect(error);
  }
}

function onTrailers(this: OwnedStream, _headers: unknown, _flags: number, raw: readonly string[]): void {
  try {
    this[OWNER].onTrailers(raw);
  } catch (error) {
    this[OWNER].onDefect(error);
  }
}

function onData(this: OwnedStream, chunk: Buffer): void {
  try {
    this[OWNER].onData(chunk);
  } catch (error) {
    this[OWNER].onDefect(error);
  }
}

function onEnd(this: OwnedStream): void {
  try {
    this[OWNER].onEnd();
  } catch (error) {
    this[OWNER].onDefect(error);
  }
}

function onDrain(this: OwnedStream): void {
  try {
    this[OWNER].onDrain();
  } catch (error) {
    this[OWNER].onDefect(error);
  }
}

function onWantTrailers(this: OwnedStream): void {
  try {
    this[OWNER].onWantTrailers();
  } catch (error) {
    this[OWNER].onDefect(error);
  }
}

function onError(this: OwnedStream, error: NodeJS.ErrnoException): void {
  this[OWNER].error = error;
}

function onClose(this: OwnedStream): void {
  try {
    this[OWNER].onClose();
  } catch (error) {
    this[OWNER].onDefect(error);
  }
}

/** Codes of a stream whose answer nghttp2 refused, or whose request the endpoint did. */
const PROTOCOL_ERRORS: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
  constants.NGHTTP2_ENHANCE_YOUR_CALM,
]);

/** Whether Node or nghttp2 gave a session or a stream up for what the peer sent. */
export function isProtocolError(error: NodeJS.ErrnoException | undefined): boolean {
  const code = error?.code;
  return (
    code?.startsWith('ERR_HTTP2_') === true &&
    code !== 'ERR_HTTP2_SESSION_ERROR' &&
    code !== 'ERR_HTTP2_STREAM_ERROR' &&
    code !== 'ERR_HTTP2_STREAM_CANCEL'
  );
}
