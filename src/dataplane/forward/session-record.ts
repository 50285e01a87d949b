// What is kept of a session (a connection, or the datagrams of one client) when it has ended: counts in the cells of its route, and a
// line in the access log.
import type { AccessLog } from '../../observability/access-log.ts';
import type { ProxyErrorCode } from '../proxy-error.ts';
import type { StreamTarget } from '../runtime/runtime-stream-route.ts';
import { RESCUES } from './rescue.ts';

/** What became of a session; what it did not come to is undefined or 0. */
export interface FinishedSession {
  readonly client: SessionClient;
  readonly target: Omit<StreamTarget<unknown>, 'endpoints'>;
  /** performance.now() */
  readonly startMs: number;
  /** `address:port` of the last try. */
  readonly endpoint: string | undefined;
  readonly tries: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Undefined: both ends were done. */
  readonly failure: ProxyErrorCode | undefined;
}

export interface SessionClient {
  /** `TLS`: terminated, or passed through. */
  readonly protocol: 'TCP' | 'TLS' | 'UDP';
  readonly remoteAddress: string;
  /** SNI in the form of a host. */
  readonly serverName?: string | undefined;
  /** `TLSv1.3`; only where TLS is terminated. */
  readonly tlsVersion?: string | undefined;
}

export function recordSession(session: FinishedSession, accessLog: AccessLog | undefined): void {
  const { client, target, startMs, failure, bytesReceived, bytesSent } = session;
  const { cells } = target;
  const flag = failure === undefined ? undefined : RESCUES[failure].flag;
  cells.sessions.inc();
  if (flag !== undefined) cells.flaggedSessions.inc(flag);
  cells.receivedBytes.add(bytesReceived);
  cells.sentBytes.add(bytesSent);
  accessLog?.log({
    startMs: performance.timeOrigin + startMs,
    durationMs: performance.now() - startMs,
    method: undefined,
    host: client.serverName,
    path: undefined,
    query: undefined,
    protocol: client.protocol,
    status: undefined,
    grpcStatus: undefined,
    flag,
    listener: target.listener,
    route: target.route,
    rule: undefined,
    backend: target.backend,
    endpoint: session.endpoint,
    remoteAddress: client.remoteAddress,
    bytesReceived,
    bytesSent,
    requestId: undefined,
    traceId: undefined,
    userAgent: undefined,
    referer: undefined,
    upstreamDurationMs: undefined,
    attempts: session.tries,
    tlsVersion: client.tlsVersion,
    serverName: client.serverName,
  });
}
