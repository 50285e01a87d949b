// HTTP/2 connections to one endpoint. Requests fill the oldest connection that has room, so that the rest grow idle and close; another is
// made only for requests that those here, and those being made, have no room for. Connections, streams and waiting requests are bounded.
import type { Socket } from 'node:net';
import { asksForWebSocket } from '../../codec/http2/client-fields.ts';
import { Http2ClientSession } from '../../codec/http2/client-session.ts';
import type { SessionOwner } from '../../codec/http2/client-session.ts';
import { SessionMemory } from '../../codec/http2/session-memory.ts';
import type { SocketReader } from '../../codec/socket-reader.ts';
import type { ProxyError } from '../../proxy-error.ts';
import { Handshake } from './handshake.ts';
import type { HandshakeOwner } from './handshake.ts';
import { PendingQueue } from './pending-queue.ts';
import { overflow } from './pool.ts';
import type { Pool, PoolSettings, PoolWaiter } from './pool.ts';

export class Http2Pool implements Pool, SessionOwner, HandshakeOwner {
  readonly #settings: PoolSettings;
  readonly #onUpgradeRefused: (waiter: PoolWaiter) => void;
  readonly #handshakes = new Set<Handshake>();
  /** Those that are not ready yet and those that are draining included; the oldest first. */
  readonly #sessions: Http2ClientSession[] = [];
  readonly #unready = new Set<Http2ClientSession>();
  readonly #idle = new Set<Http2ClientSession>();
  readonly #pending: PendingQueue;
  readonly #memory = new SessionMemory();
  #isRetired = false;
  /** What the latest session allowed. */
  #streamsPerSession: number;

  /** @param onUpgradeRefused gets those who want a WebSocket where the endpoint allows none over HTTP/2. */
  constructor(settings: PoolSettings, onUpgradeRefused: (waiter: PoolWaiter) => void) {
    this.#settings = settings;
    this.#onUpgradeRefused = onUpgradeRefused;
    this.#streamsPerSession = settings.maxStreamsPerConnection;
    this.#pending = new PendingQueue(settings.metrics.pendingRequests);
  }

  get size(): number {
    return this.#handshakes.size + this.#sessions.length;
  }

  acquire(waiter: PoolWaiter): void {
    const session = this.#sessions.find(({ hasRoom }) => hasRoom);
    if (session !== undefined) {
      this.#start(waiter, session);
      return;
    }
    this.#dialFor(this.#pending.size + 1);
    if (this.#pending.size < this.#expectedRoom + this.#settings.maxPendingRequests) this.#pending.add(waiter);
    else overflow(waiter, this.#settings);
  }

  cancel(waiter: PoolWaiter): void {
    this.#pending.delete(waiter);
  }

  retire(): void {
    this.#isRetired = true;
    for (const session of this.#idle) session.destroy();
  }

  destroy(): void {
    this.#isRetired = true;
    for (const handshake of this.#handshakes) handshake.destroy();
    this.#handshakes.clear();
    for (const session of this.#sessions.slice()) session.destroy();
  }

  /** @param socket connected and counted as active; over TLS, with `h2` settled. */
  adopt(socket: Socket, reader: SocketReader): void {
    const { dialer, maxStreamsPerConnection, timeouts } = this.#settings;
    const session = new Http2ClientSession(
      socket,
      reader,
      dialer.scheme,
      maxStreamsPerConnection,
      timeouts,
      this.#memory,
      this,
    );
    this.#sessions.push(session);
    this.#unready.add(session);
  }

  onConnected(handshake: Handshake, socket: Socket, reader: SocketReader): void {
    this.#handshakes.delete(handshake);
    this.adopt(socket, reader);
  }

  onHandshakeFailed(handshake: Handshake, error: ProxyError): void {
    this.#handshakes.delete(handshake);
    this.#onConnectFailed(error);
  }

  onReady(session: Http2ClientSession): void {
    this.#unready.delete(session);
    this.#becomeIdle(session);
    this.#streamsPerSession = session.limit;
    this.onRoom(session);
    this.#dialFor(this.#pending.size);
  }

  onRoom(session: Http2ClientSession): void {
    while (session.hasRoom && this.#pending.size > 0) {
      const waiter = this.#pending.take();
      if (waiter !== undefined) this.#start(waiter, session);
    }
    if (this.#isRetired && this.#idle.has(session)) session.destroy();
  }

  onStreamClosed(session: Http2ClientSession): void {
    this.#settings.metrics.activeStreams.dec();
    if (session.streams === 0) this.#becomeIdle(session);
    this.onRoom(session);
  }

  onDraining(): void {
    this.#dialFor(this.#pending.size);
  }

  onSessionClosed(session: Http2ClientSession, failure: ProxyError | undefined): void {
    const { metrics, onConnectFailed } = this.#settings;
    this.#sessions.splice(this.#sessions.indexOf(session), 1);
    this.#unready.delete(session);
    if (this.#idle.delete(session)) metrics.idleConnections.dec();
    else metrics.activeConnections.dec();
    for (let streams = session.streams; streams > 0; streams--) metrics.activeStreams.dec();
    if (failure === undefined) {
      this.#dialFor(this.#pending.size);
    } else {
      onConnectFailed(failure.message);
      this.#onConnectFailed(failure);
    }
  }

  onDefect(error: unknown): void {
    this.#settings.onDefect(error);
  }

  /** What the connections that are being made will take. */
  get #expectedRoom(): number {
    return (this.#handshakes.size + this.#unready.size) * this.#streamsPerSession;
  }

  #start(waiter: PoolWaiter, session: Http2ClientSession): void {
    if (asksForWebSocket(waiter.upgrade) && !session.allowsExtendedConnect) {
      this.#onUpgradeRefused(waiter);
      return;
    }
    const { metrics } = this.#settings;
    metrics.activeStreams.inc();
    if (this.#idle.delete(session)) {
      metrics.idleConnections.dec();
      metrics.activeConnections.inc();
    }
    waiter.onStream(session.open());
  }

  #becomeIdle(session: Http2ClientSession): void {
    this.#settings.metrics.activeConnections.dec();
    this.#settings.metrics.idleConnections.inc();
    this.#idle.add(session);
  }

  #dialFor(waiters: number): void {
    while (waiters > this.#expectedRoom && this.size < this.#settings.maxConnections)
      this.#handshakes.add(new Handshake(this.#settings, this, 'h2'));
  }

  /** Who waits goes on waiting for as long as a connection is left that may have room for them: this one is not made again at once. */
  #onConnectFailed(error: ProxyError): void {
    if (this.#expectedRoom > 0 || this.#sessions.some(({ isDraining }) => !isDraining)) return;
    for (let count = this.#pending.size; count > 0; count--) this.#pending.take()?.onPoolError(error);
  }
}
