// A connection to an endpoint: one request at a time, strict about what comes back. Whatever is not exactly the answer to the
// request that was sent (bytes unasked, bytes after the end, bad framing) destroys the socket, so no answer reaches a wrong client.
import type { Socket } from 'node:net';
import type { TimeoutQueue } from '../../../lib/timeout-queue.ts';
import type { BodyLength, RequestHead } from '../../exchange.ts';
import { HeaderList } from '../../header-list.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { RequestOptions, UpstreamHandler, UpstreamStream } from '../../upstream-stream.ts';
import type { ReadReceiver, SocketReader } from '../socket-reader.ts';
import { ConnectionDeadline } from '../connection-deadline.ts';
import { BodyDecoder, hasStrayLineBreak } from './body-decoder.ts';
import { chunkHeadText, lastChunkText, requestHeadText } from './head-text.ts';
import { parseResponseHead } from './response-head.ts';
import type { ParsedResponseHead } from './response-head.ts';
import { SocketWriter } from './socket-writer.ts';

/** The pool that a connection belongs to. */
export interface ConnectionOwner {
  /** The connection can take another request. */
  onIdle(connection: Http1ClientConnection): void;
  onClosed(connection: Http1ClientConnection): void;
  /** The connection that closes never came to be, or broke off in the handshake. */
  onConnectFailed(reason: string): void;
  /** Something threw where nothing may; the connection is being cut. */
  onDefect(error: unknown): void;
}

export interface ClientTimeouts {
  readonly connect: TimeoutQueue;
  readonly idle: TimeoutQueue;
  /** Without the upstream taking a byte of what waits to be written. */
  readonly writeStall: TimeoutQueue;
}

const MAX_HEAD_BYTES: number = 64 * 1024;
const MAX_HEADER_COUNT = 256;
/** 1xx responses before the final one. */
const MAX_INFORMATIONAL = 16;

type State = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'closed';

export class Http1ClientConnection implements ReadReceiver, UpstreamStream {
  readonly socket: Socket;
  /** Seconds the upstream promised to keep an idle connection, or -1. */
  keepAliveSeconds = -1;
  idleSinceMs = 0;

  readonly #owner: ConnectionOwner;
  readonly #timeouts: ClientTimeouts;
  readonly #writer: SocketWriter;
  readonly #decoder: BodyDecoder;
  readonly #deadline: ConnectionDeadline;
  readonly #writeDeadline: ConnectionDeadline;
  #state: State = 'connecting';
  #isConnected = false;
  #handler: UpstreamHandler | undefined = undefined;
  #method = '';
  #upgrade: string | undefined = undefined;
  #isRequestChunked = false;
  #isRequestComplete = true;
  #keepsAlive = false;
  #hasResponded = false;
  #hasTunnelEnded = false;
  #requests = 0;
  #informational = 0;
  #unparsed: Buffer | undefined = undefined;
  #scanned = 0;

  /**
   * @param readyEvent what the socket is waiting for, `connect`, or `secureConnect` for TLS; undefined where that has been.
   * @param reader what the socket reads with; undefined: it emits `data`.
   */
  constructor(
    socket: Socket,
    readyEvent: 'connect' | 'secureConnect' | undefined,
    timeouts: ClientTimeouts,
    owner: ConnectionOwner,
    reader?: SocketReader,
  ) {
    this.socket = socket;
    this.#owner = owner;
    this.#timeouts = timeouts;
    this.#writer = new SocketWriter(socket);
    this.#decoder = new BodyDecoder(this, 0);
    this.#deadline = new ConnectionDeadline(() => this.#onTimeout());
    this.#writeDeadline = new ConnectionDeadline(() =>
      this.#fail('upstream_timeout', 'the upstream stopped reading the request'),
    );
    if (readyEvent === undefined) {
      this.#isConnected = true;
      this.#state = 'idle';
      timeouts.idle.arm(this.#deadline);
    } else {
      timeouts.connect.arm(this.#deadline);
      socket.on(readyEvent, () => this.#guard(() => this.#onReady()));
    }
    if (reader === undefined) socket.on('data', (chunk: Buffer) => void this.onRead(chunk));
    else reader.receiver = this;
    socket.on('end', () => this.#guard(() => this.#onEnd()));
    socket.on('drain', () => this.#guard(() => this.#onDrain()));
    socket.on('error', (error: Error) => this.#guard(() => this.#onClose(error.message)));
    socket.on('close', () => this.#guard(() => this.#onClose('the upstream closed the connection')));
  }

  /** From the socket. A handler may hold chunks also when its answer is complete, and nothing of it is left here. */
  onRead(chunk: Buffer): boolean {
    const handler = this.#handler;
    try {
      this.#onData(chunk);
    } catch (error) {
      this.#onDefect(error);
    }
    return this.#unparsed !== undefined || handler?.holdsChunks === true;
  }

  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  send(request: RequestHead, length: BodyLength, options: RequestOptions, handler: UpstreamHandler): void {
    if (this.#isConnected) this.#deadline.disarm();
    this.#state = 'head';
    this.#handler = handler;
    this.#method = request.method;
    this.#upgrade = options.upgrade;
    this.#isRequestChunked = length === 'chunked';
    this.#isRequestComplete = length === 0;
    this.#hasResponded = false;
    this.#informational = 0;
    this.#writer.text(requestHeadText(request, length, options));
    if (length === 0) this.flushRequest();
  }

  /** Returns false when the upstream reads too slowly: wait for handler.onUpstreamDrain. */
  writeRequest(chunk: Uint8Array): boolean {
    if (chunk.length > 0) {
      if (this.#isRequestChunked && this.#state !== 'tunnel') {
        this.#writer.text(chunkHeadText(chunk.length));
        this.#writer.bytes(chunk);
        this.#writer.text('\r\n');
      } else {
        this.#writer.bytes(chunk);
      }
    }
    return !this.#writer.needsDrain;
  }

  flushRequest(): void {
    if (!this.#writer.flush() && this.#writeDeadline.queue === undefined)
      this.#timeouts.writeStall.arm(this.#writeDeadline);
  }

  get holdsRequestChunks(): boolean {
    return this.#writer.isHolding;
  }

  endRequest(trailers: HeaderList | undefined): void {
    if (this.#isRequestComplete) return;
    this.#isRequestComplete = true;
    if (this.#isRequestChunked && this.#state !== 'tunnel') this.#writer.text(lastChunkText(trailers));
    this.flushRequest();
    if (this.#state !== 'tunnel') return;
    if (this.#hasTunnelEnded) this.#handler = undefined;
    this.socket.end(() => this.#writeDeadline.disarm());
  }

  pauseResponse(): void {
    this.socket.pause();
  }

  resumeResponse(): void {
    this.socket.resume();
  }

  /** The request is of no more interest, or the connection of no more use. The handler is not called any more. */
  destroy(): void {
    this.#handler = undefined;
    this.socket.destroy();
    this.#onClose(undefined);
  }

  /** From BodyDecoder. */
  onBodyChunk(chunk: Buffer): void {
    this.#handler?.onResponseData(chunk);
  }

  #onData(chunk: Buffer): void {
    switch (this.#state) {
      case 'head':
      case 'body':
        this.#unparsed = this.#unparsed === undefined ? chunk : Buffer.concat([this.#unparsed, chunk]);
        this.#process();
        this.#handler?.onResponseFlush();
        break;
      case 'tunnel':
        this.#handler?.onResponseData(chunk);
        this.#handler?.onResponseFlush();
        break;
      default:
        // An answer that nobody asked for would be taken for the next request's.
        this.destroy();
    }
  }

  #process(): void {
    while (this.#unparsed !== undefined) {
      const buffer = this.#unparsed;
      let consumed = 0;
      if (this.#state === 'head') consumed = this.#processHead(buffer);
      else if (this.#state === 'body') consumed = this.#processBody(buffer);
      else return;
      if (consumed === 0 || this.#unparsed === undefined) return;
      this.#unparsed = consumed === buffer.length ? undefined : buffer.subarray(consumed);
      if (this.#state === 'body' && this.#decoder.isDone) this.#finish();
    }
  }

  /** Returns 0 when the head is not complete yet. */
  #processHead(buffer: Buffer): number {
    const end = buffer.indexOf('\r\n\r\n', Math.max(0, this.#scanned - 3));
    if (end === -1 || end > MAX_HEAD_BYTES) {
      if (buffer.length > MAX_HEAD_BYTES)
        this.#fail('upstream_protocol_error', 'the head of the response is too large');
      else if (hasStrayLineBreak(buffer.toString('latin1'), this.#scanned)) {
        this.#fail('upstream_protocol_error', 'a line of the response does not end in CR LF');
      }
      this.#scanned = buffer.length;
      return 0;
    }
    this.#scanned = 0;
    const parsed = parseResponseHead(buffer.toString('latin1', 0, end + 4), this.#method, MAX_HEADER_COUNT);
    if ('message' in parsed) {
      this.#fail('upstream_protocol_error', parsed.message);
      return 0;
    }
    if (parsed.status < 200 && parsed.status !== 101) this.#informationalHead(parsed);
    else if (parsed.status === 101) this.#switchProtocols(parsed);
    else this.#finalHead(parsed);
    return end + 4;
  }

  #informationalHead(parsed: ParsedResponseHead): void {
    if (++this.#informational > MAX_INFORMATIONAL)
      this.#fail('upstream_protocol_error', 'too many informational responses');
    else this.#handler?.onInformational(parsed.status, new HeaderList(parsed.section.fields));
  }

  #switchProtocols(parsed: ParsedResponseHead): void {
    const { upgrade } = parsed.section;
    if (upgrade === undefined || !isOffered(upgrade, this.#upgrade)) {
      this.#fail('upstream_protocol_error', 'the upstream switched to a protocol that was not asked for');
      return;
    }
    this.#state = 'tunnel';
    this.#hasResponded = true;
    this.#isRequestComplete = false;
    this.#keepsAlive = false;
    this.#handler?.onResponse({ status: 101, upgrade, headers: new HeaderList(parsed.section.fields) }, undefined);
    const early = this.#unparsed?.subarray(this.#unparsed.indexOf('\r\n\r\n') + 4);
    this.#unparsed = undefined;
    if (early !== undefined && early.length > 0) this.#handler?.onResponseData(early);
  }

  #finalHead(parsed: ParsedResponseHead): void {
    this.#state = 'body';
    this.#hasResponded = true;
    this.#keepsAlive = parsed.keepsAlive;
    if (parsed.section.keepAliveSeconds !== -1) this.keepAliveSeconds = parsed.section.keepAliveSeconds;
    this.#decoder.start(parsed.bodyLength);
    const length =
      parsed.bodyLength === 'untilClose'
        ? 'chunked'
        : parsed.bodyLength === 0
          ? parsed.declaredLength
          : parsed.bodyLength;
    this.#handler?.onResponse({ status: parsed.status, headers: new HeaderList(parsed.section.fields) }, length);
  }

  #processBody(buffer: Buffer): number {
    const decoder = this.#decoder;
    const consumed = decoder.decode(buffer, 0);
    if (decoder.problem !== undefined) {
      this.#fail('upstream_protocol_error', decoder.problem.message);
      return 0;
    }
    return consumed;
  }

  /** The response is complete. */
  #finish(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    const isReusable =
      this.#keepsAlive && this.#isRequestComplete && this.#unparsed === undefined && !this.socket.destroyed;
    if (isReusable) {
      this.#requests++;
      this.#becomeIdle();
    } else {
      this.destroy();
    }
    handler?.onResponseEnd(this.#decoder.trailers);
  }

  #becomeIdle(): void {
    this.#state = 'idle';
    this.#timeouts.idle.arm(this.#deadline);
    if (this.socket.isPaused()) this.socket.resume();
    this.#owner.onIdle(this);
  }

  #onReady(): void {
    this.#isConnected = true;
    this.#deadline.disarm();
    if (this.#state === 'connecting') this.#becomeIdle();
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#onDefect(error);
    }
  }

  /** A defect ends one connection, not the process. */
  #onDefect(error: unknown): void {
    this.#owner.onDefect(error);
    this.#fail('upstream_protocol_error', 'the response could not be handled');
  }

  #onEnd(): void {
    if (this.#state === 'body' && !this.#decoder.isDone && this.#decoder.endsWithConnection) {
      this.#finish();
    } else if (this.#state === 'tunnel') {
      const handler = this.#handler;
      this.#hasTunnelEnded = true;
      if (this.#isRequestComplete) this.#handler = undefined;
      handler?.onResponseEnd(undefined);
    } else {
      this.#onClose('the upstream closed the connection');
      this.socket.destroy();
    }
  }

  #onDrain(): void {
    this.#writer.drained();
    this.#writeDeadline.disarm();
    this.#handler?.onUpstreamDrain();
  }

  #onTimeout(): void {
    if (this.#isConnected) this.destroy();
    else this.#fail('upstream_connect_timeout', 'connecting to the upstream took too long');
  }

  #fail(code: 'upstream_protocol_error' | 'upstream_connect_timeout' | 'upstream_timeout', message: string): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.socket.destroy();
    this.#onClose(message);
    handler?.onUpstreamError(new ProxyError(code, 'upstream', message, code === 'upstream_connect_timeout'));
  }

  /** @param reason undefined where we wanted it. */
  #onClose(reason: string | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#deadline.disarm();
    this.#writeDeadline.disarm();
    const handler = this.#handler;
    this.#handler = undefined;
    const sawNothing = !this.#hasResponded && this.#unparsed === undefined && this.#informational === 0;
    this.#unparsed = undefined;
    if (!this.#isConnected && reason !== undefined) this.#owner.onConnectFailed(reason);
    this.#owner.onClosed(this);
    if (handler === undefined || reason === undefined) return;
    // A connection that was used before may have been closed by the upstream while the request was on its way to it.
    handler.onUpstreamError(
      this.#isConnected
        ? new ProxyError('upstream_reset', 'upstream', reason, this.#requests > 0 && sawNothing)
        : new ProxyError('upstream_connect_failed', 'upstream', reason, true),
    );
  }
}

/** @param offered the request's Upgrade list. */
function isOffered(upgrade: string, offered: string | undefined): boolean {
  const protocols = offered?.toLowerCase().split(',') ?? [];
  return protocols.some((protocol) => protocol.trim() === upgrade.toLowerCase());
}
