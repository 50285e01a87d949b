// An HTTP/2 connection to an endpoint, for many requests at the same time. It counts as connected when the endpoint has sent its SETTINGS
// and acknowledged ours: before that no request is sent, so that ours are bound by the one and the endpoint by the other.
import { connect, constants } from 'node:http2';
import type { ClientHttp2Session, ClientSessionOptions, Http2Stream, Settings } from 'node:http2';
import type { Socket } from 'node:net';
import type { Deadline } from '../../../lib/timeout-queue.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { ProxyErrorCode } from '../../proxy-error.ts';
import { ConnectionDeadline } from '../connection-deadline.ts';
import type { ClientTimeouts } from '../http1/client-connection.ts';
import { Http2ClientStream, isProtocolError } from './client-stream.ts';
import type { StreamOwner } from './client-stream.ts';
import { nativeSession } from './release-order.ts';
import { cancel } from './reset.ts';

/** The pool that a session belongs to. */
export interface SessionOwner {
  /** The session takes its first streams. */
  onReady(session: Http2ClientSession): void;
  onStreamClosed(session: Http2ClientSession): void;
  /** The endpoint allows more streams than before. */
  onRoom(session: Http2ClientSession): void;
  /** The session takes no more streams and closes when the last has ended. */
  onDraining(session: Http2ClientSession): void;
  /** `session.streams` still tells how many it takes along. `failure`: why it never became ready. */
  onSessionClosed(session: Http2ClientSession, failure: ProxyError | undefined): void;
  /** Something threw where nothing may. */
  onDefect(error: unknown): void;
}

const STREAM_WINDOW_BYTES: number = 64 * 1024;
const CONNECTION_WINDOW_BYTES: number = 1024 * 1024;
const MAX_HEAD_BYTES: number = 64 * 1024;

const OPTIONS: ClientSessionOptions & { readonly strictSingleValueFields: boolean } = {
  settings: {
    enablePush: false,
    initialWindowSize: STREAM_WINDOW_BYTES,
    maxHeaderListSize: MAX_HEAD_BYTES,
  },
  maxHeaderListPairs: 512,
  maxReservedRemoteStreams: 0,
  /** Of a head that we send, by nghttp2's estimate; ours are bounded where they are read. */
  maxSendHeaderBlockLength: 256 * 1024,
  // A field that a client repeated is for the endpoint to judge.
  strictSingleValueFields: false,
};

type State = 'connecting' | 'ready' | 'draining' | 'closed';

export class Http2ClientSession implements StreamOwner {
  readonly http2: ClientHttp2Session;
  readonly scheme: 'http' | 'https';
  readonly native: unknown;

  readonly #socket: Socket;
  readonly #timeouts: ClientTimeouts;
  readonly #owner: SessionOwner;
  readonly #streams = new Set<Http2ClientStream>();
  /** For getting ready, then for being idle. */
  readonly #deadline: ConnectionDeadline;
  readonly #pingDeadline: ConnectionDeadline;
  #state: State = 'connecting';
  #maxStreams: number;
  /** The endpoint's SETTINGS_MAX_CONCURRENT_STREAMS; 0 before they came. */
  #peerMaxStreams = 0;
  #allowsExtendedConnect = false;
  #isAcknowledged = false;
  #hasCompleted = false;
  #flushing: Http2ClientStream[] = [];

  /** @param socket connected; over TLS, with `h2` settled. */
  constructor(
    socket: Socket,
    scheme: 'http' | 'https',
    maxStreams: number,
    timeouts: ClientTimeouts,
    owner: SessionOwner,
  ) {
    this.#socket = socket;
    this.scheme = scheme;
    this.#maxStreams = maxStreams;
    this.#timeouts = timeouts;
    this.#owner = owner;
    this.#deadline = new ConnectionDeadline(() => this.#onTimeout());
    this.#pingDeadline = new ConnectionDeadline(() => this.drain());
    timeouts.connect.arm(this.#deadline);
    // Before Node's own listeners, which would end the streams without saying why.
    for (const event of ['end', 'close'])
      socket.on(event, () => this.#guard(() => this.#end('upstream_reset', 'the upstream closed the connection')));
    socket.on('error', (error) => this.#guard(() => this.#end('upstream_reset', error.message)));
    this.http2 = connect(`${scheme}://upstream.invalid`, { ...OPTIONS, createConnection: () => socket });
    this.native = nativeSession(this.http2);
    this.http2.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    this.#listen(this.http2);
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Streams that it may have at the same time. */
  get limit(): number {
    return Math.min(this.#maxStreams, this.#peerMaxStreams);
  }

  get hasRoom(): boolean {
    return this.#state === 'ready' && this.#streams.size < this.limit && !this.http2.closed && !this.http2.destroyed;
  }

  get isDraining(): boolean {
    return this.#state === 'draining';
  }

  /** Whether a WebSocket can be opened on it (RFC 8441). */
  get allowsExtendedConnect(): boolean {
    return this.#allowsExtendedConnect;
  }

  /** Only where there is room. */
  open(): Http2ClientStream {
    this.#deadline.disarm();
    const stream = new Http2ClientStream(this, this.#hasCompleted);
    this.#streams.add(stream);
    return stream;
  }

  /** Takes no more streams, and closes when the last has ended. */
  drain(): void {
    if (this.#state !== 'ready') return;
    this.#state = 'draining';
    this.#owner.onDraining(this);
    if (this.#streams.size === 0) this.destroy();
  }

  /** Ends everything at once. Handlers are not called any more. */
  destroy(): void {
    this.#end(undefined, '');
  }

  armWriteStall(stream: Deadline): void {
    this.#timeouts.writeStall.arm(stream);
  }

  scheduleFlush(stream: Http2ClientStream): void {
    if (this.#flushing.push(stream) === 1) setImmediate(() => this.#flush());
  }

  onStreamClosed(stream: Http2ClientStream, isRefused: boolean): void {
    if (!this.#streams.delete(stream) || this.#state === 'closed') return;
    if (isRefused) this.#onRefused();
    else this.#hasCompleted = true;
    this.#owner.onStreamClosed(this);
    if (this.#streams.size > 0) return;
    if (this.#state === 'draining') this.destroy();
    else if (this.#state === 'ready') this.#timeouts.idle.arm(this.#deadline);
  }

  /** Asks whether the endpoint is there at all: a connection that was lost without a word would swallow one request after the other. */
  onUnanswered(): void {
    if (this.#pingDeadline.queue !== undefined || this.#state === 'closed' || this.http2.destroyed) return;
    this.#timeouts.connect.arm(this.#pingDeadline);
    this.http2.ping(() => this.#pingDeadline.disarm());
  }

  onDefect(error: unknown): void {
    this.#owner.onDefect(error);
  }

  #listen(http2: ClientHttp2Session): void {
    // An endpoint may open none; an error of one that nobody listened to would end the process.
    http2.on('stream', (stream: Http2Stream) => {
      stream.on('error', () => {});
      cancel(stream);
    });
    http2.on('remoteSettings', (settings) => this.#guard(() => this.#onSettings(settings)));
    http2.on('localSettings', () => {
      this.#isAcknowledged = true;
      this.#guard(() => this.#becomeReady());
    });
    http2.on('goaway', (code, lastStreamId) => this.#guard(() => this.#onGoaway(code, lastStreamId)));
    http2.on('error', (error) =>
      this.#guard(() =>
        this.#end(isProtocolError(error) ? 'upstream_protocol_error' : 'upstream_reset', error.message),
      ),
    );
    http2.on('close', () => this.#guard(() => this.#end('upstream_reset', 'the connection was closed')));
  }

  #onSettings({ maxConcurrentStreams, enableConnectProtocol }: Settings): void {
    const before = this.limit;
    this.#peerMaxStreams = maxConcurrentStreams ?? Infinity;
    this.#allowsExtendedConnect = enableConnectProtocol === true;
    if (this.#state === 'connecting') this.#becomeReady();
    else if (this.limit > before) this.#owner.onRoom(this);
  }

  #becomeReady(): void {
    if (this.#state !== 'connecting' || !this.#isAcknowledged || this.#peerMaxStreams === 0) return;
    this.#state = 'ready';
    this.#timeouts.idle.arm(this.#deadline);
    this.#owner.onReady(this);
  }

  /** The endpoint takes fewer streams than it said: from now on no more than it has taken. */
  #onRefused(): void {
    if (this.#streams.size === 0) this.#state = 'draining';
    else this.#maxStreams = Math.min(this.#maxStreams, this.#streams.size);
  }

  #onGoaway(code: number, lastStreamId: number): void {
    if (this.#state === 'connecting') {
      this.#end('upstream_connect_failed', `the upstream sent GOAWAY with code ${code} at once`);
      return;
    }
    this.drain();
    for (const stream of this.#streams)
      if (stream.id !== undefined && stream.id > lastStreamId)
        stream.fail('upstream_refused', 'the upstream is closing the connection');
    if (code !== constants.NGHTTP2_NO_ERROR) this.#end('upstream_reset', `the upstream sent GOAWAY with code ${code}`);
  }

  #onTimeout(): void {
    if (this.#state === 'connecting')
      this.#end('upstream_connect_timeout', 'the upstream did not settle HTTP/2 in time');
    else this.destroy();
  }

  #flush(): void {
    const flushing = this.#flushing;
    this.#flushing = [];
    for (const stream of flushing) this.#guard(() => stream.onFlush());
  }

  /** @param code undefined where we wanted it. */
  #end(code: ProxyErrorCode | undefined, message: string): void {
    if (this.#state === 'closed') return;
    const isConnectFailure = this.#state === 'connecting' && code !== undefined;
    this.#state = 'closed';
    this.#deadline.disarm();
    this.#pingDeadline.disarm();
    this.#owner.onSessionClosed(this, isConnectFailure ? connectError(code, message) : undefined);
    for (const stream of this.#streams) {
      if (code === undefined) stream.destroy();
      else stream.fail(code, message);
    }
    this.#streams.clear();
    this.http2.destroy();
    // Node would wait for the endpoint to close its side.
    setImmediate(() => this.#socket.destroy());
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.onDefect(error);
    }
  }
}

function connectError(code: ProxyErrorCode, message: string): ProxyError {
  const isTimeout = code === 'upstream_connect_timeout';
  return new ProxyError(isTimeout ? code : 'upstream_connect_failed', 'upstream', message, true);
}
