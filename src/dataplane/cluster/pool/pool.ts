// What the pools of connections to one endpoint have in common, whatever protocol they speak.
import type { TimerWheel } from '../../../lib/timeout-queue.ts';
import type { ClusterCells } from '../../../observability/traffic-cells.ts';
import type { ClientTimeouts } from '../../codec/http1/client-connection.ts';
import { ProxyError } from '../../proxy-error.ts';
import type { RuntimeCertificate } from '../../runtime/certificate-context.ts';
import type { UpstreamStream } from '../../upstream-stream.ts';
import type { Dialer } from './dialer.ts';

/** Who wants to send a request. Exactly one of the two is called, once, possibly before `acquire` returns. */
export interface PoolWaiter {
  /** The protocol that the request asks to switch to. */
  readonly upgrade: string | undefined;
  /** What an endpoint that asks for a certificate is shown; only connections made with it serve the request. */
  readonly clientCertificate: RuntimeCertificate | undefined;
  onStream(stream: UpstreamStream): void;
  onPoolError(error: ProxyError): void;
}

export interface Pool {
  /** Connections, those included that are being made. */
  readonly size: number;
  /** @param needsFresh after a used connection turned out to be closed. */
  acquire(waiter: PoolWaiter, needsFresh: boolean): void;
  cancel(waiter: PoolWaiter): void;
  /** Its endpoint left the configuration: idle connections close now, others after their requests. */
  retire(): void;
  /** Ends everything at once. */
  destroy(): void;
}

export interface PoolSettings {
  /** Of the endpoint, for messages. */
  readonly name: string;
  readonly dialer: Dialer;
  readonly maxConnections: number;
  readonly maxStreamsPerConnection: number;
  readonly maxPendingRequests: number;
  readonly timeouts: ClientTimeouts;
  readonly wheel: TimerWheel;
  readonly metrics: ClusterCells;
  readonly onConnectFailed: (reason: string) => void;
  /** Something threw where nothing may. */
  readonly onDefect: (error: unknown) => void;
}

export function overflow(waiter: PoolWaiter, { name, maxConnections, metrics }: PoolSettings): void {
  metrics.overflows.inc();
  waiter.onPoolError(
    new ProxyError('upstream_overflow', 'upstream', `${name} has ${maxConnections} connections in use`),
  );
}
