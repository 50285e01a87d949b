// The connections to one endpoint: the most recently used one is used first, so that the rest grow old and close. Open connections
// and waiting requests are bounded; a pool outlives configuration changes that leave its endpoint alone.
import { connect as connectTcp, isIP } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { TimerWheel } from '../../lib/timeout-queue.ts';
import { Http1ClientConnection } from '../codec/http1/client-connection.ts';
import type { ClientTimeouts, ConnectionOwner } from '../codec/http1/client-connection.ts';
import { ProxyError } from '../proxy-error.ts';
import type { UpstreamStream } from '../upstream-stream.ts';
import type { ClusterCells } from '../../observability/traffic-cells.ts';

export interface PoolSettings {
  readonly address: string;
  readonly port: number;
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly timeouts: ClientTimeouts;
  readonly wheel: TimerWheel;
  readonly tls: { readonly serverName: string; readonly context: SecureContext } | undefined;
  readonly metrics: ClusterCells;
  /** For the log. */
  readonly onConnectFailure: (endpoint: string, reason: string) => void;
  readonly onDefect: (error: unknown) => void;
}

/** Who wants a connection. Exactly one of the two is called, once, possibly before `acquire` returns. */
export interface PoolWaiter {
  onStream(stream: UpstreamStream): void;
  onPoolError(error: ProxyError): void;
}

const FAILURE_INTERVAL_MS = 10_000;

/** A promised keep-alive time is believed up to this much before its end. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

export class EndpointPool implements ConnectionOwner {
  /** `address:port`, for the log. */
  readonly name: string;
  readonly #settings: PoolSettings;
  readonly #connections = new Set<Http1ClientConnection>();
  readonly #idle: Http1ClientConnection[] = [];
  readonly #pending = new Set<PoolWaiter>();
  #isRetired = false;
  #failureSaidAtMs = -Infinity;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    const { address, port } = settings;
    this.name = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** @param needsFresh after a used connection turned out to be closed: those that are idle may be as well, and are given up. */
  acquire(waiter: PoolWaiter, needsFresh = false): void {
    const { maxConnections, maxPendingRequests, metrics } = this.#settings;
    if (needsFresh) this.#closeIdle();
    const connection = this.#takeIdle();
    if (connection !== undefined) {
      waiter.onStream(connection);
    } else if (this.#connections.size < maxConnections) {
      this.#connect(waiter);
    } else if (this.#pending.size < maxPendingRequests) {
      this.#pending.add(waiter);
      metrics.pendingRequests.inc();
    } else {
      metrics.overflows.inc();
      waiter.onPoolError(
        new ProxyError('upstream_overflow', 'upstream', `${this.name} has ${maxConnections} connections in use`),
      );
    }
  }

  cancel(waiter: PoolWaiter): void {
    if (this.#pending.delete(waiter)) this.#settings.metrics.pendingRequests.dec();
  }

  /** The endpoint left the configuration: idle connections close now, others after their request. */
  retire(): void {
    this.#isRetired = true;
    this.#closeIdle();
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#isRetired = true;
    for (const connection of this.#connections) connection.destroy();
  }

  onIdle(connection: Http1ClientConnection): void {
    const { metrics, wheel } = this.#settings;
    metrics.activeConnections.dec();
    metrics.idleConnections.inc();
    connection.idleSinceMs = wheel.nowMs;
    this.#idle.push(connection);
    const waiter = this.#pending.size === 0 ? undefined : this.#takePending();
    if (waiter !== undefined) this.acquire(waiter);
    else if (this.#isRetired) connection.destroy();
  }

  /** Why is said at most every few seconds: under load every request would say the same. */
  onConnectFailed(reason: string): void {
    const { metrics, wheel, onConnectFailure } = this.#settings;
    metrics.connectFailures.inc();
    if (this.#isRetired || wheel.nowMs - this.#failureSaidAtMs < FAILURE_INTERVAL_MS) return;
    this.#failureSaidAtMs = wheel.nowMs;
    onConnectFailure(this.name, reason);
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
    const waiter = this.#pending.size === 0 ? undefined : this.#takePending();
    if (waiter !== undefined) this.acquire(waiter);
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

  #takePending(): PoolWaiter | undefined {
    for (const waiter of this.#pending) {
      this.cancel(waiter);
      return waiter;
    }
    return undefined;
  }

  #connect(waiter: PoolWaiter): void {
    const { address, port, tls, timeouts, metrics } = this.#settings;
    const target = { host: address, port, noDelay: true, allowHalfOpen: true };
    const socket =
      tls === undefined
        ? connectTcp(target)
        : connectTls({
            ...target,
            // An address is no server name (RFC 6066 section 3); the certificate has to name it all the same.
            servername: isIP(tls.serverName) === 0 ? tls.serverName : '',
            checkServerIdentity: (_host, certificate) => checkServerIdentity(tls.serverName, certificate),
            secureContext: tls.context,
            ALPNProtocols: ['http/1.1'],
          });
    metrics.connects.inc();
    metrics.activeConnections.inc();
    const connection = new Http1ClientConnection(
      socket,
      tls === undefined ? 'connect' : 'secureConnect',
      timeouts,
      this,
    );
    this.#connections.add(connection);
    waiter.onStream(connection);
  }
}
