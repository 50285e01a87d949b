// Why a request goes where it goes, or nowhere. Plain data in and out; every decision is asked of the functions that decide it on the data
// path (codec, virtual hosts, routes, filters), so that the explanation can't drift from what happens.
import { isIP } from 'node:net';
import { RequestHeadParser } from '../dataplane/codec/http1/request-head.ts';
import { DEFAULT_ENGINE_LIMITS, limitsOf } from '../dataplane/engine-defaults.ts';
import type { DownstreamInfo, RequestHead } from '../dataplane/exchange.ts';
import { judgeEscapedSlashes } from '../dataplane/forward/escaped-slashes.ts';
import { setForwardedHeaders } from '../dataplane/forward/forwarded-headers.ts';
import type { FilterChain, FilterContext, LocalResponse } from '../dataplane/filter/filter.ts';
import { RESCUES } from '../dataplane/forward/rescue.ts';
import { isGrpcCall } from '../dataplane/grpc.ts';
import { HeaderList } from '../dataplane/header-list.ts';
import { ProxyError } from '../dataplane/proxy-error.ts';
import type { ProxyErrorCode } from '../dataplane/proxy-error.ts';
import type { RouteSelection } from '../dataplane/route/candidate.ts';
import { explainRoutes } from '../dataplane/route/explain.ts';
import type { LostCandidate } from '../dataplane/route/explain.ts';
import { chooseVirtualHost } from '../dataplane/route/virtual-host.ts';
import { compile, CompileMemo } from '../dataplane/runtime/compile.ts';
import type { RuntimeRule } from '../dataplane/runtime/runtime-route.ts';
import type { RuntimeListener, RuntimeSnapshot, RuntimeVirtualHost } from '../dataplane/runtime/snapshot.ts';
import type { Endpoint } from '../ir/cluster.ts';
import type { Filter } from '../ir/filter.ts';
import type { Listener } from '../ir/listener.ts';
import type { Ir } from '../ir/ir.ts';
import type { Route, RouteMatch, WeightedBackend } from '../ir/route.ts';
import { parseAuthority } from '../lib/authority.ts';
import { hostnameMatches } from '../lib/hostname.ts';
import { TimerWheel } from '../lib/timeout-queue.ts';
import { Metrics } from '../observability/metric-names.ts';

export interface ExplainedRequest {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Of the URL: its port names the listener, its host is the TLS server name and, without a header `host`, the Host. */
  readonly authority: string;
  /** Path and query, as a client would send them. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Explanation {
  readonly outcome: Outcome;
  readonly listener?: ListenerView;
  readonly route?: RouteView;
  /** Other matches of routes at the same listener: first those for the host, then the others, each in order of precedence. */
  readonly others: readonly LostMatch[];
  /** How many more there are. */
  readonly omittedOthers: number;
}

export type Outcome =
  /** To one of the route's backends, with this path and Host; a backend's own filters may change both again. */
  | { readonly kind: 'forwarded'; readonly authority: string; readonly path: string; readonly query?: string }
  /** By a filter of the route. */
  | { readonly kind: 'answered'; readonly status: number; readonly location?: string }
  | {
      readonly kind: 'refused';
      readonly status: number;
      /** Of a gRPC call, which is told of a failure by it. */
      readonly grpcStatus?: number;
      readonly code: ProxyErrorCode;
      readonly message: string;
    }
  /** No answer at all. */
  | { readonly kind: 'unreachable'; readonly message: string };

export interface ListenerView {
  /** `namespace/gateway/section` */
  readonly name: string;
  readonly hostname: string;
  readonly port: number;
  readonly protocol: string;
}

export interface MatchView {
  /** `HTTPRoute namespace/name` */
  readonly route: string;
  /** Name of the rule, or its index. */
  readonly rule: string;
  /** The route's hostname, `*` where it has none. */
  readonly hostname: string;
  readonly match: RouteMatch;
}

export interface RouteView extends MatchView {
  readonly filters: readonly Filter[];
  readonly backends: readonly BackendView[];
  /** 0: none. */
  readonly requestTimeoutMs: number;
  /** 0: none. */
  readonly backendRequestTimeoutMs: number;
}

export interface BackendView {
  readonly name: string;
  readonly weight: number;
  /** Of the requests, 0 to 1. */
  readonly share: number;
  readonly filters: readonly Filter[];
  /** `address:port`, or `hostname:port` where it is resolved first. */
  readonly endpoints: readonly string[];
  /** How its share is answered when it can't be forwarded. */
  readonly refusal?: { readonly status: number; readonly code: ProxyErrorCode };
}

export interface LostMatch extends MatchView {
  readonly reason: string;
}

export const MAX_EXPLAINED_OTHERS = 50;

const MAX_NAMED_HOSTNAMES = 10;

/** Stands for whoever will send the request. */
const EXPLAINED_CLIENT: DownstreamInfo = {
  remoteAddress: '127.0.0.1',
  remotePort: 0,
  localAddress: '127.0.0.1',
  localPort: 0,
};
const EXPLAINED_REQUEST_ID = '00000000-0000-0000-0000-000000000000';

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** A snapshot that requests can be explained with, but not served. */
export function compileForExplanation(ir: Ir): RuntimeSnapshot {
  const services = { wheel: new TimerWheel(() => {}), metrics: new Metrics() };
  const { listeners } = compile(ir, undefined, new CompileMemo(), services);
  return { hash: ir.hash, listeners, clusters: new Map() };
}

/** @param ir what the snapshot was compiled from. */
export function explainRequest(ir: Ir, snapshot: RuntimeSnapshot, explained: ExplainedRequest): Explanation {
  const { scheme } = explained;
  const authority = parseAuthority(explained.authority);
  if ('problem' in authority) return end(refused('bad_request', authority.problem));
  const port = authority.port ?? DEFAULT_PORTS[scheme];
  const listener = snapshot.listeners.values().find(({ config }) => config.port === port && config.protocol !== 'UDP');
  if (listener === undefined) return end(unreachable(noListener(port, snapshot)));
  const protocol = protocolName(listener.config);
  if (protocol.toLowerCase() !== scheme) return end(unreachable(`port ${port} is for ${protocol}, not for ${scheme}`));
  const serverName = scheme === 'https' && !isAddress(authority.host) ? authority.host : undefined;
  if (scheme === 'https' && !hasCertificate(listener, serverName)) {
    const client = serverName ?? 'clients that name no host';
    return end(
      unreachable(`the TLS handshake fails: no listener on port ${port} is for ${client}; ${hostnamesText(listener)}`),
    );
  }

  const { settings = {} } = listener.config;
  const parser = new RequestHeadParser(scheme, limitsOf(settings, DEFAULT_ENGINE_LIMITS));
  const problem = parser.parse(headText(explained));
  if (problem !== undefined) return end(refused(problem.code, problem.message));
  const { method, path, query, host, section } = parser;
  const headers = new HeaderList(section.fields);
  const request: RequestHead = { method, path, query, scheme, authority: parser.authority, host, headers };

  // Routes see what the gateway says of the client, not what the client says of itself.
  setForwardedHeaders(request, EXPLAINED_CLIENT, EXPLAINED_REQUEST_ID, 'HTTP/1.1', settings.trustedHops ?? 0);

  const virtualHost = chooseVirtualHost(listener.virtualHosts, serverName, host);
  if (virtualHost === 'route_not_found')
    return end(refused(virtualHost, `no listener on port ${port} is for host ${host}; ${hostnamesText(listener)}`));
  if (virtualHost === 'misdirected') {
    return end(refused(virtualHost, `host ${host} and TLS server name ${serverName} belong to different listeners`));
  }
  if (virtualHost.traffic !== 'http')
    return end(unreachable(`listener ${virtualHost.name} reads no HTTP: TLSRoutes decide where its connections go`));
  const answer = judgeEscapedSlashes(path, query, settings.escapedSlashes);
  if (answer instanceof ProxyError) return end(refused(answer.code, answer.message));
  if (answer !== undefined) return end(answered(answer));
  const explanation = explainRoute(ir, listener, virtualHost, request);
  return isGrpcCall(headers) ? asGrpc(explanation) : explanation;
}

/** Calls get all failures with status 200. */
function asGrpc(explanation: Explanation): Explanation {
  const { outcome } = explanation;
  if (outcome.kind !== 'refused') return explanation;
  return { ...explanation, outcome: { ...outcome, status: 200, grpcStatus: RESCUES[outcome.code].grpc } };
}

function explainRoute(
  ir: Ir,
  { config }: RuntimeListener,
  { name, hostname, routes }: RuntimeVirtualHost,
  request: RequestHead,
): Explanation {
  const { selected, others } = explainRoutes(routes, request);
  const isForHost = ({ candidate }: LostCandidate<RuntimeRule>): boolean =>
    hostnameMatches(candidate.hostname.served, request.host);
  const ordered = [...others.filter(isForHost), ...others.filter((other) => !isForHost(other))];
  const { port } = config;
  return {
    ...takeRoute(ir, selected, request, port),
    listener: { name, hostname, port, protocol: protocolName(config) },
    others: ordered
      .slice(0, MAX_EXPLAINED_OTHERS)
      .map(({ candidate, reason }) => ({ ...viewMatch(candidate), reason })),
    omittedOthers: Math.max(0, ordered.length - MAX_EXPLAINED_OTHERS),
  };
}

function takeRoute(
  ir: Ir,
  selected: RouteSelection<RuntimeRule> | undefined,
  request: RequestHead,
  listenerPort: number,
): Pick<Explanation, 'outcome' | 'route'> {
  if (selected === undefined) return { outcome: refused('route_not_found', 'no route matches') };
  const route = viewRoute(ir, selected);
  const outcome = passFilters(selected, request, listenerPort);
  const used = route.backends.filter(({ weight }) => weight > 0);
  const refusal = used.every((backend) => backend.refusal !== undefined) ? used[0]?.refusal : undefined;
  if (outcome.kind !== 'forwarded' || refusal === undefined) return { outcome, route };
  return { outcome: refused(refusal.code, 'no backend of the rule can be used'), route };
}

/** What the rule's filters make of the request, and whether there is somewhere to send it. */
function passFilters({ match, target }: RouteSelection<RuntimeRule>, head: RequestHead, listenerPort: number): Outcome {
  const request = { ...head, headers: head.headers.clone() };
  const answer = runFilters(target.filters, {
    request,
    listenerPort,
    matchedPath: match.path,
    corsOrigin: undefined,
    mirror: () => {},
  });
  if (answer !== undefined) return answered(answer);
  if (target.backends === undefined) return refused('no_backend', 'the rule has no backend with a weight');
  const { authority, path, query } = request;
  return { kind: 'forwarded', authority, path, ...(query === undefined ? {} : { query }) };
}

function runFilters({ onRequest }: FilterChain, context: FilterContext): LocalResponse | undefined {
  for (const filter of onRequest) {
    const answer = filter(context);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function viewRoute(ir: Ir, selected: RouteSelection<RuntimeRule>): RouteView {
  const { filters, backends, requestTimeoutMs, backendRequestTimeoutMs } = selected.rule;
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  return {
    ...viewMatch(selected),
    filters,
    backends: backends.map((backend) => viewBackend(ir, backend, total)),
    requestTimeoutMs,
    backendRequestTimeoutMs,
  };
}

function viewMatch({ route, rule, hostname, match }: RouteSelection<unknown>): MatchView {
  return { route: routeName(route), rule: rule.name, hostname: hostname.declared, match };
}

function viewBackend(ir: Ir, { name, weight, cluster: key, filters }: WeightedBackend, total: number): BackendView {
  const cluster = key === undefined ? undefined : ir.resources.get(key);
  const endpoints = cluster?.kind === 'cluster' ? cluster.endpoints.map(endpointText) : [];
  const code = cluster === undefined ? 'no_backend' : 'no_healthy_upstream';
  return {
    name,
    weight,
    share: total === 0 ? 0 : weight / total,
    filters,
    endpoints,
    ...(endpoints.length > 0 ? {} : { refusal: { status: RESCUES[code].status, code } }),
  };
}

/** The kind is the second part of `route/<kind>/<namespace>/<name>`. */
function routeName({ key, name }: Route): string {
  return `${key.split('/')[1]} ${name}`;
}

function endpointText(endpoint: Endpoint): string {
  const host = endpoint.kind === 'ip' ? endpoint.address : endpoint.hostname;
  return host.includes(':') ? `[${host}]:${endpoint.port}` : `${host}:${endpoint.port}`;
}

/** Text of the request is UTF-8 here and bytes as latin1 there. */
function headText({ method, target, authority, headers }: ExplainedRequest): string {
  const namesHost = headers.some(([name]) => name.toLowerCase() === 'host');
  const fields = namesHost ? headers : [['host', authority] as const, ...headers];
  const lines = [`${method} ${target} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8').toString('latin1');
}

/** Clients name no address in the handshake; the listener for all hosts serves those that name nothing. */
function hasCertificate({ all, virtualHosts }: RuntimeListener, serverName: string | undefined): boolean {
  if (serverName === undefined) return all.some(({ hostname }) => hostname === '*');
  return virtualHosts.find(serverName) !== undefined;
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || isIP(host) !== 0;
}

function hostnamesText({ all }: RuntimeListener): string {
  const shown = all.slice(0, MAX_NAMED_HOSTNAMES).map(({ hostname }) => hostname);
  return `there are listeners for ${shown.join(', ')}${all.length > shown.length ? ' and others' : ''}`;
}

function noListener(port: number, { listeners }: RuntimeSnapshot): string {
  const served = Array.from(listeners.values(), ({ config }) => `${config.port} (${protocolName(config)})`);
  const offer = served.length === 0 ? 'nothing is listened on' : `listeners are on ${served.sort().join(', ')}`;
  return `no listener on port ${port}; ${offer}`;
}

function end(outcome: Outcome): Explanation {
  return { outcome, others: [], omittedOthers: 0 };
}

function answered({ status, headers }: LocalResponse): Outcome {
  const location = headers.get('location');
  return { kind: 'answered', status, ...(location === undefined ? {} : { location }) };
}

function refused(code: ProxyErrorCode, message: string): Outcome {
  return { kind: 'refused', status: RESCUES[code].status, code, message };
}

function unreachable(message: string): Outcome {
  return { kind: 'unreachable', message };
}

/** As people say it. */
function protocolName({ protocol }: Listener): string {
  return protocol === 'TLS' ? 'HTTPS' : protocol;
}
