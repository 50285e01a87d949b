// HTTP/1.1 connections to one endpoint: the most recently used one is used first, so that the rest grow old and close. Open connections
// and waiting requests are bounded.
import type { Socket } from 'node:net';
import { Http1ClientConnection } from '../../codec/http1/client-connection.ts';
import type { ConnectionOwner } from '../../codec/http1/client-connection.ts';
import { SocketReader } from '../../codec/socket-reader.ts';
import { PendingQueue } from './pending-queue.ts';
import { overflow } from './pool.ts';
import type { Pool, PoolSettings, PoolWaiter } from './pool.ts';

/** A promised keep-alive time is believed up to this much before its end. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

export class Http1Pool implements Pool, ConnectionOwner {
  readonly #settings: PoolSettings;
  readonly #connections = new Set<Http1ClientConnection>();
  readonly #idle: Http1ClientConnection[] = [];
  readonly #pending: PendingQueue;
  #isRetired = false;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#pending = new PendingQueue(settings.metrics.pendingRequests);
  }

  get size(): number {
    return this.#connections.size;
  }

  /** @param needsFresh after a used connection turned out to be closed: those that are idle may be as well, and are given up. */
  acquire(waiter: PoolWaiter, needsFresh: boolean): void {
    const { maxConnections, maxPendingRequests } = this.#settings;
    if (needsFresh) this.#closeIdle();
    const connection = this.#takeIdle();
    if (connection !== undefined) waiter.onStream(connection);
    else if (this.#connections.size < maxConnections) this.#connect(waiter);
    else if (this.#pending.size < maxPendingRequests) this.#pending.add(waiter);
    else overflow(waiter, this.#settings);
  }

  cancel(waiter: PoolWaiter): void {
    this.#pending.delete(waiter);
  }

  retire(): void {
    this.#isRetired = true;
    this.#closeIdle();
  }

  destroy(): void {
    this.#isRetired = true;
    for (const connection of this.#connections) connection.destroy();
  }

  /**
   * @param socket connected and counted as active; over TLS, with anything but `h2` settled.
   * @param waiter gets it at once: a pool that is retired keeps no idle connection.
   */
  adopt(socket: Socket, reader: SocketReader, waiter: PoolWaiter | undefined): void {
    const connection = new Http1ClientConnection(socket, undefined, this.#settings.timeouts, this, reader);
    this.#connections.add(connection);
    if (waiter === undefined) this.onIdle(connection);
    else waiter.onStream(connection);
  }

  onIdle(connection: Http1ClientConnection): void {
    const { metrics, wheel } = this.#settings;
    metrics.activeConnections.dec();
    metrics.idleConnections.inc();
    connection.idleSinceMs = wheel.nowMs;
    this.#idle.push(connection);
    const waiter = this.#pending.size === 0 ? undefined : this.#pending.take();
    if (waiter !== undefined) this.acquire(waiter, false);
    else if (this.#isRetired) connection.destroy();
  }

  onConnectFailed(reason: string): void {
    this.#settings.onConnectFailed(reason);
  }

  onDefect(error: unknown): void {
    this.#settings.onDefect(error);
  }

  onClosed(connection: Http1ClientConnection): void {
    if (!this.#connections.delete(connection)) return;
    const index = this.#idle.lastIndexOf(connection);
    if (index === -1) {
      this.#settings.metrics.activeConnections.dec();
    } else {
      this.#idle.splice(index, 1);
      this.#settings.metrics.idleConnections.dec();
    }
    const waiter = this.#pending.size === 0 ? undefined : this.#pending.take();
    if (waiter !== undefined) this.acquire(waiter, false);
  }

  #closeIdle(): void {
    for (const connection of this.#idle.slice()) connection.destroy();
  }

  #takeIdle(): Http1ClientConnection | undefined {
    const { metrics } = this.#settings;
    for (let connection = this.#idle.at(-1); connection !== undefined; connection = this.#idle.at(-1)) {
      if (connection.isIdle && !this.#isAboutToClose(connection)) {
        this.#idle.pop();
        metrics.idleConnections.dec();
        metrics.activeConnections.inc();
        return connection;
      }
      connection.destroy();
    }
    return undefined;
  }

  /** Using a connection in the moment the upstream closes it would fail a request for nothing. */
  #isAboutToClose({ keepAliveSeconds, idleSinceMs }: Http1ClientConnection): boolean {
    if (keepAliveSeconds === -1) return false;
    return this.#settings.wheel.nowMs - idleSinceMs > keepAliveSeconds * 1_000 - KEEP_ALIVE_MARGIN_MS;
  }

  #connect(waiter: PoolWaiter): void {
    const { dialer, timeouts, metrics } = this.#settings;
    const reader = new SocketReader();
    const socket = dialer.dial(reader.onread, 'http/1.1');
    metrics.connects.inc();
    metrics.activeConnections.inc();
    const connection = new Http1ClientConnection(socket, dialer.readyEvent, timeouts, this, reader);
    this.#connections.add(connection);
    waiter.onStream(connection);
  }
}
