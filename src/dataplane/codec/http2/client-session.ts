// An HTTP/2 connection to an endpoint, for many requests at the same time. It counts as connected when the endpoint has sent its SETTINGS
// and acknowledged ours: before that no request is sent, so that ours are bound by the one and the endpoint by the other.
import type { Socket } from 'node:net';
import type { Deadline } from '../../../lib/timeout-queue.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { ProxyErrorCode } from '../../proxy-error.ts';
import type { UpstreamHandler } from '../../upstream-stream.ts';
import { ConnectionDeadline } from '../connection-deadline.ts';
import type { ClientTimeouts } from '../http1/client-connection.ts';
import type { ReadReceiver, SocketReader } from '../socket-reader.ts';
import { MAX_HEADER_COUNT } from './client-fields.ts';
import { Http2ClientStream } from './client-stream.ts';
import type { StreamOwner } from './client-stream.ts';
import { ERROR, MAX_WINDOW_BYTES, SETTING } from './frame.ts';
import type { SessionMemory } from './session-memory.ts';
import { PREFACE } from './preface.ts';
import { FrameSession } from './session.ts';
import type { SessionOptions, SessionOwner as FrameSessionOwner } from './session-owner.ts';
import type { FrameStream, StreamReceiver } from './stream.ts';

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
const MAX_HEAD_BYTES: number = 64 * 1024;

type State = 'connecting' | 'ready' | 'draining' | 'closed';

export class Http2ClientSession implements StreamOwner, FrameSessionOwner, ReadReceiver {
  readonly scheme: 'http' | 'https';

  readonly #socket: Socket;
  readonly #session: FrameSession;
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
  #isAcknowledged = false;
  #hasCompleted = false;
  /** Those who got something of what is being read. */
  #touched: UpstreamHandler[] = [];

  /**
   * @param socket connected; over TLS, with `h2` settled.
   * @param reader what the socket reads with.
   */
  constructor(
    socket: Socket,
    reader: SocketReader,
    scheme: 'http' | 'https',
    maxStreams: number,
    timeouts: ClientTimeouts,
    memory: SessionMemory,
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
    socket.on('end', () => {
      this.#guard(() => this.#end('upstream_reset', 'the upstream closed the connection'));
      socket.destroy();
    });
    socket.on('close', () => {
      this.#guard(() => this.#end('upstream_reset', 'the upstream closed the connection'));
      this.#deadline.disarm();
    });
    socket.on('error', (error) => this.#guard(() => this.#end('upstream_reset', error.message)));
    socket.on('drain', () => this.#guard(() => this.#session.drained()));
    socket.write(PREFACE);
    this.#session = new FrameSession(socket, sessionOptions(maxStreams, memory), this);
    reader.receiver = this;
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
    return this.#state === 'ready' && this.#streams.size < this.limit && this.#session.canOpen;
  }

  get isDraining(): boolean {
    return this.#state === 'draining';
  }

  /** Whether a WebSocket can be opened on it (RFC 8441). */
  get allowsExtendedConnect(): boolean {
    return this.#session.peer.allowsExtendedConnect;
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

  /** From the socket. */
  onRead(chunk: Buffer): boolean {
    let isHeld = false;
    this.#guard(() => {
      this.#session.read(chunk);
      const touched = this.#touched;
      if (touched.length === 0) return;
      this.#touched = [];
      for (const handler of touched) {
        handler.onResponseFlush();
        isHeld ||= handler.holdsChunks;
      }
    });
    return isHeld;
  }

  // — for streams —

  openStream(receiver: StreamReceiver): FrameStream {
    return this.#session.open(receiver);
  }

  armWriteStall(stream: Deadline): void {
    this.#timeouts.writeStall.arm(stream);
  }

  touch(handler: UpstreamHandler): void {
    if (this.#touched.at(-1) !== handler) this.#touched.push(handler);
  }

  release(stream: Http2ClientStream, isRefused: boolean): void {
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
    if (this.#pingDeadline.queue !== undefined || this.#state === 'closed') return;
    this.#timeouts.connect.arm(this.#pingDeadline);
    this.#session.ping();
  }

  // — from the session —

  onPong(): void {
    this.#pingDeadline.disarm();
  }

  /** A client opens all streams. */
  onRequest(): void {}

  /** Whose stream it is says so. */
  onStreamClosed(): void {}

  onPartialHead(): void {}

  onSettings(): void {
    const before = this.#peerMaxStreams;
    this.#peerMaxStreams = this.#session.peer.maxConcurrentStreams;
    if (this.#state === 'connecting') this.#becomeReady();
    else if (this.#peerMaxStreams > before) this.#owner.onRoom(this);
  }

  onSettingsAcknowledged(): void {
    this.#isAcknowledged = true;
    this.#becomeReady();
  }

  onGoaway(lastStreamId: number, code: number): void {
    if (this.#state === 'connecting') {
      this.#end('upstream_connect_failed', `the upstream sent GOAWAY with code ${code} at once`);
      return;
    }
    this.drain();
    for (const stream of this.#streams)
      if (stream.id !== undefined && stream.id > lastStreamId)
        stream.fail('upstream_refused', 'the upstream is closing the connection');
    if (code !== ERROR.none) this.#end('upstream_reset', `the upstream sent GOAWAY with code ${code}`);
  }

  onBreach(message: string): void {
    this.#end('upstream_protocol_error', message);
  }

  #becomeReady(): void {
    if (this.#state !== 'connecting' || !this.#isAcknowledged || this.limit === 0) return;
    this.#state = 'ready';
    this.#timeouts.idle.arm(this.#deadline);
    this.#owner.onReady(this);
  }

  /** The endpoint takes fewer streams than it said: from now on no more than it has taken. */
  #onRefused(): void {
    if (this.#streams.size === 0) this.#state = 'draining';
    else this.#maxStreams = Math.min(this.#maxStreams, this.#streams.size);
  }

  #onTimeout(): void {
    if (this.#state === 'connecting')
      this.#end('upstream_connect_timeout', 'the upstream did not settle HTTP/2 in time');
    else if (this.#state === 'closed') this.#socket.destroy();
    else this.destroy();
  }

  /** In order; the endpoint has a moment to close its side. */
  #close(): void {
    this.#socket.end();
    if (!this.#socket.destroyed) this.#timeouts.connect.arm(this.#deadline);
  }

  /** @param code undefined where we wanted it. */
  #end(code: ProxyErrorCode | undefined, message: string): void {
    if (this.#state === 'closed') return;
    const isConnectFailure = this.#state === 'connecting' && code !== undefined;
    this.#state = 'closed';
    this.#deadline.disarm();
    this.#pingDeadline.disarm();
    if (code === undefined) this.#session.goaway(0, ERROR.none);
    this.#session.stop();
    this.#session.output.flush();
    this.#owner.onSessionClosed(this, isConnectFailure ? connectError(code, message) : undefined);
    for (const stream of this.#streams) {
      if (code === undefined) stream.destroy();
      else stream.fail(code, message);
    }
    this.#streams.clear();
    if (code === undefined) this.#close();
    else this.#socket.destroy();
  }

  /** A defect ends one connection, not the process. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#owner.onDefect(error);
      this.#end('upstream_protocol_error', 'the exchange with the upstream could not be handled');
    }
  }
}

function sessionOptions(maxStreams: number, memory: SessionMemory): SessionOptions {
  return {
    isServer: false,
    memory,
    maxConcurrentStreams: 0,
    streamWindowBytes: STREAM_WINDOW_BYTES,
    // As long as some stream may go on, so may the connection: whoever does not read an answer keeps nobody from another.
    connectionWindowBytes: Math.min(maxStreams * STREAM_WINDOW_BYTES, MAX_WINDOW_BYTES),
    maxFieldCount: MAX_HEADER_COUNT + 1,
    maxFieldBytes: MAX_HEAD_BYTES,
    settings: [
      [SETTING.enablePush, 0],
      [SETTING.maxHeaderListSize, MAX_HEAD_BYTES],
    ],
  };
}

function connectError(code: ProxyErrorCode, message: string): ProxyError {
  const isTimeout = code === 'upstream_connect_timeout';
  return new ProxyError(isTimeout ? code : 'upstream_connect_failed', 'upstream', message, true);
}
