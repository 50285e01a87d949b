// The way of one request through the gateway, from its head to its line in the access log. `run` lists the stages by name; the rest of
// the file is what each of them does, in that order, and the way back of the answer.
import { randomUUID } from 'node:crypto';
import type { PathMatch, RetryPolicy } from '../../ir/route.ts';
import { Deadline } from '../../lib/timeout-queue.ts';
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import type { RouteCells } from '../../observability/traffic-cells.ts';
import type { ResponseFlag } from '../../observability/response-flag.ts';
import type { EndpointPool } from '../cluster/endpoint-pool.ts';
import type { RetryBudget } from '../cluster/retry-budget.ts';
import type { RuntimeCluster } from '../cluster/runtime-cluster.ts';
import type { BodyLength, Exchange, ExchangeHandler, RequestHead, ResponseHead } from '../exchange.ts';
import type { FilterChain, FilterContext, LocalResponse } from '../filter/filter.ts';
import { isGrpcCall, parseGrpcTimeout } from '../grpc.ts';
import type { HeaderList } from '../header-list.ts';
import { ProxyError } from '../proxy-error.ts';
import { selectRoute } from '../route/route-table.ts';
import type { RouteSelection } from '../route/candidate.ts';
import { chooseVirtualHost } from '../route/virtual-host.ts';
import type { RuntimeCertificate } from '../runtime/certificate-context.ts';
import type { RuntimeBackend, RuntimeRule } from '../runtime/runtime-route.ts';
import type { RuntimeListener, RuntimeSnapshot, RuntimeVirtualHost } from '../runtime/snapshot.ts';
import { servesConnectionOf } from '../runtime/tls-policy.ts';
import { judgeEscapedSlashes } from './escaped-slashes.ts';
import { GrpcWebExchange } from './grpc-web.ts';
import { isLooping, setForwardedHeaders } from './forwarded-headers.ts';
import { sendErrorReply, sendGrpcError, sendReply } from './local-reply.ts';
import { RequestBody } from './request-body.ts';
import { RequestDeadline } from './request-deadline.ts';
import { RequestMirror } from './request-mirror.ts';
import { RESCUES } from './rescue.ts';
import { backoffMs, judgeError, judgeStatus, RetryTimer } from './retry.ts';
import type { RetryVerdict } from './retry.ts';
import type { RequestServices, TlsInfo } from './request-services.ts';
import { UpstreamTry } from './upstream-try.ts';
import type { TryOwner } from './upstream-try.ts';

/** Beyond it, a client's deadline is none. */
const MAX_CALL_TIMEOUT_MS = 24 * 3_600_000;

export class HttpRequest extends Deadline implements ExchangeHandler, FilterContext, TryOwner {
  readonly exchange: Exchange;
  readonly request: RequestHead;
  readonly tls: TlsInfo | undefined;
  readonly requestId: string = randomUUID();
  readonly startMs: number;
  clientAddress: string;
  /** As matched, before filters rewrite it. */
  readonly path: string;
  virtualHost: RuntimeVirtualHost | undefined = undefined;
  selection: RouteSelection<RuntimeRule> | undefined = undefined;
  backend: RuntimeBackend | undefined = undefined;
  endpoint: EndpointPool | undefined = undefined;
  /** Of the answer; 0 while there is none. */
  status = 0;
  /** Of a gRPC call, as it is written. */
  grpcStatus: string | undefined = undefined;
  flag: ResponseFlag | undefined = undefined;
  upstreamHeadAtMs = 0;
  corsOrigin: string | undefined = undefined;
  tries = 0;

  readonly #services: RequestServices;
  readonly #snapshot: RuntimeSnapshot;
  readonly #listener: RuntimeListener;
  /** What comes by HTTP/1.1 under the name of gRPC is a request like any other, and no gRPC route takes it. */
  readonly #isGrpc: boolean;
  readonly #body: RequestBody;
  #cells: RouteCells;
  #cluster: RuntimeCluster | undefined = undefined;
  #try: UpstreamTry | undefined = undefined;
  #retryTimer: RetryTimer | undefined = undefined;
  #retryBudget: RetryBudget | undefined = undefined;
  /** Granted by the budget. */
  #budgetedRetries = 0;
  #requestDeadline: RequestDeadline | undefined = undefined;
  #mirrors: RequestMirror[] | undefined = undefined;
  #isTunnel = false;
  #isTunnelHalfClosed = false;
  #isDone = false;

  constructor(
    services: RequestServices,
    snapshot: RuntimeSnapshot,
    listener: RuntimeListener,
    tls: TlsInfo | undefined,
    exchange: Exchange,
  ) {
    super();
    this.#services = services;
    this.#snapshot = snapshot;
    this.#listener = listener;
    this.#isGrpc = speaksGrpc(exchange) && isGrpcCall(exchange.request.headers);
    this.#body = new RequestBody(services.replayBudget);
    this.#cells = listener.cells;
    this.tls = tls;
    this.exchange = exchange;
    this.request = exchange.request;
    this.path = exchange.request.path;
    this.clientAddress = exchange.downstream.remoteAddress;
    this.startMs = performance.now();
    exchange.handler = this;
  }

  /** A stage that returns false has answered. */
  run(): void {
    if (
      this.#guard() &&
      this.#chooseVirtualHost() &&
      this.#describeClient() &&
      this.#checkPath() &&
      this.#selectRoute() &&
      this.#filter(this.selection?.target.filters) &&
      this.#chooseBackend() &&
      this.#filter(this.backend?.filters)
    ) {
      this.#forward();
    }
  }

  /** Answers a failure, or cuts the answer that has begun. */
  fail(error: ProxyError): void {
    if (this.#isDone) return;
    const rescue = RESCUES[error.code];
    this.flag = rescue.flag;
    this.#try?.abort();
    if (this.status === 0 && this.#isGrpc) {
      this.status = 200;
      this.grpcStatus = String(rescue.grpc);
      sendGrpcError(this.exchange, rescue, this.requestId);
    } else if (this.status === 0) {
      this.status = rescue.status;
      sendErrorReply(this.exchange, rescue, this.requestId);
    } else {
      this.exchange.abort();
    }
    this.#finish();
  }

  // — the stages —

  #guard(): boolean {
    if (this.#services.overload.refusesRequests) {
      this.fail(new ProxyError('overloaded', 'internal', 'the gateway is overloaded'));
      return false;
    }
    if (!isLooping(this.request.headers)) return true;
    this.fail(new ProxyError('loop_detected', 'downstream', 'Via names this gateway too often'));
    return false;
  }

  #chooseVirtualHost(): boolean {
    const found = chooseVirtualHost(this.#listener.virtualHosts, this.tls?.serverName, this.request.host);
    const choice = typeof found === 'string' || this.#isServedBy(found) ? found : 'misdirected';
    if (typeof choice === 'string') {
      this.fail(new ProxyError(choice, 'downstream', `no virtual host for ${this.request.host}`));
      return false;
    }
    this.virtualHost = choice;
    this.#cells = choice.cells;
    return true;
  }

  /** Whoever names no server, or was here before the policy changed, was not asked for what this virtual host asks of clients. */
  #isServedBy(host: RuntimeVirtualHost): boolean {
    if (this.tls === undefined) return true;
    const { serverName, policy } = this.tls;
    const isSameHost = serverName !== undefined || host === this.#listener.virtualHosts.any;
    return servesConnectionOf(host.tlsPolicy, policy, isSameHost);
  }

  #describeClient(): boolean {
    const { downstream, protocol } = this.exchange;
    const trustedHops = this.#listener.config.settings?.trustedHops ?? 0;
    this.clientAddress = setForwardedHeaders(this.request, downstream, this.requestId, protocol, trustedHops);
    return true;
  }

  #checkPath(): boolean {
    const { path, query } = this.request;
    const answer = judgeEscapedSlashes(path, query, this.#listener.config.settings?.escapedSlashes);
    if (answer === undefined) return true;
    if (answer instanceof ProxyError) this.fail(answer);
    else this.#answer(answer);
    return false;
  }

  #selectRoute(): boolean {
    const selection = this.virtualHost === undefined ? undefined : selectRoute(this.virtualHost.routes, this.request);
    if (selection === undefined) {
      this.fail(new ProxyError('route_not_found', 'downstream', `no route for ${this.request.path}`));
      return false;
    }
    this.selection = selection;
    this.#cells = selection.target.cells;
    this.#cells.activeRequests.inc();
    if (selection.route.protocol === 'grpc' && !this.#isGrpc) {
      this.fail(new ProxyError('version_not_supported', 'downstream', 'gRPC is spoken by HTTP/2 only'));
      return false;
    }
    const { requestTimeout } = selection.target;
    const timeout = this.#isGrpc ? this.#callTimeout(requestTimeout) : requestTimeout;
    if (timeout !== undefined) {
      this.#requestDeadline = new RequestDeadline(this);
      timeout.arm(this.#requestDeadline);
    }
    return true;
  }

  /** The client's deadline counts as well as the route's. */
  #callTimeout(ofRoute: TimeoutQueue | undefined): TimeoutQueue | undefined {
    const text = this.request.headers.get('grpc-timeout');
    const timeoutMs = text === undefined ? undefined : parseGrpcTimeout(text);
    if (timeoutMs === undefined || timeoutMs > (ofRoute?.durationMs ?? MAX_CALL_TIMEOUT_MS)) return ofRoute;
    // A queue of 0 ms never expires; this call is over already.
    return this.#services.timeout(Math.max(timeoutMs, 1));
  }

  #filter(filters: FilterChain | undefined): boolean {
    if (filters === undefined) return true;
    for (const onRequest of filters.onRequest) {
      const answer = onRequest(this);
      if (answer === undefined) continue;
      this.#answer(answer);
      return false;
    }
    return true;
  }

  #chooseBackend(): boolean {
    this.backend = this.selection?.target.backends?.next();
    const key = this.backend?.cluster;
    this.#cluster = key === undefined ? undefined : this.#snapshot.clusters.get(key);
    if (this.#cluster !== undefined) return true;
    this.fail(
      new ProxyError(
        'no_backend',
        'internal',
        this.backend === undefined ? 'no backend' : `${this.backend.name} is not usable`,
      ),
    );
    return false;
  }

  #forward(): void {
    this.#retryBudget = this.#cluster?.retryBudget;
    this.#retryBudget?.begin();
    this.#services.timeouts.streamIdle.arm(this);
    this.#startTry(false);
  }

  /** @param needsFresh whether a connection that was used before won't do. */
  #startTry(needsFresh: boolean): void {
    const endpoint = this.#cluster?.select(this.endpoint);
    if (endpoint === undefined) {
      this.fail(
        new ProxyError('no_healthy_upstream', 'upstream', `${this.#cluster?.config.name} has no ready endpoint`),
      );
      return;
    }
    this.endpoint = endpoint;
    this.tries++;
    this.#try = new UpstreamTry(endpoint, this.exchange, this.#body, this);
    this.#try.start(this.selection?.target.backendTimeout, needsFresh);
  }

  // — the request's body, from the codec —

  onRequestData(chunk: Uint8Array): void {
    if (this.#isDone) return;
    this.#touch();
    if (this.#mirrors !== undefined) for (const mirror of this.#mirrors) mirror.write(chunk);
    if (!this.#body.write(chunk)) this.exchange.pauseRequest();
  }

  onRequestEnd(trailers: HeaderList | undefined): void {
    if (this.#isDone) return;
    if (this.#mirrors !== undefined) for (const mirror of this.#mirrors) mirror.end(trailers);
    this.#body.end(trailers);
    if (this.#isTunnel) this.#endTunnelSide();
  }

  onRequestFlush(): void {
    this.#body.flush();
    if (this.#mirrors !== undefined) for (const mirror of this.#mirrors) mirror.flush();
  }

  /** Once it is over, nothing here tells what a stream that was given up still holds. */
  get holdsRequestChunks(): boolean {
    return (
      this.#isDone || this.#body.holdsChunks || this.#mirrors?.some((mirror) => mirror.holdsRequestChunks) === true
    );
  }

  onRequestError(error: ProxyError): void {
    this.fail(error);
  }

  onAbort(error: ProxyError): void {
    if (this.#isDone) return;
    const { status, flag } = RESCUES[error.code];
    this.flag = flag;
    if (this.status === 0) this.status = status;
    this.#try?.abort();
    this.#finish();
  }

  onResponseDrain(): void {
    this.#try?.resume();
  }

  // — the answer, from the endpoint —

  get holdsChunks(): boolean {
    return this.exchange.holdsChunks;
  }

  onTryInformational(status: number, headers: HeaderList): void {
    if (status !== 100 || this.exchange.expectsContinue) this.exchange.respondInformational(status, headers);
  }

  onTryResponse(head: ResponseHead, length: BodyLength | undefined): void {
    const verdict = judgeStatus(this.#retryPolicy, this.request.method, this.tries, head.status);
    if (this.#mayRetry(verdict)) {
      this.#try?.abort();
      this.#retry(verdict);
      return;
    }
    this.#body.forget();
    this.upstreamHeadAtMs = performance.now();
    this.status = head.status;
    if (this.#isGrpc) this.grpcStatus = head.headers.get('grpc-status');
    this.#filterResponse(head);
    if (head.status === 101) {
      this.#isTunnel = true;
      // They got the request; what follows is another protocol.
      this.#mirrors = undefined;
      this.#requestDeadline?.disarm();
      this.#services.timeouts.tunnelIdle.arm(this);
    }
    head.headers.set('x-request-id', this.requestId);
    this.exchange.respond(head, length);
  }

  onTryData(chunk: Uint8Array): void {
    this.#touch();
    if (!this.exchange.writeResponse(chunk)) this.#try?.pause();
  }

  onTryFlush(): void {
    if (!this.#isDone) this.exchange.flushResponse();
  }

  onTryEnd(trailers: HeaderList | undefined): void {
    if (this.#isGrpc) this.grpcStatus ??= trailers?.get('grpc-status');
    this.exchange.endResponse(trailers);
    if (this.#isTunnel) this.#endTunnelSide();
    else this.#finish();
  }

  onTryError(error: ProxyError): void {
    if (this.#isDone) return;
    if (error.code === 'upstream_timeout') this.#cluster?.metrics.timeouts.inc();
    const verdict = judgeError(this.#retryPolicy, this.request.method, this.tries, error);
    if (this.#mayRetry(verdict)) this.#retry(verdict);
    else this.fail(error);
  }

  get #retryPolicy(): RetryPolicy | undefined {
    return this.selection?.rule.retry;
  }

  #mayRetry(verdict: RetryVerdict): boolean {
    if (verdict === 'no' || this.status !== 0 || !this.#body.isReplayable) return false;
    if (verdict === 'fresh') return true;
    if (verdict === 'elsewhere')
      return this.#retryPolicy !== undefined || (this.#cluster !== undefined && this.#cluster.pools.length > 1);
    if (this.#retryBudget?.takeRetry() !== true) return false;
    this.#budgetedRetries++;
    return true;
  }

  /** On the next endpoint, where there is one. */
  #retry(verdict: RetryVerdict): void {
    this.#cluster?.metrics.retries.inc();
    const waitMs = verdict === 'fresh' ? 0 : backoffMs(this.#retryPolicy, this.tries, Math.random());
    if (waitMs === 0) {
      this.#startTry(verdict === 'fresh');
      return;
    }
    this.#retryTimer = new RetryTimer(() => this.#startTry(false));
    this.#services.timeout(waitMs).arm(this.#retryTimer);
  }

  onTryDrain(): void {
    this.exchange.resumeRequest();
  }

  /** Nobody sent or took a byte for too long. */
  onExpired(): void {
    this.fail(new ProxyError('stream_idle', 'downstream', 'no byte in either direction for too long'));
  }

  /** From RequestDeadline. */
  onRequestTimeout(): void {
    this.#cluster?.metrics.timeouts.inc();
    this.fail(new ProxyError('route_timeout', 'upstream', 'the request timeout expired'));
  }

  /** What endpoints that ask for a certificate are shown. */
  get clientCertificate(): RuntimeCertificate | undefined {
    return this.virtualHost?.backendClientCertificate;
  }

  // — what filters ask for —

  get listenerPort(): number {
    return this.#listener.config.port;
  }

  get matchedPath(): PathMatch {
    return this.selection?.match.path ?? NO_PATH_MATCH;
  }

  mirror(key: string): void {
    const cluster = this.#snapshot.clusters.get(key);
    if (cluster === undefined) return;
    const mirror = new RequestMirror(this.exchange, this.clientCertificate);
    (this.#mirrors ??= []).push(mirror);
    mirror.start(cluster, this.selection?.target.requestTimeout ?? this.#services.timeouts.streamIdle);
  }

  // — the end —

  #answer({ status, headers }: LocalResponse): void {
    this.status = status;
    this.#filterResponse({ status, headers });
    sendReply(this.exchange, status, headers, '', this.requestId);
    this.#finish();
  }

  #filterResponse(head: ResponseHead): void {
    if (this.backend !== undefined) for (const onResponse of this.backend.filters.onResponse) onResponse(this, head);
    const filters = this.selection?.target.filters;
    if (filters !== undefined) for (const onResponse of filters.onResponse) onResponse(this, head);
  }

  #touch(): void {
    const { streamIdle, tunnelIdle } = this.#services.timeouts;
    (this.#isTunnel ? tunnelIdle : streamIdle).arm(this);
  }

  #endTunnelSide(): void {
    if (!this.#isTunnelHalfClosed) {
      this.#isTunnelHalfClosed = true;
      return;
    }
    this.#try?.release();
    this.#finish();
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.disarm();
    this.#requestDeadline?.disarm();
    this.#retryTimer?.disarm();
    this.#retryBudget?.end(this.#budgetedRetries);
    this.#body.forget();
    if (this.#mirrors !== undefined && !this.exchange.isRequestComplete)
      for (const mirror of this.#mirrors) mirror.abort();
    if (this.selection !== undefined) this.#cells.activeRequests.dec();
    this.#services.onRequestDone(this, this.#cells);
  }
}

const NO_PATH_MATCH: PathMatch = { type: 'prefix', value: '/' };

/** gRPC is HTTP/2; gRPC-Web, which is not, was translated. */
function speaksGrpc(exchange: Exchange): boolean {
  return exchange.protocol === 'HTTP/2' || exchange instanceof GrpcWebExchange;
}
