// A route of connections or datagrams as they use it, and what one of them is led to. Clusters are named by key and looked up in the
// snapshot of the moment, so that a change of endpoints leaves routes alone.
import type { StreamRoute } from '../../ir/route.ts';
import type { SessionCells } from '../../observability/traffic-cells.ts';
import type { ProxyErrorCode } from '../proxy-error.ts';
import type { StreamRouteTable } from '../route/stream-route-table.ts';
import { WeightedChoice } from './weighted-choice.ts';

export interface RuntimeStreamRoute {
  readonly route: StreamRoute;
  /** Undefined: no backend, or none with a weight. */
  readonly backends: WeightedChoice<StreamBackend> | undefined;
  readonly cells: SessionCells;
}

export interface StreamBackend {
  readonly name: string;
  /** Undefined: the reference is broken. */
  readonly cluster: string | undefined;
}

/** Where streams come in: a virtual host with traffic other than `http`. */
export interface StreamHost {
  /** VirtualHost.name */
  readonly name: string;
  readonly streams: StreamRouteTable<RuntimeStreamRoute>;
  /** Cells of streams without a route. */
  readonly noRouteCells: SessionCells;
}

/** The endpoints of a cluster, chosen one by one. */
export interface EndpointChoice<E> {
  /** After a failure the one behind `failed`; with only one endpoint that is the same again. */
  select(failed?: E): E | undefined;
}

/** What a connection, or a client of datagrams, is led to: settled once, at its start. */
export interface StreamTarget<E> {
  /** VirtualHost.name, or Listener.key where there was none. */
  readonly listener: string;
  readonly route: string | undefined;
  readonly backend: string | undefined;
  /** Cluster.key */
  readonly cluster: string | undefined;
  readonly cells: SessionCells;
  /** Or why there are none. */
  readonly endpoints: EndpointChoice<E> | ProxyErrorCode;
}

export function compileStreamRoute(route: StreamRoute, cells: SessionCells): RuntimeStreamRoute {
  const weighted = route.backends.filter(({ weight }) => weight > 0);
  const items = weighted.map(({ name, weight, cluster }) => ({ weight, value: { name, cluster } }));
  return { route, backends: items.length === 0 ? undefined : new WeightedChoice(items), cells };
}

/** @param endpointsOf undefined where the cluster has none. */
export function selectStream<E>(
  host: StreamHost,
  serverName: string | undefined,
  endpointsOf: (cluster: string) => EndpointChoice<E> | undefined,
): StreamTarget<E> {
  const selected = host.streams.select(serverName);
  const backend = selected?.backends?.next();
  const cluster = backend?.cluster;
  return {
    listener: host.name,
    route: selected?.route.name,
    backend: backend?.name,
    cluster,
    cells: selected?.cells ?? host.noRouteCells,
    endpoints:
      selected === undefined
        ? 'route_not_found'
        : cluster === undefined
          ? 'no_backend'
          : (endpointsOf(cluster) ?? 'no_healthy_upstream'),
  };
}
