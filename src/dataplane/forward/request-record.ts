// What is kept of a request when it has ended: counts in the cells of its route, and a line in the access log.
import type { AccessLog, AccessLogRecord } from '../../observability/access-log.ts';
import { statusClass } from '../../observability/metric-names.ts';
import { parseTraceparent } from '../../observability/traceparent.ts';
import type { RouteCells } from '../../observability/traffic-cells.ts';
import type { FinishedRequest } from './request-services.ts';

export function recordRequest(request: FinishedRequest, cells: RouteCells, accessLog: AccessLog | undefined): void {
  const durationMs = performance.now() - request.startMs;
  const { exchange, flag, status } = request;
  cells.requests.inc(statusClass(status));
  if (flag !== undefined) cells.flaggedRequests.inc(flag);
  cells.requestDuration.observe(durationMs / 1_000);
  cells.receivedBytes.add(exchange.bytesReceived);
  cells.sentBytes.add(exchange.bytesSent);
  accessLog?.log(accessLogRecord(request, durationMs));
}

function accessLogRecord(request: FinishedRequest, durationMs: number): AccessLogRecord {
  const { exchange, selection, startMs, upstreamHeadAtMs, tls } = request;
  const { headers } = exchange.request;
  const traceparent = headers.get('traceparent');
  return {
    startMs: performance.timeOrigin + startMs,
    durationMs,
    method: exchange.request.method,
    host: exchange.request.host,
    path: request.path,
    query: exchange.request.query,
    protocol: exchange.protocol,
    status: request.status,
    grpcStatus: request.grpcStatus,
    flag: request.flag,
    listener: request.virtualHost?.name,
    route: selection?.route.name,
    rule: selection?.rule.name,
    backend: request.backend?.name,
    endpoint: request.endpoint?.name,
    remoteAddress: request.clientAddress,
    bytesReceived: exchange.bytesReceived,
    bytesSent: exchange.bytesSent,
    requestId: request.requestId,
    traceId: traceparent === undefined ? undefined : parseTraceparent(traceparent)?.traceId,
    userAgent: headers.get('user-agent'),
    referer: headers.get('referer'),
    upstreamDurationMs: upstreamHeadAtMs === 0 ? undefined : upstreamHeadAtMs - startMs,
    attempts: request.tries,
    tlsVersion: tls?.version,
    serverName: tls?.serverName,
  };
}
