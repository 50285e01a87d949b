// A client's connection: bytes in, Exchanges out, one at a time and answered in order. It owns the socket; whatever goes wrong on it
// ends in exactly one of: an answer, an abort to whoever handles the exchange, or a closed socket.
import type { Socket } from 'node:net';
import { Deadline } from '../../../lib/timeout-queue.ts';
import type { DownstreamInfo } from '../../exchange.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { ReadReceiver, SocketReader } from '../socket-reader.ts';
import { CR, LF, METHOD } from './character.ts';
import { BodyDecoder, hasStrayLineBreak } from './body-decoder.ts';
import { RequestHeadParser } from './request-head.ts';
import { Http1Exchange } from './server-exchange.ts';
import type { ExchangeConnection } from './server-exchange.ts';
import type { ExchangeTaker, Http1ServerSettings } from './server-settings.ts';
import type { ParseProblem } from './field-section.ts';
import { SocketWriter } from './socket-writer.ts';

/**
 * head: a request is awaited or arriving · body: its body arrives · held: it is complete, but its answer is not, or the client has not
 * taken it yet: what arrives is kept · tunnel: raw bytes both ways · discard: the answer is out, the rest is thrown away until the
 * client closes · closed
 */
type Reading = 'head' | 'body' | 'held' | 'tunnel' | 'discard' | 'closed';

/** For so long after an answer, or the start, the next request may be on its way. */
const MIN_IDLE_MS = 1_000;

/** Pipelined bytes kept while an answer is on its way; beyond it the socket is paused. */
const MAX_HELD_BYTES: number = 64 * 1024;

export class Http1ServerConnection implements ExchangeConnection, ReadReceiver {
  readonly socket: Socket;
  readonly writer: SocketWriter;
  readonly downstream: DownstreamInfo;
  readonly scheme: 'http' | 'https';
  readonly settings: Http1ServerSettings;

  readonly #taker: ExchangeTaker;
  readonly #parser: RequestHeadParser;
  readonly #decoder: BodyDecoder;
  readonly #readDeadline: ReadDeadline;
  readonly #writeDeadline: WriteDeadline;
  #reading: Reading = 'head';
  #exchange: Http1Exchange | undefined = undefined;
  /** What got data in this turn. */
  #fed: Http1Exchange | undefined = undefined;
  #hasFedSeveral = false;
  /** Bytes that arrived and are not parsed yet. */
  #unparsed: Buffer | undefined = undefined;
  /** Some of a head is there; its deadline runs. The first head is awaited from the start. */
  #hasHeadBegun = true;
  /** How much of an unfinished head was looked at. */
  #scanned = 0;
  #isProcessing = false;
  #isDraining = false;
  #requests = 0;
  /** When it began to wait for a request. */
  #waitsSinceMs = performance.now();

  /** @param reader what the socket reads with; undefined: it emits `data`. */
  constructor(
    socket: Socket,
    scheme: 'http' | 'https',
    downstream: DownstreamInfo,
    settings: Http1ServerSettings,
    taker: ExchangeTaker,
    reader?: SocketReader,
  ) {
    this.socket = socket;
    this.scheme = scheme;
    this.downstream = downstream;
    this.settings = settings;
    this.writer = new SocketWriter(socket);
    this.#taker = taker;
    this.#parser = new RequestHeadParser(scheme, settings.limits);
    this.#decoder = new BodyDecoder(this, settings.limits.maxBodyBytes);
    this.#readDeadline = new ReadDeadline(this);
    this.#writeDeadline = new WriteDeadline(this);
    if (reader === undefined) socket.on('data', (chunk: Buffer) => void this.onRead(chunk));
    else reader.receiver = this;
    socket.on('end', () => this.#guard(() => this.#onEnd()));
    socket.on('drain', () => this.#guard(() => this.#onDrain()));
    // The reason is in the close that follows; without a listener the process would end.
    socket.on('error', () => {});
    socket.on('close', () => this.#guard(() => this.#onClose()));
    settings.timeouts.head.arm(this.#readDeadline);
  }

  /** From the socket. */
  onRead(chunk: Buffer): boolean {
    this.#fed = undefined;
    this.#hasFedSeveral = false;
    try {
      this.#onData(chunk);
    } catch (error) {
      this.#onDefect(error);
    }
    return this.#holdsChunks;
  }

  /** Who got data may hold them also when its answer is complete, and nothing of it is left here. */
  get #holdsChunks(): boolean {
    return this.#unparsed !== undefined || this.#hasFedSeveral || this.#fed?.handler.holdsRequestChunks === true;
  }

  get idleSinceMs(): number | undefined {
    return this.isIdle ? this.#waitsSinceMs : undefined;
  }

  /** No request is being served. */
  get isIdle(): boolean {
    return this.#reading === 'head' && this.#exchange === undefined && this.#unparsed === undefined;
  }

  /** Closes at once if idle; otherwise after the next answer, for whose request it waits a moment. */
  drain(): void {
    this.#isDraining = true;
    if (!this.isIdle) return;
    // The next request may be on its way, and would be lost.
    if (performance.now() - this.#waitsSinceMs < MIN_IDLE_MS) this.settings.timeouts.linger.arm(this.#readDeadline);
    else this.#discardRest();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Cuts the connection so that the client can't take what it got for a whole answer. */
  reset(): void {
    this.#exchange = undefined;
    // Without a close_notify the end of a TLS connection is no end of data either; Node can't reset one.
    if (this.scheme === 'https') this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  pauseReading(): void {
    this.#readDeadline.disarm();
    this.socket.pause();
  }

  resumeReading(): void {
    if (this.#reading === 'body') this.settings.timeouts.bodyIdle.arm(this.#readDeadline);
    if (this.#reading === 'body' || this.#reading === 'tunnel') this.socket.resume();
  }

  /** From BodyDecoder. */
  onBodyChunk(chunk: Buffer): void {
    // Framing without data is no progress.
    if (this.#reading === 'body') this.settings.timeouts.bodyIdle.arm(this.#readDeadline);
    this.#feed(chunk);
  }

  #feed(chunk: Buffer): void {
    const exchange = this.#exchange;
    this.#hasFedSeveral ||= this.#fed !== undefined && this.#fed !== exchange;
    this.#fed = exchange;
    exchange?.receive(chunk);
  }

  /** From the exchange: its answer is complete. */
  onResponseEnd(exchange: Http1Exchange): void {
    if (exchange.isTunnel) {
      if (!this.writer.flush()) this.armWriteStall();
      this.socket.end(() => this.#writeDeadline.disarm());
      if (exchange.isRequestComplete) this.#exchange = undefined;
      return;
    }
    const isTaken = this.writer.flush();
    if (!isTaken) this.armWriteStall();
    this.#exchange = undefined;
    if (!exchange.isRequestComplete || !exchange.keepsAlive) this.#discardRest();
    // Whoever does not take the answers that it has gets no further ones: they would pile up here.
    else if (isTaken) this.#nextRequest();
  }

  #nextRequest(): void {
    if (this.#isDraining) {
      this.#discardRest();
      return;
    }
    this.#reading = 'head';
    this.#scanned = 0;
    // Inside #process the loop goes on by itself.
    if (this.#isProcessing) return;
    if (this.#unparsed === undefined) {
      this.#waitsSinceMs = performance.now();
      this.settings.timeouts.keepAliveIdle.arm(this.#readDeadline);
    } else {
      this.#process();
    }
    if (this.socket.isPaused() && !this.#holdsEnough()) this.socket.resume();
  }

  /** From the exchange: a 101 went out. */
  startTunnel(): void {
    this.#reading = 'tunnel';
    this.#readDeadline.disarm();
    const early = this.#unparsed;
    this.#unparsed = undefined;
    if (this.socket.isPaused()) this.socket.resume();
    if (early === undefined) return;
    this.#feed(early);
    this.#exchange?.handler.onRequestFlush();
  }

  armWriteStall(): void {
    if (this.#writeDeadline.queue === undefined) this.settings.timeouts.writeStall.arm(this.#writeDeadline);
  }

  /** Whether a connection may go on after the present request. */
  allowsAnotherRequest(): boolean {
    const { maxRequestsPerConnection } = this.settings.limits;
    return (
      !this.#isDraining &&
      !this.settings.isDraining() &&
      (maxRequestsPerConnection === 0 || this.#requests < maxRequestsPerConnection)
    );
  }

  onReadTimeout(): void {
    switch (this.#reading) {
      case 'head':
        if (this.#unparsed === undefined) this.#discardRest();
        else this.#refuseUnparsed({ code: 'request_timeout', message: 'the head of the request took too long' });
        break;
      case 'body':
        this.#failBody({ code: 'request_timeout', message: 'the body of the request stopped arriving' });
        break;
      default:
        this.socket.destroy();
    }
  }

  #onData(chunk: Buffer): void {
    switch (this.#reading) {
      case 'head':
      case 'body':
        this.#unparsed = this.#unparsed === undefined ? chunk : Buffer.concat([this.#unparsed, chunk]);
        this.#process();
        break;
      case 'held':
        this.#unparsed = this.#unparsed === undefined ? chunk : Buffer.concat([this.#unparsed, chunk]);
        if (this.#holdsEnough()) this.socket.pause();
        break;
      case 'tunnel':
        this.#feed(chunk);
        this.#exchange?.handler.onRequestFlush();
        break;
      case 'discard':
      case 'closed':
        break;
    }
  }

  #holdsEnough(): boolean {
    return this.#reading === 'held' && this.#unparsed !== undefined && this.#unparsed.length > MAX_HELD_BYTES;
  }

  /** Parses as far as the bytes go. Answers given at once make it loop instead of recurse. */
  #process(): void {
    if (this.#isProcessing) return;
    this.#isProcessing = true;
    while (this.#unparsed !== undefined && (this.#reading === 'head' || this.#reading === 'body')) {
      const buffer = this.#unparsed;
      const consumed = this.#reading === 'head' ? this.#processHead(buffer) : this.#processBody(buffer);
      if (consumed === 0) break;
      // An answer within the call may have dropped what was left.
      if (this.#unparsed !== undefined)
        this.#unparsed = consumed === buffer.length ? undefined : buffer.subarray(consumed);
    }
    this.#isProcessing = false;
    if (this.#exchange !== undefined) {
      this.#exchange.handler.onRequestFlush();
    } else if (this.#reading === 'head') {
      this.#awaitHead();
    }
  }

  /** A head that arrives in pieces has one deadline, not one for each piece. */
  #awaitHead(): void {
    const { keepAliveIdle, head } = this.settings.timeouts;
    const hadBegun = this.#hasHeadBegun;
    this.#hasHeadBegun = this.#unparsed !== undefined;
    if (this.#hasHeadBegun) {
      if (!hadBegun) head.arm(this.#readDeadline);
    } else if (this.#readDeadline.queue === undefined) {
      // Empty lines are no reason to wait longer.
      keepAliveIdle.arm(this.#readDeadline);
    }
  }

  /** Returns 0 when the head is not complete yet. */
  #processHead(buffer: Buffer): number {
    // An empty line before the request line is tolerated (RFC 9112 section 2.2), one at a time.
    if (buffer[0] === CR && buffer[1] === LF && this.#requests > 0) return 2;
    const { maxHeadBytes, maxUriBytes } = this.settings.limits;
    const end = buffer.indexOf('\r\n\r\n', Math.max(0, this.#scanned - 3));
    if (end === -1 || end > maxHeadBytes) {
      if (buffer.length > maxHeadBytes) {
        const line = buffer.indexOf('\r\n');
        this.#refuseUnparsed(line === -1 || line > maxUriBytes + MAX_REQUEST_LINE_REST ? URI_TOO_LONG : HEAD_TOO_LARGE);
      } else if (!this.#mayBecomeHead(buffer)) {
        this.#refuseUnparsed(NOT_HTTP);
      }
      this.#scanned = buffer.length;
      return 0;
    }
    this.#scanned = 0;
    this.#hasHeadBegun = false;
    this.#requests++;
    const parser = this.#parser;
    const problem = parser.parse(buffer.toString('latin1', 0, end + 4));
    if (problem !== undefined) {
      this.#refuse(problem);
      return 0;
    }
    const exchange = new Http1Exchange(this, parser);
    this.#exchange = exchange;
    if (parser.bodyLength === 0) {
      this.#reading = 'held';
      exchange.isRequestComplete = true;
      this.#readDeadline.disarm();
      this.#taker.onExchange(exchange);
      exchange.finishRequest(undefined);
    } else {
      this.#reading = 'body';
      this.#decoder.start(parser.bodyLength);
      this.settings.timeouts.bodyIdle.arm(this.#readDeadline);
      this.#taker.onExchange(exchange);
    }
    return end + 4;
  }

  /** Whether what is there of a head can still be the start of one: what can't is refused without waiting for the rest. */
  #mayBecomeHead(buffer: Buffer): boolean {
    if (buffer[0] === CR && buffer.length === 1 && this.#requests > 0) return true;
    return METHOD[buffer[0] as number] === 1 && !hasStrayLineBreak(buffer.toString('latin1'), this.#scanned);
  }

  #processBody(buffer: Buffer): number {
    const decoder = this.#decoder;
    const exchange = this.#exchange;
    const consumed = decoder.decode(buffer, 0);
    if (this.#reading !== 'body') return consumed;
    if (decoder.problem !== undefined) {
      this.#failBody(decoder.problem);
      return consumed;
    }
    if (decoder.isDone) {
      this.#reading = 'held';
      this.#readDeadline.disarm();
      // Only who reads learns that the client left.
      if (this.socket.isPaused()) this.socket.resume();
      exchange?.finishRequest(decoder.trailers);
    }
    return consumed;
  }

  #refuseUnparsed(problem: ParseProblem): void {
    this.#parser.reset();
    this.#refuse(problem);
  }

  /** Answers a request that never became an exchange; what was parsed of it is in the parser, for the log. */
  #refuse(problem: ParseProblem): void {
    this.#unparsed = undefined;
    const exchange = new Http1Exchange(this, this.#parser);
    exchange.keepsAlive = false;
    this.#exchange = exchange;
    this.#reading = 'held';
    this.#readDeadline.disarm();
    this.#taker.onProtocolError(problem.code);
    this.#taker.onInvalidRequest(exchange, new ProxyError(problem.code, 'downstream', problem.message));
  }

  /** The body broke the protocol or stopped: its handler is told, and answers if nothing was sent yet. */
  #failBody(problem: ParseProblem): void {
    this.#unparsed = undefined;
    this.#reading = 'held';
    this.#readDeadline.disarm();
    this.#taker.onProtocolError(problem.code);
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    exchange.keepsAlive = false;
    exchange.handler.onRequestError(new ProxyError(problem.code, 'downstream', problem.message));
  }

  #onEnd(): void {
    const exchange = this.#exchange;
    if (this.#reading === 'tunnel' && exchange !== undefined) {
      exchange.finishRequest(undefined);
      exchange.handler.onRequestFlush();
      if (exchange.isResponseComplete) this.#exchange = undefined;
      return;
    }
    // A client that closes its side no longer wants an answer: nothing tells it from one that went away.
    if (exchange === undefined) this.#discardRest();
    else this.socket.destroy();
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
    this.#isProcessing = false;
    this.#taker.onDefect(error);
    this.socket.destroy();
  }

  #onDrain(): void {
    this.writer.drained();
    this.#writeDeadline.disarm();
    if (this.#exchange !== undefined) this.#exchange.handler.onResponseDrain();
    else if (this.#reading === 'held') this.#nextRequest();
  }

  #onClose(): void {
    if (this.#reading === 'closed') return;
    this.#reading = 'closed';
    this.#readDeadline.disarm();
    this.#writeDeadline.disarm();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#unparsed = undefined;
    exchange?.lost(new ProxyError('downstream_closed', 'downstream', 'the client closed the connection'));
    this.#taker.onConnectionClosed();
  }

  /** Closes our side and throws away what still comes, for a while: closing with unread bytes would reset the answer away. */
  #discardRest(): void {
    this.#reading = 'discard';
    this.#unparsed = undefined;
    // Lingering begins when the client has taken the answer.
    const { writeStall, linger } = this.settings.timeouts;
    writeStall.arm(this.#readDeadline);
    this.socket.end(() => {
      if (this.#reading === 'discard') linger.arm(this.#readDeadline);
    });
    if (this.socket.isPaused()) this.socket.resume();
  }
}

class ReadDeadline extends Deadline {
  readonly #connection: Http1ServerConnection;

  constructor(connection: Http1ServerConnection) {
    super();
    this.#connection = connection;
  }

  onExpired(): void {
    this.#connection.onReadTimeout();
  }
}

class WriteDeadline extends Deadline {
  readonly #connection: Http1ServerConnection;

  constructor(connection: Http1ServerConnection) {
    super();
    this.#connection = connection;
  }

  onExpired(): void {
    this.#connection.destroy();
  }
}

/** What a request line holds beside the target: method, blanks and version. */
const MAX_REQUEST_LINE_REST = 64;

const HEAD_TOO_LARGE: ParseProblem = { code: 'headers_too_large', message: 'the head of the request is too large' };
const URI_TOO_LONG: ParseProblem = { code: 'uri_too_long', message: 'the request target is too long' };
const NOT_HTTP: ParseProblem = {
  code: 'bad_request',
  message: 'this is not HTTP/1.1, or a line does not end in CR LF',
};
