// gRPC-Web (PROTOCOL-WEB.md of gRPC): calls of clients that know no trailers, over any version of HTTP, shown to the rest as gRPC. Messages
// are the same; trailers come as a last frame of the body, and the text form is all of that in base64. Nothing is buffered but the rest
// of a group of it.
import { NO_HANDLER } from '../exchange.ts';
import type { BodyLength, DownstreamInfo, Exchange, ExchangeHandler, RequestHead, ResponseHead } from '../exchange.ts';
import { isGrpcCall } from '../grpc.ts';
import type { HeaderList } from '../header-list.ts';
import { ProxyError } from '../proxy-error.ts';
import type { RuntimeListener } from '../runtime/snapshot.ts';
import { Base64Decoder, Base64Encoder } from './base64-stream.ts';

const GRPC = 'application/grpc';
const GRPC_WEB = 'application/grpc-web';
const TEXT = '-text';
const CONTENT_TYPE = /^application\/grpc-web(-text)?(?:$|[+; ])/;

const TRAILER_FRAME = 0x80;
const FRAME_HEADER_BYTES = 5;

/** The exchange as gRPC, where it is gRPC-Web and its virtual host translates that; else as it is. */
export function translateGrpcWeb(exchange: Exchange, { virtualHosts }: RuntimeListener): Exchange {
  const { method, headers, host } = exchange.request;
  if (method !== 'POST') return exchange;
  const [matched, text] = CONTENT_TYPE.exec(headers.get('content-type') ?? '') ?? [];
  if (matched === undefined || virtualHosts.find(host)?.value.servesGrpcWeb !== true) return exchange;
  return new GrpcWebExchange(exchange, text !== undefined);
}

export class GrpcWebExchange implements Exchange, ExchangeHandler {
  /** Parts of messages wait for what follows. */
  readonly holdsChunks = true;
  readonly request: RequestHead;
  readonly downstream: DownstreamInfo;
  readonly requestBodyLength: BodyLength;
  readonly protocol: string;
  readonly expectsContinue: boolean;
  /** Of gRPC; the client gets them in the body. */
  readonly acceptsTrailers = true;
  readonly upgrade = undefined;
  handler: ExchangeHandler = NO_HANDLER;
  readonly #client: Exchange;
  /** Of the text form. */
  readonly #decoder: Base64Decoder | undefined;
  readonly #encoder: Base64Encoder | undefined;
  #isRefused = false;
  /** Whether the answer is one of gRPC; others pass as they are. */
  #isGrpcAnswer = false;
  /** An answer that is all head tells its status there, and has no frame for it. */
  #hasTrailerFrame = false;

  constructor(client: Exchange, isText: boolean) {
    const { headers } = client.request;
    const accept = headers.getJoined('accept') ?? '';
    const wantsText = accept.includes(GRPC_WEB) ? accept.includes(`${GRPC_WEB}${TEXT}`) : isText;
    this.#client = client;
    this.#decoder = isText ? new Base64Decoder() : undefined;
    this.#encoder = wantsText ? new Base64Encoder() : undefined;
    this.request = client.request;
    this.downstream = client.downstream;
    this.requestBodyLength = isText && client.requestBodyLength !== 0 ? 'chunked' : client.requestBodyLength;
    this.protocol = client.protocol;
    this.expectsContinue = client.expectsContinue;
    const type = headers.get('content-type') ?? '';
    headers.set('content-type', GRPC + type.slice(GRPC_WEB.length + (isText ? TEXT.length : 0)));
    headers.remove('x-grpc-web');
    client.handler = this;
  }

  get isRequestComplete(): boolean {
    return this.#client.isRequestComplete;
  }

  get bytesReceived(): number {
    return this.#client.bytesReceived;
  }

  get bytesSent(): number {
    return this.#client.bytesSent;
  }

  // — the request —

  onRequestData(chunk: Uint8Array): void {
    if (this.#isRefused) return;
    if (this.#decoder === undefined) {
      this.handler.onRequestData(chunk);
      return;
    }
    const decoded = this.#decoder.write(chunk);
    if (decoded === undefined) this.#refuse();
    else if (decoded.length > 0) this.handler.onRequestData(decoded);
  }

  onRequestEnd(): void {
    if (this.#isRefused) return;
    if (this.#decoder?.isBetweenGroups === false) this.#refuse();
    else this.handler.onRequestEnd(undefined);
  }

  onRequestFlush(): void {
    this.handler.onRequestFlush();
  }

  /** What is decoded is a copy. */
  get holdsRequestChunks(): boolean {
    return this.#decoder === undefined && this.handler.holdsRequestChunks;
  }

  onRequestError(error: ProxyError): void {
    this.handler.onRequestError(error);
  }

  onAbort(error: ProxyError): void {
    this.handler.onAbort(error);
  }

  onResponseDrain(): void {
    this.handler.onResponseDrain();
  }

  pauseRequest(): void {
    this.#client.pauseRequest();
  }

  resumeRequest(): void {
    this.#client.resumeRequest();
  }

  #refuse(): void {
    this.#isRefused = true;
    this.handler.onRequestError(new ProxyError('bad_request', 'downstream', 'the body is not base64'));
  }

  // — the answer —

  respondInformational(status: number, headers: HeaderList): void {
    this.#client.respondInformational(status, headers);
  }

  respond(head: ResponseHead, length: BodyLength | undefined): void {
    const { headers } = head;
    this.#isGrpcAnswer = isGrpcCall(headers);
    if (!this.#isGrpcAnswer) {
      this.#client.respond(head, length);
      return;
    }
    const format = (headers.get('content-type') ?? '').slice(GRPC.length);
    headers.set('content-type', GRPC_WEB + (this.#encoder === undefined ? '' : TEXT) + format);
    this.#hasTrailerFrame = !headers.has('grpc-status');
    this.#client.respond(head, this.#hasTrailerFrame ? undefined : length);
  }

  writeResponse(chunk: Uint8Array): boolean {
    if (this.#encoder === undefined || !this.#isGrpcAnswer) return this.#client.writeResponse(chunk);
    return this.#client.writeResponse(this.#encoder.write(chunk));
  }

  flushResponse(): void {
    this.#flushText();
    this.#client.flushResponse();
  }

  endResponse(trailers?: HeaderList): void {
    if (!this.#isGrpcAnswer) {
      this.#client.endResponse(trailers);
      return;
    }
    if (trailers !== undefined && this.#hasTrailerFrame) this.writeResponse(trailerFrame(trailers));
    this.#flushText();
    this.#client.endResponse();
  }

  abort(): void {
    this.#client.abort();
  }

  /** Clients decode as it comes: what is flushed must be whole. */
  #flushText(): void {
    const rest = this.#isGrpcAnswer ? this.#encoder?.end() : undefined;
    if (rest !== undefined && rest.length > 0) this.#client.writeResponse(rest);
  }
}

function trailerFrame({ fields }: HeaderList): Buffer {
  let block = '';
  for (let i = 0; i < fields.length; i += 2) block += `${fields[i]}: ${fields[i + 1]}\r\n`;
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + block.length);
  frame[0] = TRAILER_FRAME;
  frame.writeUInt32BE(block.length, 1);
  frame.write(block, FRAME_HEADER_BYTES, 'latin1');
  return frame;
}
