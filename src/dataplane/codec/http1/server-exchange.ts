// One request on an HTTP/1.1 connection, as the rest of the data plane sees it. It decides how the answer is framed.
import { NO_HANDLER } from '../../exchange.ts';
import type {
  BodyLength,
  DownstreamInfo,
  Exchange,
  ExchangeHandler,
  RequestHead,
  ResponseHead,
} from '../../exchange.ts';
import { HeaderList } from '../../header-list.ts';
import type { ProxyError } from '../../proxy-error.ts';
import { chunkHeadText, lastChunkText, responseHeadText } from './head-text.ts';
import type { RequestHeadParser } from './request-head.ts';
import type { SocketWriter } from './socket-writer.ts';

/** How the end of the body is told: not at all (none follows), by a length, by chunks, or by closing. */
type Framing = 'none' | 'length' | 'chunked' | 'close' | 'tunnel';

/** The connection, as far as an exchange needs it. */
export interface ExchangeConnection {
  readonly scheme: 'http' | 'https';
  readonly downstream: DownstreamInfo;
  readonly writer: SocketWriter;
  pauseReading(): void;
  resumeReading(): void;
  armWriteStall(): void;
  /** Whether the connection may go on after this request. */
  allowsAnotherRequest(): boolean;
  /** A 101 was written. */
  startTunnel(): void;
  onResponseEnd(exchange: Http1Exchange): void;
  /** Cuts the connection so that the client can't take what it got for a whole answer. */
  reset(): void;
}

export class Http1Exchange implements Exchange {
  readonly request: RequestHead;
  readonly downstream: DownstreamInfo;
  readonly requestBodyLength: BodyLength;
  readonly protocol: string;
  readonly expectsContinue: boolean;
  readonly acceptsTrailers: boolean;
  readonly upgrade: string | undefined;
  handler: ExchangeHandler = NO_HANDLER;
  bytesReceived = 0;
  bytesSent = 0;

  /** Whether the connection serves another request after this one. */
  keepsAlive: boolean;
  isRequestComplete = false;
  isResponseComplete = false;
  isTunnel = false;

  readonly #connection: ExchangeConnection;
  #framing: Framing = 'none';
  #hasResponded = false;

  constructor(connection: ExchangeConnection, parser: RequestHeadParser) {
    const { section } = parser;
    this.#connection = connection;
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
    this.protocol = parser.isHttp10 ? 'HTTP/1.0' : 'HTTP/1.1';
    this.expectsContinue = section.expect !== undefined && !parser.isHttp10;
    this.acceptsTrailers = section.acceptsTrailers;
    this.upgrade = parser.upgrade;
    this.keepsAlive = parser.keepsAlive;
  }

  get holdsChunks(): boolean {
    return this.#connection.writer.isHolding;
  }

  pauseRequest(): void {
    if (!this.isRequestComplete) this.#connection.pauseReading();
  }

  resumeRequest(): void {
    if (!this.isRequestComplete) this.#connection.resumeReading();
  }

  respondInformational(status: number, headers: HeaderList): void {
    if (this.protocol === 'HTTP/1.0' || this.#hasResponded) return;
    this.#connection.writer.text(responseHeadText(status, headers, ''));
    this.#connection.writer.flush();
  }

  respond(head: ResponseHead, length: BodyLength | undefined): void {
    this.#hasResponded = true;
    this.#connection.writer.text(responseHeadText(head.status, head.headers, this.#frame(head, length)));
    if (this.#framing === 'tunnel') {
      this.isTunnel = true;
      this.isRequestComplete = false;
      this.#connection.startTunnel();
    }
  }

  /** Chooses the framing and returns its header lines. */
  #frame({ status, upgrade }: ResponseHead, length: BodyLength | undefined): string {
    if (status === 101) {
      this.#framing = 'tunnel';
      return `connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
    }
    const isHttp10 = this.protocol === 'HTTP/1.0';
    let lines = '';
    if (this.request.method === 'HEAD' || status === 304 || status === 204) {
      this.#framing = 'none';
      if (typeof length === 'number' && status !== 204) lines = `content-length: ${length}\r\n`;
    } else if (typeof length === 'number') {
      this.#framing = 'length';
      lines = `content-length: ${length}\r\n`;
    } else if (isHttp10) {
      this.#framing = 'close';
    } else {
      this.#framing = 'chunked';
      lines = 'transfer-encoding: chunked\r\n';
    }
    if (this.#framing === 'close' || !this.isRequestComplete || !this.#connection.allowsAnotherRequest())
      this.keepsAlive = false;
    if (!this.keepsAlive) lines += 'connection: close\r\n';
    else if (isHttp10) lines += 'connection: keep-alive\r\n';
    return lines;
  }

  writeResponse(chunk: Uint8Array): boolean {
    const { writer } = this.#connection;
    if (chunk.length === 0 || this.#framing === 'none' || this.isResponseComplete) return !writer.needsDrain;
    this.bytesSent += chunk.length;
    if (this.#framing === 'chunked') {
      writer.text(chunkHeadText(chunk.length));
      writer.bytes(chunk);
      writer.text('\r\n');
    } else {
      writer.bytes(chunk);
    }
    return !writer.needsDrain;
  }

  flushResponse(): void {
    if (this.isResponseComplete) return;
    if (!this.#connection.writer.flush()) this.#connection.armWriteStall();
  }

  endResponse(trailers?: HeaderList): void {
    if (this.isResponseComplete) return;
    this.isResponseComplete = true;
    if (this.#framing === 'chunked')
      this.#connection.writer.text(lastChunkText(this.acceptsTrailers ? trailers : undefined));
    this.#connection.onResponseEnd(this);
  }

  abort(): void {
    if (this.isResponseComplete && !this.isTunnel) return;
    this.isResponseComplete = true;
    this.#connection.reset();
  }

  /** From the connection: body bytes, or raw bytes of a tunnel. */
  receive(chunk: Buffer): void {
    this.bytesReceived += chunk.length;
    if (!this.isResponseComplete || this.isTunnel) this.handler.onRequestData(chunk);
  }

  /** From the connection: the body is complete, or the client closed its side of a tunnel. */
  finishRequest(trailers: HeaderList | undefined): void {
    this.isRequestComplete = true;
    if (!this.isResponseComplete || this.isTunnel) this.handler.onRequestEnd(trailers);
  }

  /** From the connection: it is gone. */
  lost(error: ProxyError): void {
    if (this.isResponseComplete && !this.isTunnel) return;
    this.isResponseComplete = true;
    this.handler.onAbort(error);
  }
}
