// The cells that the data path counts into, bound together for a route, a cluster and a listening address. Whoever compiles a snapshot
// binds the new ones before it releases the old ones, so that counts survive a change of configuration.
import type { Cell, Counter, CountersBy, Gauge, Histogram } from './metric-cell.ts';
import type { DatagramDrop, Metrics, OverloadResource, ProtocolErrorCode, StatusClass } from './metric-names.ts';
import type { ResponseFlag } from './response-flag.ts';

export interface RouteCells {
  readonly requests: CountersBy<StatusClass>;
  readonly flaggedRequests: CountersBy<ResponseFlag>;
  /** Seconds. */
  readonly requestDuration: Histogram;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
  readonly activeRequests: Gauge;
}

/** Of a route that carries connections or datagrams. */
export interface SessionCells {
  readonly sessions: Counter;
  readonly flaggedSessions: CountersBy<ResponseFlag>;
  readonly activeSessions: Gauge;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
  readonly droppedDatagrams: CountersBy<DatagramDrop>;
}

export interface ClusterCells {
  readonly connects: Counter;
  readonly connectFailures: Counter;
  readonly activeConnections: Gauge;
  readonly idleConnections: Gauge;
  readonly activeStreams: Gauge;
  readonly pendingRequests: Gauge;
  readonly overflows: Counter;
  readonly retries: Counter;
  readonly timeouts: Counter;
}

export interface AddressCells {
  readonly connections: Counter;
  readonly activeConnections: Gauge;
  readonly connectionOverflows: Counter;
  readonly protocolErrors: CountersBy<ProtocolErrorCode>;
}

/** `listener`: VirtualHost.name. `route`: Route.name, or NO_ROUTE. */
export function bindRouteCells(metrics: Metrics, listener: string, route: string): RouteCells {
  const labels = { listener, route };
  return {
    requests: metrics.requests.cell(labels),
    flaggedRequests: metrics.flaggedRequests.cell(labels),
    requestDuration: metrics.requestDuration.cell(labels),
    receivedBytes: metrics.receivedBytes.cell(labels),
    sentBytes: metrics.sentBytes.cell(labels),
    activeRequests: metrics.activeRequests.cell(labels),
  };
}

/** Labels as of bindRouteCells. */
export function bindSessionCells(metrics: Metrics, listener: string, route: string): SessionCells {
  const labels = { listener, route };
  return {
    sessions: metrics.sessions.cell(labels),
    flaggedSessions: metrics.flaggedSessions.cell(labels),
    activeSessions: metrics.activeSessions.cell(labels),
    receivedBytes: metrics.receivedBytes.cell(labels),
    sentBytes: metrics.sentBytes.cell(labels),
    droppedDatagrams: metrics.droppedDatagrams.cell(labels),
  };
}

/** `cluster`: Cluster.name. */
export function bindClusterCells(metrics: Metrics, cluster: string): ClusterCells {
  const labels = { cluster };
  return {
    connects: metrics.upstreamConnects.cell(labels),
    connectFailures: metrics.upstreamConnectFailures.cell(labels),
    activeConnections: metrics.upstreamActiveConnections.cell(labels),
    idleConnections: metrics.upstreamIdleConnections.cell(labels),
    activeStreams: metrics.upstreamActiveStreams.cell(labels),
    pendingRequests: metrics.upstreamPendingRequests.cell(labels),
    overflows: metrics.upstreamOverflows.cell(labels),
    retries: metrics.upstreamRetries.cell(labels),
    timeouts: metrics.upstreamTimeouts.cell(labels),
  };
}

/** `address`: where a socket listens, `bindAddress:bindPort`. */
export function bindAddressCells(metrics: Metrics, address: string): AddressCells {
  const labels = { address };
  return {
    connections: metrics.connections.cell(labels),
    activeConnections: metrics.activeConnections.cell(labels),
    connectionOverflows: metrics.connectionOverflows.cell(labels),
    protocolErrors: metrics.protocolErrors.cell(labels),
  };
}

export interface OverloadCells {
  readonly step: Gauge;
  readonly pressures: Readonly<Record<OverloadResource, Gauge>>;
}

export function bindOverloadCells(metrics: Metrics): OverloadCells {
  const pressure = (resource: OverloadResource): Gauge => metrics.overloadPressure.cell({ resource });
  return {
    step: metrics.overloadStep.cell({}),
    pressures: {
      heap: pressure('heap'),
      memory: pressure('memory'),
      event_loop: pressure('event_loop'),
      connections: pressure('connections'),
    },
  };
}

export function releaseCells(cells: RouteCells | SessionCells | ClusterCells | AddressCells): void {
  for (const cell of Object.values(cells) as readonly Cell[]) cell.release();
}
