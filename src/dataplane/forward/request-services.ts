// What every request needs of the engine it runs in.
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import type { RouteCells } from '../../observability/traffic-cells.ts';
import type { HttpRequest } from './http-request.ts';

export interface RequestServices {
  readonly timeouts: {
    /** Without a byte in either direction. */
    readonly streamIdle: TimeoutQueue;
    /** The same, for tunnels. */
    readonly tunnelIdle: TimeoutQueue;
  };
  /** Called exactly once for each request. */
  onRequestDone(request: HttpRequest, cells: RouteCells): void;
}

/** What the handshake settled. */
export interface TlsInfo {
  /** SNI in the form of a host; undefined where the client named none. */
  readonly serverName: string | undefined;
  /** `TLSv1.3` */
  readonly version: string;
}
