// One request on an HTTP/2 connection to an endpoint. An answer counts as complete only when the endpoint said so by END_STREAM: what
// ends in any other way, orderly or not, is a failure.
import { Deadline } from '../../../lib/timeout-queue.ts';
import type { BodyLength, RequestHead } from '../../exchange.ts';
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
import { ERROR } from './frame.ts';
import type { FrameStream, StreamReceiver } from './stream.ts';

/** The session that a stream belongs to. */
export interface StreamOwner {
  readonly scheme: 'http' | 'https';
  openStream(receiver: StreamReceiver): FrameStream;
  armWriteStall(stream: Deadline): void;
  /** It was handed something; at the end of the read it is told to flush. */
  touch(handler: UpstreamHandler): void;
  /** The stream takes no place any more. `isRefused`: the endpoint did not begin to work on it. */
  release(stream: Http2ClientStream, isRefused: boolean): void;
  /** A request was given up before anything of its answer came. */
  onUnanswered(): void;
}

/** 1xx responses before the final one. */
const MAX_INFORMATIONAL = 16;

/** As a Deadline it is the one for the endpoint to take the request. */
export class Http2ClientStream extends Deadline implements UpstreamStream, StreamReceiver {
  /** Whether the session had completed a request before this one. */
  readonly isOnUsedSession: boolean;

  readonly #owner: StreamOwner;
  #stream: FrameStream | undefined = undefined;
  #handler: UpstreamHandler | undefined = undefined;
  #method = '';
  /** Of an extended CONNECT: what its client expects for an answer to its key; '' where it sent none. */
  #webSocketAccept: string | undefined = undefined;
  #isTunnel = false;
  #isRequestComplete = false;
  #responseTrailers: HeaderList | undefined = undefined;
  #informational = 0;
  #hasResponded = false;
  #isResponseComplete = false;
  /** Of the body; undefined: any length. */
  #bodyLength: number | undefined = undefined;
  #bytesReceived = 0;
  #isRefused = false;

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
    this.#stream = this.#owner.openStream(this);
    const endsStream = length === 0 && !isWebSocket;
    this.#stream.sendHeaders(requestFields(request, length, options, this.#owner.scheme), endsStream);
  }

  writeRequest(chunk: Uint8Array): boolean {
    if (this.#stream === undefined || this.#stream.write(chunk)) return true;
    if (this.queue === undefined) this.#owner.armWriteStall(this);
    return false;
  }

  flushRequest(): void {
    this.#stream?.flush();
  }

  get holdsRequestChunks(): boolean {
    return this.#stream?.holdsChunks === true;
  }

  endRequest(trailers: HeaderList | undefined): void {
    if (this.#isRequestComplete) return;
    this.#isRequestComplete = true;
    if (this.#isResponseComplete) this.#handler = undefined;
    this.#stream?.end(trailers === undefined || trailers.count === 0 ? undefined : trailers.fields);
    if (this.#stream !== undefined && this.#stream.waitingBytes > 0) this.#owner.armWriteStall(this);
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
    if (this.#stream === undefined) this.#owner.release(this, false);
    else this.#stream.reset(ERROR.cancel);
    if (wasAwaited) this.#owner.onUnanswered();
  }

  /** The session ended, or the endpoint said that it won't work on this request. */
  fail(code: ProxyErrorCode, message: string): void {
    this.disarm();
    // The answer is whole and waits for its reader.
    if (this.#stream?.isRemoteClosed === true && !this.#isTunnel) this.#stream.deliverRest();
    const handler = this.#handler;
    this.#handler = undefined;
    const sawNothing = !this.#hasResponded && this.#informational === 0;
    // As on a kept connection of HTTP/1.1: the endpoint may have closed it before the request reached it.
    const isRetryable =
      code === 'upstream_refused' || (code === 'upstream_reset' && this.isOnUsedSession && sawNothing);
    // Its place is free before whoever wanted the answer asks for another.
    this.#stream?.close();
    handler?.onUpstreamError(new ProxyError(code, 'upstream', message, isRetryable));
  }

  /** The upstream takes no byte of the request. */
  onExpired(): void {
    this.#abort('upstream_timeout', 'the upstream stopped reading the request');
  }

  // — from the stream —

  onHeaders(fields: string[], isTooLarge: boolean, endsStream: boolean): void {
    if (this.#handler === undefined) return;
    if (isTooLarge) this.#abort('upstream_protocol_error', 'the head of the response is too large');
    else if (this.#hasResponded) this.#onTrailers(fields, endsStream);
    else this.#onResponse(fields, endsStream);
  }

  #onResponse(fields: readonly string[], endsStream: boolean): void {
    const parsed = readResponse(fields, this.#method, endsStream);
    if ('message' in parsed) this.#abort('upstream_protocol_error', parsed.message);
    else if (parsed.status >= 200) this.#onFinalResponse(parsed);
    else if (endsStream || parsed.status === 101)
      this.#abort('upstream_protocol_error', 'an informational response that is none');
    else if (++this.#informational > MAX_INFORMATIONAL)
      this.#abort('upstream_protocol_error', 'too many informational responses');
    else this.#handler?.onInformational(parsed.status, parsed.headers);
  }

  #onFinalResponse(parsed: ResponseFields): void {
    const { status, headers, length } = parsed;
    this.#hasResponded = true;
    if (this.#stream !== undefined) this.#stream.hasHead = true;
    if (this.#handler !== undefined) this.#owner.touch(this.#handler);
    if (this.#webSocketAccept !== undefined && status < 300) {
      this.#startTunnel(parsed, this.#webSocketAccept);
    } else {
      this.#bodyLength = parsed.bodyLength;
      this.#handler?.onResponse({ status, headers }, length);
    }
  }

  #startTunnel({ headers }: ResponseFields, accept: string): void {
    this.#isTunnel = true;
    this.#isRequestComplete = false;
    if (accept !== '') headers.set('sec-websocket-accept', accept);
    this.#handler?.onResponse({ status: 101, upgrade: 'websocket', headers }, undefined);
  }

  #onTrailers(fields: readonly string[], endsStream: boolean): void {
    const trailers = readResponseTrailers(fields);
    if (!endsStream) this.#abort('upstream_protocol_error', 'trailers that do not end the response');
    else if (trailers !== undefined && 'message' in trailers) this.#abort('upstream_protocol_error', trailers.message);
    else this.#responseTrailers = trailers;
  }

  onData(chunk: Buffer): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    this.#bytesReceived += chunk.length;
    if (this.#bodyLength !== undefined && this.#bytesReceived > this.#bodyLength) {
      this.#abort('upstream_protocol_error', 'the body of the response is longer than announced');
      return;
    }
    this.#owner.touch(handler);
    handler.onResponseData(chunk);
  }

  onEnd(): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    if (!this.#hasResponded || (this.#bodyLength !== undefined && this.#bytesReceived < this.#bodyLength)) {
      this.#abort('upstream_protocol_error', 'the response ends before it is complete');
      return;
    }
    this.#isResponseComplete = true;
    // Of a tunnel, the other direction may go on.
    if (!this.#isTunnel || this.#isRequestComplete) {
      this.disarm();
      this.#handler = undefined;
    }
    // An endpoint may answer without having read all (RFC 9113 section 8.1).
    if (!this.#isTunnel && !this.#isRequestComplete) this.#stream?.reset(ERROR.cancel);
    handler.onResponseEnd(this.#responseTrailers);
  }

  onDrain(): void {
    this.disarm();
    this.#handler?.onUpstreamDrain();
  }

  onProgress(): void {
    if (this.queue !== undefined) this.#owner.armWriteStall(this);
  }

  onSent(): void {
    this.disarm();
  }

  onReset(code: number, isOurs: boolean, message: string): void {
    this.#isRefused = !isOurs && code === ERROR.refusedStream;
    if (this.#isRefused) this.fail('upstream_refused', 'the upstream refused the stream');
    else this.fail(isOurs || PROTOCOL_ERRORS.has(code) ? 'upstream_protocol_error' : 'upstream_reset', message);
  }

  onClosed(): void {
    this.disarm();
    this.#owner.release(this, this.#isRefused);
  }

  #abort(code: ProxyErrorCode, message: string): void {
    this.#stream?.reset(ERROR.cancel);
    this.fail(code, message);
  }
}

/** Codes by which an endpoint says that it did not understand us. */
const PROTOCOL_ERRORS: ReadonlySet<number> = new Set([
  ERROR.protocol,
  ERROR.flowControl,
  ERROR.frameSize,
  ERROR.compression,
  ERROR.enhanceYourCalm,
]);
