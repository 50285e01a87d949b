// Every metric of the product. Labels are names from the configuration (listener, route, cluster, address) or values of closed sets
// in the code; a client decides nothing, so the number of series is bounded by the configuration.
import type { Counter, CountersBy, Gauge, Histogram } from './metric-cell.ts';
import { type Family, MetricRegistry } from './metrics.ts';
import { RESPONSE_FLAGS, type ResponseFlag } from './response-flag.ts';

/** What there can be too little of. */
export type OverloadResource = 'heap' | 'memory' | 'event_loop' | 'connections';

export type StatusClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx';

const STATUS_CLASSES: readonly StatusClass[] = ['1xx', '2xx', '3xx', '4xx', '5xx'];
const FLAGS = Object.keys(RESPONSE_FLAGS) as readonly ResponseFlag[];

/** The codes of ProxyErrors that a client's bytes cause, and what can be wrong before there is a request. */
export type ProtocolErrorCode =
  | 'bad_request'
  | 'payload_too_large'
  | 'uri_too_long'
  | 'headers_too_large'
  | 'not_implemented'
  | 'method_not_allowed'
  | 'version_not_supported'
  | 'expectation_failed'
  | 'request_timeout'
  | 'client_hello_malformed'
  | 'server_name_unknown'
  | 'proxy_header_malformed'
  | 'tls_handshake_failed';

const PROTOCOL_ERROR_CODES: readonly ProtocolErrorCode[] = [
  'bad_request',
  'payload_too_large',
  'uri_too_long',
  'headers_too_large',
  'not_implemented',
  'method_not_allowed',
  'version_not_supported',
  'expectation_failed',
  'request_timeout',
  'client_hello_malformed',
  'server_name_unknown',
  'proxy_header_malformed',
  'tls_handshake_failed',
];

/** Why a datagram of a client, or for one, went nowhere. The first three are codes of ProxyErrors. */
export type DatagramDrop =
  | 'route_not_found'
  | 'no_backend'
  | 'no_healthy_upstream'
  | 'queue_full'
  | 'send_failed'
  | 'draining';

const DATAGRAM_DROPS: readonly DatagramDrop[] = [
  'route_not_found',
  'no_backend',
  'no_healthy_upstream',
  'queue_full',
  'send_failed',
  'draining',
];

/** Label `route` of requests that no route matched. No route can have this name: theirs are `namespace/name`. */
export const NO_ROUTE = 'none';

type RouteLabel = 'listener' | 'route';
const ROUTE_LABELS: readonly RouteLabel[] = ['listener', 'route'];

const REQUEST_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
const APPLY_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const GC_BUCKETS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5];

/** The class of a status as a label; what an upstream invents beyond 599 counts as 5xx. */
export function statusClass(status: number): StatusClass {
  return STATUS_CLASSES[Math.floor(status / 100) - 1] ?? '5xx';
}

/** In the order of exposition. */
export class Metrics {
  readonly registry: MetricRegistry = new MetricRegistry();

  readonly buildInfo: Family<Gauge, 'version'> = this.registry.gauge({
    name: 'sluice_build_info',
    help: 'Always 1; the version is the label.',
    labels: ['version'],
  });

  readonly requests: Family<CountersBy<StatusClass>, RouteLabel> = this.registry.countersBy({
    name: 'sluice_requests_total',
    help: 'Requests answered, by class of status.',
    labels: ROUTE_LABELS,
    by: { label: 'status', values: STATUS_CLASSES },
  });
  readonly flaggedRequests: Family<CountersBy<ResponseFlag>, RouteLabel> = this.registry.countersBy({
    name: 'sluice_flagged_requests_total',
    help: 'Requests that ended in another way than with the complete response of an upstream, by response flag.',
    labels: ROUTE_LABELS,
    by: { label: 'flag', values: FLAGS },
  });
  readonly requestDuration: Family<Histogram, RouteLabel> = this.registry.histogram({
    name: 'sluice_request_duration_seconds',
    help: 'From the end of the request head to the end of the response.',
    labels: ROUTE_LABELS,
    buckets: REQUEST_BUCKETS,
  });
  readonly receivedBytes: Family<Counter, RouteLabel> = this.registry.counter({
    name: 'sluice_received_bytes_total',
    help: 'Bytes of request bodies, connections of stream routes and datagrams received from clients.',
    labels: ROUTE_LABELS,
  });
  readonly sentBytes: Family<Counter, RouteLabel> = this.registry.counter({
    name: 'sluice_sent_bytes_total',
    help: 'Bytes of response bodies, connections of stream routes and datagrams sent to clients.',
    labels: ROUTE_LABELS,
  });
  readonly activeRequests: Family<Gauge, RouteLabel> = this.registry.gauge({
    name: 'sluice_active_requests',
    help: 'Requests that are not answered completely.',
    labels: ROUTE_LABELS,
  });

  readonly sessions: Family<Counter, RouteLabel> = this.registry.counter({
    name: 'sluice_sessions_total',
    help: 'Connections and clients of datagrams that stream routes carried, when they ended.',
    labels: ROUTE_LABELS,
  });
  readonly flaggedSessions: Family<CountersBy<ResponseFlag>, RouteLabel> = this.registry.countersBy({
    name: 'sluice_flagged_sessions_total',
    help: 'Sessions that ended in another way than by both of their ends, by response flag.',
    labels: ROUTE_LABELS,
    by: { label: 'flag', values: FLAGS },
  });
  readonly activeSessions: Family<Gauge, RouteLabel> = this.registry.gauge({
    name: 'sluice_active_sessions',
    help: 'Connections and clients of datagrams that stream routes carry.',
    labels: ROUTE_LABELS,
  });
  readonly droppedDatagrams: Family<CountersBy<DatagramDrop>, RouteLabel> = this.registry.countersBy({
    name: 'sluice_dropped_datagrams_total',
    help: 'Datagrams that were not passed on, by reason.',
    labels: ROUTE_LABELS,
    by: { label: 'reason', values: DATAGRAM_DROPS },
  });

  readonly connections: Family<Counter, 'address'> = this.registry.counter({
    name: 'sluice_connections_total',
    help: 'Connections accepted from clients.',
    labels: ['address'],
  });
  readonly activeConnections: Family<Gauge, 'address'> = this.registry.gauge({
    name: 'sluice_active_connections',
    help: 'Open connections of clients.',
    labels: ['address'],
  });
  readonly connectionOverflows: Family<Counter, 'address'> = this.registry.counter({
    name: 'sluice_connection_overflows_total',
    help: 'Connections of clients closed because a limit of connections was reached.',
    labels: ['address'],
  });
  readonly protocolErrors: Family<CountersBy<ProtocolErrorCode>, 'address'> = this.registry.countersBy({
    name: 'sluice_protocol_errors_total',
    help: 'Requests and connections refused by the codec or in the TLS handshake, by code of the error.',
    labels: ['address'],
    by: { label: 'code', values: PROTOCOL_ERROR_CODES },
  });

  readonly overloadStep: Family<Gauge, never> = this.registry.gauge({
    name: 'sluice_overload_step',
    help: 'What is given up for lack of something: 0 nothing, 1 idle connections, 2 requests, 3 connections.',
    labels: [],
  });
  readonly overloadPressure: Family<Gauge, 'resource'> = this.registry.gauge({
    name: 'sluice_overload_pressure',
    help: 'Share of what there may be that is used, by resource.',
    labels: ['resource'],
  });

  readonly upstreamConnects: Family<Counter, 'cluster'> = this.registry.counter({
    name: 'sluice_upstream_connects_total',
    help: 'Connections made to endpoints.',
    labels: ['cluster'],
  });
  readonly upstreamConnectFailures: Family<Counter, 'cluster'> = this.registry.counter({
    name: 'sluice_upstream_connect_failures_total',
    help: 'Attempts to connect to an endpoint that failed or took too long.',
    labels: ['cluster'],
  });
  readonly upstreamActiveConnections: Family<Gauge, 'cluster'> = this.registry.gauge({
    name: 'sluice_upstream_active_connections',
    help: 'Connections to endpoints that carry a request.',
    labels: ['cluster'],
  });
  readonly upstreamIdleConnections: Family<Gauge, 'cluster'> = this.registry.gauge({
    name: 'sluice_upstream_idle_connections',
    help: 'Connections to endpoints kept for the next request.',
    labels: ['cluster'],
  });
  readonly upstreamActiveStreams: Family<Gauge, 'cluster'> = this.registry.gauge({
    name: 'sluice_upstream_active_streams',
    help: 'Requests on HTTP/2 connections to endpoints.',
    labels: ['cluster'],
  });
  readonly upstreamPendingRequests: Family<Gauge, 'cluster'> = this.registry.gauge({
    name: 'sluice_upstream_pending_requests',
    help: 'Requests that wait for a connection.',
    labels: ['cluster'],
  });
  readonly upstreamOverflows: Family<Counter, 'cluster'> = this.registry.counter({
    name: 'sluice_upstream_overflows_total',
    help: 'Requests refused because too many wait for a connection.',
    labels: ['cluster'],
  });
  readonly upstreamRetries: Family<Counter, 'cluster'> = this.registry.counter({
    name: 'sluice_upstream_retries_total',
    help: 'Requests sent once more.',
    labels: ['cluster'],
  });
  readonly upstreamTimeouts: Family<Counter, 'cluster'> = this.registry.counter({
    name: 'sluice_upstream_timeouts_total',
    help: 'Requests given up because a timeout of their route expired.',
    labels: ['cluster'],
  });

  readonly configVersion: Family<Gauge, never> = this.registry.gauge({
    name: 'sluice_config_version',
    help: 'Number of the configuration that is served; grows by one with each apply.',
    labels: [],
  });
  readonly configApplies: Family<Counter, never> = this.registry.counter({
    name: 'sluice_config_applies_total',
    help: 'Configurations applied.',
    labels: [],
  });
  readonly configRejects: Family<Counter, never> = this.registry.counter({
    name: 'sluice_config_rejects_total',
    help: 'Configurations that could not be applied; the previous one is kept.',
    labels: [],
  });
  readonly configApplyDuration: Family<Histogram, never> = this.registry.histogram({
    name: 'sluice_config_apply_duration_seconds',
    help: 'From the start of the translation to the swap.',
    labels: [],
    buckets: APPLY_BUCKETS,
  });
  readonly configLastApply: Family<Gauge, never> = this.registry.gauge({
    name: 'sluice_config_last_apply_timestamp_seconds',
    help: 'When the configuration was applied last, in seconds since the epoch.',
    labels: [],
  });

  readonly servingWorkers: Family<Gauge, never> = this.registry.gauge({
    name: 'sluice_serving_workers',
    help: 'Worker processes that serve a configuration.',
    labels: [],
  });
  readonly restarts: Family<Counter, 'role'> = this.registry.counter({
    name: 'sluice_restarts_total',
    help: 'Processes of the gateway that ended, or hung, and were replaced.',
    labels: ['role'],
  });
  readonly workerResyncs: Family<Counter, never> = this.registry.counter({
    name: 'sluice_worker_resyncs_total',
    help: 'How often a worker lost track of the configuration and got all of it.',
    labels: [],
  });
  readonly missedWorkerSnapshots: Family<Counter, never> = this.registry.counter({
    name: 'sluice_missed_worker_snapshots_total',
    help: 'How often a worker did not tell its metrics in time for a scrape; the scrape showed its last ones.',
    labels: [],
  });

  readonly droppedLogLines: Family<Counter, 'log'> = this.registry.counter({
    name: 'sluice_dropped_log_lines_total',
    help: 'Lines lost because the sink was too slow or broken.',
    labels: ['log'],
  });
  readonly hiddenCells: Family<Gauge, never> = this.registry.gauge({
    name: 'sluice_hidden_metric_cells',
    help: 'Label sets that are counted but not exposed because their metric has too many.',
    labels: [],
  });

  readonly eventLoopDelay: Family<Gauge, 'quantile'> = this.registry.gauge({
    name: 'sluice_event_loop_delay_seconds',
    help: 'How late the event loop ran its timers: the worst of the last two scrape windows; quantile 1 is the maximum.',
    labels: ['quantile'],
  });
  readonly eventLoopActive: Family<Counter, never> = this.registry.counter({
    name: 'sluice_event_loop_active_seconds_total',
    help: 'Time that the event loop was not idle.',
    labels: [],
  });
  readonly gcDuration: Family<Histogram, 'kind'> = this.registry.histogram({
    name: 'sluice_gc_duration_seconds',
    help: 'Pauses of the garbage collector.',
    labels: ['kind'],
    buckets: GC_BUCKETS,
  });
  readonly processCpu: Family<Counter, 'mode'> = this.registry.counter({
    name: 'sluice_process_cpu_seconds_total',
    help: 'CPU time used.',
    labels: ['mode'],
  });
  readonly processResidentMemory: Family<Gauge, never> = this.registry.gauge({
    name: 'sluice_process_resident_memory_bytes',
    help: 'Resident set size.',
    labels: [],
  });
  readonly processHeapUsed: Family<Gauge, never> = this.registry.gauge({
    name: 'sluice_process_heap_used_bytes',
    help: 'Live and not yet collected objects on the JavaScript heap.',
    labels: [],
  });
  readonly processStart: Family<Gauge, never> = this.registry.gauge({
    name: 'sluice_process_start_time_seconds',
    help: 'When the process started, in seconds since the epoch.',
    labels: [],
  });
}
