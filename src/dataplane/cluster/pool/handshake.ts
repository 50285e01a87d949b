// A connection until it can be used: connected, over TLS with the handshake done. It ends in exactly one of its owner's two calls, or in
// being destroyed.
import type { Socket } from 'node:net';
import { Deadline } from '../../../lib/timeout-queue.ts';
import { ProxyError } from '../../proxy-error.ts';
import { SocketReader } from '../../codec/socket-reader.ts';
import { settledProtocol } from './dialer.ts';
import type { AlpnProtocol } from './dialer.ts';
import type { PoolSettings } from './pool.ts';

export interface HandshakeOwner {
  /** @param reader what the socket reads with; it has no receiver yet. */
  onConnected(handshake: Handshake, socket: Socket, reader: SocketReader): void;
  onHandshakeFailed(handshake: Handshake, error: ProxyError): void;
}

export class Handshake extends Deadline {
  readonly #socket: Socket;
  readonly #settings: PoolSettings;
  readonly #owner: HandshakeOwner;
  #isOver = false;

  /** Counts as an active connection from here on. */
  constructor(settings: PoolSettings, owner: HandshakeOwner, ...protocols: readonly AlpnProtocol[]) {
    super();
    this.#settings = settings;
    this.#owner = owner;
    const { dialer, timeouts, metrics } = settings;
    metrics.connects.inc();
    metrics.activeConnections.inc();
    const reader = new SocketReader();
    this.#socket = dialer.dial(reader.onread, ...protocols);
    this.#socket.on(dialer.readyEvent, () => {
      // A server may answer without a word of ALPN; then it speaks HTTP/1.1.
      if (dialer.scheme === 'https' && !protocols.includes('http/1.1') && settledProtocol(this.#socket) !== 'h2')
        this.#fail('upstream_connect_failed', 'the upstream settled no HTTP/2 in the TLS handshake');
      else this.#finish(() => owner.onConnected(this, this.#socket, reader));
    });
    this.#socket.on('error', (error) => this.#fail('upstream_connect_failed', error.message));
    this.#socket.on('close', () => this.#fail('upstream_connect_failed', 'the upstream closed the connection'));
    timeouts.connect.arm(this);
  }

  destroy(): void {
    this.#isOver = true;
    this.disarm();
    this.#socket.destroy();
    this.#settings.metrics.activeConnections.dec();
  }

  onExpired(): void {
    this.#fail('upstream_connect_timeout', 'connecting to the upstream took too long');
  }

  #fail(code: 'upstream_connect_failed' | 'upstream_connect_timeout', reason: string): void {
    this.#finish(() => {
      this.destroy();
      this.#settings.onConnectFailed(reason);
      this.#owner.onHandshakeFailed(this, new ProxyError(code, 'upstream', reason, true));
    });
  }

  #finish(action: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.disarm();
    try {
      action();
    } catch (error) {
      this.#settings.onDefect(error);
      this.#socket.destroy();
    }
  }
}
