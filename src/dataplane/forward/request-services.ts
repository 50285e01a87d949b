// What every request needs of the engine it runs in.
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import type { ResponseFlag } from '../../observability/response-flag.ts';
import type { RouteCells } from '../../observability/traffic-cells.ts';
import type { EndpointPool } from '../cluster/endpoint-pool.ts';
import type { Exchange } from '../exchange.ts';
import type { RouteSelection } from '../route/candidate.ts';
import type { ReplayBudget } from './request-body.ts';
import type { RuntimeBackend } from '../runtime/runtime-route.ts';
import type { RuntimeVirtualHost } from '../runtime/snapshot.ts';
import type { TlsPolicy } from '../runtime/tls-policy.ts';

export interface RequestServices {
  readonly timeouts: {
    /** Without a byte in either direction. */
    readonly streamIdle: TimeoutQueue;
    /** The same, for tunnels. */
    readonly tunnelIdle: TimeoutQueue;
  };
  readonly overload: { readonly refusesRequests: boolean };
  readonly replayBudget: ReplayBudget;
  /** For a duration that no configuration names; it may last a little longer, so that there are few queues. */
  timeout(ms: number): TimeoutQueue;
  /** Called exactly once for each request. */
  onRequestDone(request: FinishedRequest, cells: RouteCells): void;
}

/** What became of a request; what it did not come to is undefined or 0. */
export interface FinishedRequest {
  readonly exchange: Exchange;
  readonly tls: TlsInfo | undefined;
  readonly requestId: string;
  /** performance.now() when the head was complete. */
  readonly startMs: number;
  /** Who sent it, as far as proxies in front are believed. */
  readonly clientAddress: string;
  /** As matched, before filters rewrote it. */
  readonly path: string;
  readonly virtualHost: RuntimeVirtualHost | undefined;
  readonly selection: RouteSelection<unknown> | undefined;
  readonly backend: RuntimeBackend | undefined;
  readonly endpoint: EndpointPool | undefined;
  readonly status: number;
  readonly grpcStatus: string | undefined;
  readonly flag: ResponseFlag | undefined;
  /** performance.now() when the head of the answer came. */
  readonly upstreamHeadAtMs: number;
  readonly tries: number;
}

/** What the handshake settled. */
export interface TlsInfo {
  /** SNI in the form of a host; undefined where the client named none. */
  readonly serverName: string | undefined;
  /** `TLSv1.3` */
  readonly version: string;
  readonly policy: TlsPolicy;
}
