// A client's HTTP/2 connection: a session and the Exchanges that its streams become. Nothing that a client sends, or does not send, keeps
// it open for ever: while no stream is open a deadline runs, and each open stream is bounded by its own.
import type { Socket } from 'node:net';
import { Deadline } from '../../../lib/timeout-queue.ts';
import type { TimeoutQueue } from '../../../lib/timeout-queue.ts';
import type { DownstreamInfo } from '../../exchange.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { ProxyErrorCode } from '../../proxy-error.ts';
import type { ExchangeTaker } from '../http1/server-settings.ts';
import { ConnectionDeadline } from '../connection-deadline.ts';
import { ERROR, MAX_STREAM_ID } from './frame.ts';
import { PREFACE } from './preface.ts';
import { Http2Exchange } from './server-exchange.ts';
import type { StreamConnection } from './server-exchange.ts';
import { Http2RequestHeadParser } from './server-request-head.ts';
import { sessionOptions } from './server-settings.ts';
import type { Http2ServerSettings } from './server-settings.ts';
import { FrameSession } from './session.ts';
import type { SessionOwner } from './session-owner.ts';
import type { FrameStream } from './stream.ts';

/**
 * Younger connections are not told to go while the gateway drains: a client whose balancer has not noticed yet is sent here again, and what
 * it repeats on the new connection would be turned away once more.
 */
const MIN_AGE_MS = 1_000;

/**
 * preface: the client has not said all of it yet · open · draining: the client was told to open no more streams, those that it opens before
 * it knows are served · closing: no further stream is served · closed
 */
type State = 'preface' | 'open' | 'draining' | 'closing' | 'closed';

/** As a Deadline it is the one that runs while no stream is open. */
export class Http2ServerConnection extends Deadline implements StreamConnection, SessionOwner {
  readonly scheme: 'http' | 'https';
  readonly downstream: DownstreamInfo;
  readonly settings: Http2ServerSettings;

  readonly #socket: Socket;
  readonly #session: FrameSession;
  readonly #taker: ExchangeTaker;
  readonly #parser: Http2RequestHeadParser;
  readonly #openedAtMs = performance.now();
  /** For the client to have heard that it should open no more streams. */
  readonly #drainDeadline = new ConnectionDeadline(() => this.#close());
  #state: State = 'preface';
  #preface: Buffer = NOTHING;
  #idleSinceMs: number = this.#openedAtMs;
  #requests = 0;

  /** @param socket open, nobody else's from here on; a TLS socket has agreed on h2. */
  constructor(
    socket: Socket,
    scheme: 'http' | 'https',
    downstream: DownstreamInfo,
    settings: Http2ServerSettings,
    taker: ExchangeTaker,
  ) {
    super();
    this.#socket = socket;
    this.scheme = scheme;
    this.downstream = downstream;
    this.settings = settings;
    this.#taker = taker;
    this.#parser = new Http2RequestHeadParser(settings.limits);
    this.#session = new FrameSession(socket, sessionOptions(settings), this);
    socket.on('data', (chunk: Buffer) => this.#guard(() => this.#onData(chunk)));
    socket.on('drain', () => this.#guard(() => this.#session.drained()));
    // A client that closes its side no longer wants an answer, as with HTTP/1.1.
    socket.on('end', () => socket.destroy());
    // The reason is in the close that follows; without a listener the process would end.
    socket.on('error', () => {});
    socket.on('close', () => this.#guard(() => this.#onClose()));
    this.#wait(settings.timeouts.head);
  }

  /** No request is being served: closing loses nothing. */
  get isIdle(): boolean {
    return this.#session.streams.size === 0;
  }

  get idleSinceMs(): number | undefined {
    return this.isIdle ? this.#idleSinceMs : undefined;
  }

  /**
   * Serves what is open and what is on its way, then closes: a first GOAWAY says that no more streams should be opened, and a second one,
   * when the client must have heard, which was the last (RFC 9113 section 6.8).
   */
  drain(): void {
    if (this.#state === 'preface') this.destroy();
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#session.goaway(MAX_STREAM_ID, ERROR.none);
    this.#session.ping();
    this.settings.timeouts.linger.arm(this.#drainDeadline);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** While nothing is open: closes at first in order, then for good. */
  onExpired(): void {
    if (this.#state === 'open' || this.#state === 'draining') this.#close();
    else this.destroy();
  }

  onDefect(error: unknown): void {
    this.#taker.onDefect(error);
    this.destroy();
  }

  onProtocolError(code: ProxyErrorCode): void {
    this.#taker.onProtocolError(code);
  }

  // — from the session —

  onRequest(stream: FrameStream, fields: string[], isTooLarge: boolean, endsStream: boolean): void {
    this.disarm();
    this.#requests++;
    if (isTooLarge) {
      this.#refuse(stream, ERROR.enhanceYourCalm);
      return;
    }
    const problem = this.#parser.parse(fields, endsStream);
    if (problem?.isMalformed === true) {
      this.#refuse(stream, ERROR.protocol);
      return;
    }
    const exchange = new Http2Exchange(this, stream, this.#parser, endsStream);
    if (problem === undefined) {
      this.#taker.onExchange(exchange);
      exchange.start();
    } else {
      this.#taker.onProtocolError(problem.code);
      this.#taker.onInvalidRequest(exchange, new ProxyError(problem.code, 'downstream', problem.message));
    }
    if (!this.#allowsAnotherRequest()) this.drain();
  }

  /** The client did not say what it wants, or too much of it. */
  #refuse(stream: FrameStream, code: number): void {
    this.#taker.onProtocolError('bad_request');
    stream.breakOff(code, 'the request is malformed');
  }

  onPartialHead(): void {
    if (this.queue === undefined) this.#wait(this.settings.timeouts.head);
  }

  onSettings(): void {
    if (this.#state !== 'preface') return;
    this.#state = 'open';
    this.#wait(this.settings.timeouts.keepAliveIdle);
  }

  onSettingsAcknowledged(): void {}

  /** Of a client it means that it will open no more streams: it says so by closing, too. */
  onGoaway(): void {}

  onPong(): void {
    if (this.#state === 'draining') this.#close();
  }

  onStreamClosed(): void {
    if (!this.isIdle) return;
    this.#idleSinceMs = performance.now();
    if (this.#state === 'closing') this.#end();
    else if (this.#state !== 'closed') this.#wait(this.settings.timeouts.keepAliveIdle);
  }

  onBreach(): void {
    this.#state = 'closing';
    this.#taker.onProtocolError('bad_request');
    // It may go on for ever.
    this.#socket.destroySoon();
    this.#wait(this.settings.timeouts.linger);
    // Whoever waits for them must not.
    for (const stream of this.#session.streams.values()) stream.receiveReset(ERROR.cancel);
  }

  // — the socket —

  #onData(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#preface.length < PREFACE.length) {
      const missing = PREFACE.length - this.#preface.length;
      this.#preface = Buffer.concat([this.#preface, chunk.subarray(0, missing)]);
      if (PREFACE.compare(this.#preface, 0, this.#preface.length, 0, this.#preface.length) !== 0) {
        this.#session.breach(ERROR.protocol, 'the connection does not begin with the preface of HTTP/2');
        return;
      }
      bytes = chunk.subarray(missing);
    }
    this.#session.read(bytes);
    if (!this.#session.isInHead && !this.isIdle) this.disarm();
  }

  #onClose(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.disarm();
    this.#drainDeadline.disarm();
    this.#session.stop();
    for (const stream of this.#session.streams.values()) stream.receiveReset(ERROR.cancel);
    this.#taker.onConnectionClosed();
  }

  #allowsAnotherRequest(): boolean {
    const { maxRequestsPerConnection } = this.settings.limits;
    return (
      !(this.settings.isDraining() && performance.now() - this.#openedAtMs > MIN_AGE_MS) &&
      (maxRequestsPerConnection === 0 || this.#requests < maxRequestsPerConnection)
    );
  }

  /** Announces that no further stream is served; the connection closes with the last one that is. */
  #close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    this.#drainDeadline.disarm();
    this.#session.goaway(this.#session.lastPeerStreamId, ERROR.none);
    if (this.isIdle) this.#end();
  }

  /** The client has a moment to take what was sent and to close its side. */
  #end(): void {
    if (this.#socket.writableEnded) return;
    this.#session.output.flush();
    this.#socket.end();
    this.#wait(this.settings.timeouts.linger);
  }

  #wait(queue: TimeoutQueue): void {
    if (this.#state !== 'closed') queue.arm(this);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.onDefect(error);
    }
  }
}

const NOTHING: Buffer = Buffer.alloc(0);
