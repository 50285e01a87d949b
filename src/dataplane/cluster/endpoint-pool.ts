// What a request sees of an endpoint: a place to get a stream from, whatever the protocol. Connections made with one client certificate
// never serve a request that is to present another. A pool outlives changes of the configuration that leave its endpoint alone.
import type { OnReadOpts, Socket } from 'node:net';
import type { Cluster } from '../../ir/cluster.ts';
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import { ProxyError } from '../proxy-error.ts';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import { Dialer } from './pool/dialer.ts';
import { Http1Pool } from './pool/http1-pool.ts';
import { Http2Pool } from './pool/http2-pool.ts';
import { NegotiatedPool } from './pool/negotiated-pool.ts';
import type { Pool, PoolSettings, PoolWaiter } from './pool/pool.ts';
import type { UpstreamTlsContexts } from './upstream-tls.ts';

export interface EndpointSettings extends Omit<PoolSettings, 'name' | 'dialer' | 'onConnectFailed'> {
  readonly address: string;
  readonly port: number;
  readonly protocol: Cluster['protocol'];
  readonly tls: UpstreamTlsContexts | undefined;
  /** For the log. */
  readonly onConnectFailure: (endpoint: string, reason: string) => void;
}

/** How a stream route reaches an endpoint by TLS. */
export interface StreamTls {
  readonly clientCertificate: RuntimeCertificate | undefined;
}

const FAILURE_INTERVAL_MS = 10_000;

export class EndpointPool {
  /** `address:port`, for the log. */
  readonly name: string;
  readonly #settings: EndpointSettings;
  /** For requests that present no certificate. */
  readonly #anonymous: Pool;
  readonly #identified = new Map<RuntimeCertificate, Pool>();
  /** Of stream routes. */
  #streams = 0;
  #isRetired = false;
  #failureSaidAtMs = -Infinity;

  constructor(settings: EndpointSettings) {
    this.#settings = settings;
    const { address, port } = settings;
    this.name = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    this.#anonymous = this.#createPool(undefined);
  }

  get address(): string {
    return this.#settings.address;
  }

  get port(): number {
    return this.#settings.port;
  }

  get connectTimeout(): TimeoutQueue {
    return this.#settings.timeouts.connect;
  }

  /** A connection that is the caller's, see TcpEndpoint. Undefined: there are as many as there may be. */
  connectStream(tls: StreamTls | undefined, preamble: Buffer | undefined, onread: OnReadOpts): Socket | undefined {
    const { address, port, maxConnections, metrics } = this.#settings;
    if (this.#streams >= maxConnections) {
      metrics.overflows.inc();
      return undefined;
    }
    const contexts = tls === undefined ? undefined : this.#settings.tls;
    const socket = new Dialer(address, port, contexts?.dialerTls(tls?.clientCertificate)).dialStream(preamble, onread);
    this.#streams++;
    metrics.connects.inc();
    metrics.activeConnections.inc();
    socket.once('close', () => {
      this.#streams--;
      metrics.activeConnections.dec();
    });
    return socket;
  }

  /** @param needsFresh after a used connection turned out to be closed: those that are idle may be as well, and are given up. */
  acquire(waiter: PoolWaiter, needsFresh = false): void {
    this.#poolFor(waiter).acquire(waiter, needsFresh);
  }

  cancel(waiter: PoolWaiter): void {
    this.#poolFor(waiter).cancel(waiter);
  }

  /** Gives up the connections that present other certificates; their pools go at a later call when requests are left on them. */
  retain(certificates: ReadonlySet<RuntimeCertificate>): void {
    for (const [certificate, pool] of this.#identified) {
      if (certificates.has(certificate)) continue;
      pool.retire();
      if (pool.size === 0) this.#identified.delete(certificate);
    }
  }

  /** The endpoint left the configuration: idle connections close now, others after their requests. */
  retire(): void {
    this.#isRetired = true;
    for (const pool of this.#pools()) pool.retire();
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#isRetired = true;
    for (const pool of this.#pools()) pool.destroy();
  }

  #pools(): Pool[] {
    return [this.#anonymous, ...this.#identified.values()];
  }

  #poolFor({ clientCertificate }: PoolWaiter): Pool {
    if (clientCertificate === undefined || this.#settings.tls === undefined) return this.#anonymous;
    let pool = this.#identified.get(clientCertificate);
    if (pool === undefined) {
      pool = this.#createPool(clientCertificate);
      if (this.#isRetired) pool.retire();
      this.#identified.set(clientCertificate, pool);
    }
    return pool;
  }

  #createPool(certificate: RuntimeCertificate | undefined): Pool {
    const { address, port, tls, protocol } = this.#settings;
    const settings: PoolSettings = {
      ...this.#settings,
      name: this.name,
      dialer: new Dialer(address, port, tls?.dialerTls(certificate)),
      onConnectFailed: (reason) => this.onConnectFailed(reason),
    };
    switch (protocol) {
      case 'http1':
        return new Http1Pool(settings);
      case 'http2':
        return new Http2Pool(settings, (waiter) => this.#refuseWebSocket(waiter));
      case 'negotiated':
        return new NegotiatedPool(settings);
    }
  }

  #refuseWebSocket(waiter: PoolWaiter): void {
    const message = `${this.name} allows no WebSocket over HTTP/2`;
    waiter.onPoolError(new ProxyError('upstream_protocol_error', 'upstream', message));
  }

  /** Why is said at most every few seconds: under load every request would say the same. */
  onConnectFailed(reason: string): void {
    const { metrics, wheel, onConnectFailure } = this.#settings;
    metrics.connectFailures.inc();
    if (this.#isRetired || wheel.nowMs - this.#failureSaidAtMs < FAILURE_INTERVAL_MS) return;
    this.#failureSaidAtMs = wheel.nowMs;
    onConnectFailure(this.name, reason);
  }
}
