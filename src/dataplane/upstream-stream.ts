// One request on its way to an endpoint, and the answer back, whatever protocol carries them: an HTTP/1.1 connection while it serves that
// request, or a stream of an HTTP/2 connection. The counterpart of Exchange.
import type { BodyLength, RequestHead, ResponseHead } from './exchange.ts';
import type { HeaderList } from './header-list.ts';
import type { ProxyError } from './proxy-error.ts';

export interface RequestOptions {
  /** The protocol that the client asks to switch to (`websocket`). */
  readonly upgrade?: string | undefined;
  readonly expectsContinue: boolean;
  readonly acceptsTrailers: boolean;
}

/** What a pool hands out. `send` comes first, once. */
export interface UpstreamStream {
  send(request: RequestHead, length: BodyLength, options: RequestOptions, handler: UpstreamHandler): void;
  /** Returns false when the upstream reads too slowly: wait for handler.onUpstreamDrain. */
  writeRequest(chunk: Uint8Array): boolean;
  /** Sends what was held back to go out in one write with what follows. */
  flushRequest(): void;
  /** Whether request data that were handed over are still looked at. */
  readonly holdsRequestChunks: boolean;
  endRequest(trailers: HeaderList | undefined): void;
  pauseResponse(): void;
  resumeResponse(): void;
  /** The request is of no more interest. The handler is not called any more. */
  destroy(): void;
}

/** Who sent the request. After `onResponseEnd` or `onUpstreamError` nothing more is called. */
export interface UpstreamHandler {
  /** Whether response data that were handed over are still looked at. */
  readonly holdsChunks: boolean;
  onInformational(status: number, headers: HeaderList): void;
  /** A status of 101 starts a tunnel: response data are raw bytes from there on. */
  onResponse(head: ResponseHead, length: BodyLength | undefined): void;
  onResponseData(chunk: Uint8Array): void;
  /** The end of a turn that brought data. */
  onResponseFlush(): void;
  onResponseEnd(trailers: HeaderList | undefined): void;
  onUpstreamError(error: ProxyError): void;
  onUpstreamDrain(): void;
}
