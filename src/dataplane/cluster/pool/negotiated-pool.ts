// Connections to an endpoint whose protocol the TLS handshake settles. The first handshake decides for as long as there are connections of
// what it settled; requests wait for it. An upgrade that HTTP/2 can't carry gets a connection of HTTP/1.1.
import type { Socket } from 'node:net';
import { asksForWebSocket } from '../../codec/http2/client-fields.ts';
import type { SocketReader } from '../../codec/socket-reader.ts';
import type { ProxyError } from '../../proxy-error.ts';
import { settledProtocol } from './dialer.ts';
import { Handshake } from './handshake.ts';
import type { HandshakeOwner } from './handshake.ts';
import { Http1Pool } from './http1-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import { PendingQueue } from './pending-queue.ts';
import { overflow } from './pool.ts';
import type { Pool, PoolSettings, PoolWaiter } from './pool.ts';

export class NegotiatedPool implements Pool, HandshakeOwner {
  readonly #settings: PoolSettings;
  readonly #http1: Http1Pool;
  readonly #http2: Http2Pool;
  readonly #pending: PendingQueue;
  #settled: Http1Pool | Http2Pool | undefined = undefined;
  #handshake: Handshake | undefined = undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#http1 = new Http1Pool(settings);
    this.#http2 = new Http2Pool(settings, (waiter) => this.#http1.acquire(waiter, false));
    this.#pending = new PendingQueue(settings.metrics.pendingRequests);
  }

  get size(): number {
    return this.#http1.size + this.#http2.size + (this.#handshake === undefined ? 0 : 1);
  }

  acquire(waiter: PoolWaiter, needsFresh: boolean): void {
    if (this.#settled?.size === 0) this.#settled = undefined;
    if (this.#settled !== undefined) this.#assign(waiter, this.#settled, needsFresh);
    else if (this.#pending.size < this.#settings.maxPendingRequests + this.#settings.maxConnections) this.#wait(waiter);
    else overflow(waiter, this.#settings);
  }

  cancel(waiter: PoolWaiter): void {
    this.#pending.delete(waiter);
    this.#http1.cancel(waiter);
    this.#http2.cancel(waiter);
  }

  retire(): void {
    this.#http1.retire();
    this.#http2.retire();
  }

  destroy(): void {
    this.#handshake?.destroy();
    this.#handshake = undefined;
    this.#http1.destroy();
    this.#http2.destroy();
  }

  onConnected(_handshake: Handshake, socket: Socket, reader: SocketReader): void {
    this.#handshake = undefined;
    if (settledProtocol(socket) === 'h2') {
      this.#settled = this.#http2;
      this.#http2.adopt(socket, reader);
    } else {
      this.#settled = this.#http1;
      this.#http1.adopt(socket, reader, this.#pending.take());
    }
    for (let count = this.#pending.size; count > 0; count--) {
      const waiter = this.#pending.take();
      if (waiter !== undefined) this.acquire(waiter, false);
    }
  }

  onHandshakeFailed(_handshake: Handshake, error: ProxyError): void {
    this.#handshake = undefined;
    for (let count = this.#pending.size; count > 0; count--) this.#pending.take()?.onPoolError(error);
  }

  #assign(waiter: PoolWaiter, pool: Http1Pool | Http2Pool, needsFresh: boolean): void {
    const isForHttp1 = waiter.upgrade !== undefined && !asksForWebSocket(waiter.upgrade);
    (isForHttp1 ? this.#http1 : pool).acquire(waiter, needsFresh);
  }

  #wait(waiter: PoolWaiter): void {
    this.#pending.add(waiter);
    this.#handshake ??= new Handshake(this.#settings, this, 'h2', 'http/1.1');
  }
}
