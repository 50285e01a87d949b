// One request and its answer, whatever the protocol on either side. Codecs make Exchanges; everything between the codecs works on
// them and knows no socket. Bodies are pushed in chunks; `false` from a write means: pause the source until drained. A chunk is
// part of a buffer that is read into again as soon as whoever got it says that it holds nothing: the handler of a request's, the exchange of
// a response's.
import type { HeaderList } from './header-list.ts';
import type { ProxyError } from './proxy-error.ts';

export interface RequestHead {
  readonly method: string;
  /** The normalised path, what is matched, limited, logged and forwarded. `*` only for `OPTIONS *`. */
  path: string;
  /** What follows the first `?`, raw; undefined where there is none. */
  readonly query: string | undefined;
  readonly scheme: 'http' | 'https';
  /** Host with its port as the client sent it, lower case; what a backend sees unless it is rewritten. */
  authority: string;
  /** The authority without port and trailing dot: what is matched. */
  readonly host: string;
  /** End-to-end fields only, `host` left out: codecs add framing, host and hop-by-hop fields themselves. */
  readonly headers: HeaderList;
}

export interface ResponseHead {
  status: number;
  /** Of a 101: the protocol that is switched to. */
  readonly upgrade?: string;
  readonly headers: HeaderList;
}

/** Where a request came from, as far as it is known without trusting the request. */
export interface DownstreamInfo {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** Length in bytes, `chunked` for an unknown length, 0 for no body. */
export type BodyLength = number | 'chunked';

/** What a server-side codec hands over: a request to be answered exactly once. */
export interface Exchange {
  readonly request: RequestHead;
  readonly downstream: DownstreamInfo;
  readonly requestBodyLength: BodyLength;
  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`: for the access log and Via. */
  readonly protocol: string;
  /** The client waits for 100 (Continue) before it sends the body. */
  readonly expectsContinue: boolean;
  /** The client said `TE: trailers`. */
  readonly acceptsTrailers: boolean;
  /** The protocol that the client asks to switch to (`websocket`), when it does. */
  readonly upgrade: string | undefined;

  /**
   * Who gets the request body and the abort. Set synchronously by whoever takes the exchange; it may be replaced at any time, and each
   * call goes to the one that is set then. It answers for what the one before it holds, too.
   */
  handler: ExchangeHandler;

  /** What was read already may still arrive: at most one read of the socket. */
  pauseRequest(): void;
  resumeRequest(): void;

  respondInformational(status: number, headers: HeaderList): void;
  /**
   * `length` is the body's, or what it would be where none may follow (HEAD, 304), or undefined where that is not known.
   * It is a promise that codecs do not check; 0 leaves no room for trailers. Bytes where no body may follow are dropped.
   * A 101 starts a tunnel: from there on body chunks are raw bytes in both directions. Names and values must be valid fields.
   */
  respond(head: ResponseHead, length: BodyLength | undefined): void;
  /** Returns false when the client reads too slowly: wait for handler.onResponseDrain. */
  writeResponse(chunk: Uint8Array): boolean;
  /** Sends what was held back to go out in one write with what follows. Call it at the end of a turn that wrote. */
  flushResponse(): void;
  endResponse(trailers?: HeaderList): void;
  /**
   * The response can't be finished: cuts the connection (HTTP/1) or the stream (HTTP/2) so that the client can't take what it got for a
   * whole answer. handler.onAbort is not called.
   */
  abort(): void;

  /** Whether anything of the response was not handed to the kernel yet: no chunk that was written may change until then. */
  readonly holdsChunks: boolean;
  readonly isRequestComplete: boolean;
  /** Body bytes so far, without framing. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

export interface ExchangeHandler {
  /** Whether a chunk of the request is still looked at. Asked at the end of the turn that brought it. */
  readonly holdsRequestChunks: boolean;
  onRequestData(chunk: Uint8Array): void;
  onRequestEnd(trailers: HeaderList | undefined): void;
  /** The end of a turn that brought data: time to send on what was held back. */
  onRequestFlush(): void;
  /** The body broke the protocol or stopped arriving: an answer can still be given if none has begun. No more data follows. */
  onRequestError(error: ProxyError): void;
  /** The client went away; nothing can be answered any more. Called at most once, never after the answer ended. */
  onAbort(error: ProxyError): void;
  onResponseDrain(): void;
}

/** Until somebody takes an exchange, and for requests that were refused before anybody did. */
export const NO_HANDLER: ExchangeHandler = {
  holdsRequestChunks: false,
  onRequestData() {},
  onRequestEnd() {},
  onRequestFlush() {},
  onRequestError() {},
  onAbort() {},
  onResponseDrain() {},
};
