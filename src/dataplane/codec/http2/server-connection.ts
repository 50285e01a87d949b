// A client's HTTP/2 connection: a session of node:http2 and the Exchanges that its streams become. Nothing that a client sends, or does
// not send, keeps it open for ever: while no stream is open a deadline runs, and each open stream is bounded by its own.
import { constants } from 'node:http2';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Deadline } from '../../../lib/timeout-queue.ts';
import type { TimeoutQueue } from '../../../lib/timeout-queue.ts';
import type { DownstreamInfo } from '../../exchange.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { ProxyErrorCode } from '../../proxy-error.ts';
import type { ExchangeTaker } from '../http1/server-settings.ts';
import { nativeSession } from './release-order.ts';
import { Http2Exchange } from './server-exchange.ts';
import type { StreamConnection } from './server-exchange.ts';
import { Http2RequestHeadParser } from './server-request-head.ts';
import {
  CONTROL_FRAME_INTERVAL_MS,
  EARLY_RESET_AGE_MS,
  EARLY_RESET_INTERVAL_MS,
  MAX_CONTROL_FRAMES,
  MAX_EARLY_RESETS,
} from './server-settings.ts';
import type { Http2ServerSettings } from './server-settings.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM } = constants;

/**
 * Younger connections are not told to go while the gateway drains: a client whose balancer has not noticed yet is sent here again, and what
 * it repeats on the new connection would be turned away once more.
 */
const MIN_AGE_MS = 1_000;

/** preface: the client has said nothing yet · open · draining: the next request is the last · closing: GOAWAY went out · closed */
type State = 'preface' | 'open' | 'draining' | 'closing' | 'closed';

/** As a Deadline it is the one that runs while no stream is open. */
export class Http2ServerConnection extends Deadline implements StreamConnection {
  readonly scheme: 'http' | 'https';
  readonly downstream: DownstreamInfo;
  readonly settings: Http2ServerSettings;
  readonly native: unknown;

  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #taker: ExchangeTaker;
  readonly #parser: Http2RequestHeadParser;
  readonly #openedAtMs = performance.now();
  #state: State = 'preface';
  #openStreams = 0;
  #idleSinceMs = performance.now();
  #requests = 0;
  /** PING and SETTINGS since `#countedSinceMs`. */
  #controlFrames = 0;
  #countedSinceMs = 0;
  /** Since `#resetsSinceMs`. */
  #earlyResets = 0;
  #resetsSinceMs = 0;

  constructor(
    socket: Socket,
    session: ServerHttp2Session,
    scheme: 'http' | 'https',
    downstream: DownstreamInfo,
    settings: Http2ServerSettings,
    taker: ExchangeTaker,
  ) {
    super();
    this.#socket = socket;
    this.#session = session;
    this.native = nativeSession(session);
    this.scheme = scheme;
    this.downstream = downstream;
    this.settings = settings;
    this.#taker = taker;
    this.#parser = new Http2RequestHeadParser(settings.limits);
    session.setLocalWindowSize(settings.limits.connectionWindowBytes);
    session.on('stream', (stream, _fields, flags, raw) => this.#onStream(stream, flags, raw));
    session.on('remoteSettings', () => this.#onSettings());
    session.on('ping', () => this.#onControlFrame());
    // The close that follows is what matters; without a listener the process would end.
    session.on('error', (error) => this.#onSessionError(error));
    session.on('close', () => this.#onClose());
    // A client that closes its side no longer wants an answer, as with HTTP/1.1.
    socket.on('end', () => socket.destroy());
    // Our FIN went out: the client has a moment to send its own.
    socket.on('finish', () => this.#wait(settings.timeouts.linger));
    this.#wait(settings.timeouts.head);
  }

  get idleSinceMs(): number | undefined {
    return this.isIdle ? this.#idleSinceMs : undefined;
  }

  /** No request is being served: closing loses nothing. */
  get isIdle(): boolean {
    return this.#openStreams === 0;
  }

  /**
   * Serves what is open, then closes. A GOAWAY names the last stream that is served, and a request that is on its way crosses it: so it goes
   * out while one is served, when most clients wait for the answer, and an idle connection waits a moment for the next one. The two
   * GOAWAY of RFC 9113 section 6.8 can't be had: after `session.goaway` node:http2 drops new streams in silence, whatever id it names, and
   * writing the frame to the socket of a session aborts the process.
   */
  drain(): void {
    if (this.#state === 'preface') this.destroy();
    if (this.#state !== 'open') return;
    if (this.#openStreams > 0) {
      this.#close();
    } else {
      this.#state = 'draining';
      this.#wait(this.settings.timeouts.linger);
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** While nothing is open: closes at first in order, then for good. */
  onExpired(): void {
    if (this.#state === 'open' || this.#state === 'draining') this.#close();
    else this.destroy();
  }

  onProgress(): void {
    this.#controlFrames = 0;
  }

  onStreamClosed(): void {
    if (--this.#openStreams > 0) return;
    this.#idleSinceMs = performance.now();
    const { keepAliveIdle, writeStall } = this.settings.timeouts;
    this.#wait(this.#state === 'closing' ? writeStall : keepAliveIdle);
  }

  onClientReset(ageMs: number): void {
    if (ageMs > EARLY_RESET_AGE_MS) return;
    const nowMs = performance.now();
    if (nowMs - this.#resetsSinceMs > EARLY_RESET_INTERVAL_MS) {
      this.#resetsSinceMs = nowMs;
      this.#earlyResets = 0;
    }
    if (++this.#earlyResets > MAX_EARLY_RESETS) this.#calm('a flood of streams that are reset');
  }

  onProtocolError(code: ProxyErrorCode): void {
    this.#taker.onProtocolError(code);
  }

  onDefect(error: unknown): void {
    this.#taker.onDefect(error);
    this.destroy();
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    try {
      if (stream.destroyed) return;
      this.#openStreams++;
      this.#requests++;
      this.disarm();
      this.onProgress();
      this.#serve(stream, (flags & NGHTTP2_FLAG_END_STREAM) !== 0, raw);
      // What came along with this request is served as well: a GOAWAY before it would send it away.
      if (!this.#allowsAnotherRequest()) setImmediate(() => this.#close());
    } catch (error) {
      this.onDefect(error);
    }
  }

  #serve(stream: ServerHttp2Stream, endsWithHead: boolean, raw: readonly string[]): void {
    const problem = this.#parser.parse(raw, endsWithHead);
    const exchange = new Http2Exchange(this, stream, this.#parser, endsWithHead);
    if (problem === undefined) {
      this.#taker.onExchange(exchange);
      exchange.start();
    } else {
      this.#taker.onProtocolError(problem.code);
      this.#taker.onInvalidRequest(exchange, new ProxyError(problem.code, 'downstream', problem.message));
    }
  }

  #allowsAnotherRequest(): boolean {
    const { maxRequestsPerConnection } = this.settings.limits;
    return (
      this.#state !== 'draining' &&
      !(this.settings.isDraining() && performance.now() - this.#openedAtMs > MIN_AGE_MS) &&
      (maxRequestsPerConnection === 0 || this.#requests < maxRequestsPerConnection)
    );
  }

  #onSettings(): void {
    if (this.#state === 'preface') {
      this.#state = 'open';
      if (this.#openStreams === 0) this.#wait(this.settings.timeouts.keepAliveIdle);
    }
    this.#onControlFrame();
  }

  #onControlFrame(): void {
    const nowMs = performance.now();
    if (nowMs - this.#countedSinceMs > CONTROL_FRAME_INTERVAL_MS) {
      this.#countedSinceMs = nowMs;
      this.#controlFrames = 0;
    }
    if (++this.#controlFrames > MAX_CONTROL_FRAMES) this.#calm('a flood of control frames');
  }

  /** The client does what only an attacker does. */
  #calm(why: string): void {
    if (this.#session.destroyed) return;
    this.#wait(this.settings.timeouts.linger);
    this.#state = 'closing';
    this.#taker.onProtocolError('bad_request');
    this.#session.destroy(new Error(why), NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Announces that no further stream is served; the session closes with the last one that is. */
  #close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    if (this.#openStreams === 0) this.#wait(this.settings.timeouts.writeStall);
    this.#session.close();
  }

  #wait(queue: TimeoutQueue): void {
    if (this.#state !== 'closed') queue.arm(this);
  }

  #onSessionError(error: Error): void {
    if ('code' in error && BREACHES.has(error.code)) this.#taker.onProtocolError('bad_request');
  }

  #onClose(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.disarm();
    this.#taker.onConnectionClosed();
  }
}

/** Codes of errors by which node:http2 says that the client broke the protocol; others say that the connection broke. */
const BREACHES: ReadonlySet<unknown> = new Set(['ERR_HTTP2_ERROR', 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES']);
