// The bounds of the data plane, with the defaults of an edge proxy.
import type { ListenerSettings } from '../ir/listener.ts';
import type { Http2Limits } from './codec/http2/server-settings.ts';

export interface EngineLimits extends Http2Limits {
  /** Open connections per listening socket. */
  readonly maxConnections: number;
  /** Over all listening sockets; near it load is shed. */
  readonly maxTotalConnections: number;
  /** What all requests together keep of their bodies for retries; beyond it bodies stream and are not sent again. */
  readonly maxReplayBytes: number;
  /** Clients of datagrams per listener; beyond it the one that was silent the longest is forgotten. */
  readonly maxUdpSessions: number;
}

/** Durations in milliseconds; 0 switches one off. */
export interface EngineTimeouts {
  readonly tlsHandshakeMs: number;
  /** From the first awaited byte of a request to the end of its head. */
  readonly headMs: number;
  readonly bodyIdleMs: number;
  readonly keepAliveIdleMs: number;
  /** Without a byte of a request or its answer in either direction. */
  readonly streamIdleMs: number;
  readonly tunnelIdleMs: number;
  /** Of a TCP session, without a byte in either direction. */
  readonly tcpIdleMs: number;
  /** Of a TCP session: while bytes wait, how long their receiver may take none. Longer than with HTTP, as streams may rest on purpose. */
  readonly tcpStallMs: number;
  /** Of a UDP session, without a datagram in either direction. */
  readonly udpIdleMs: number;
  readonly writeStallMs: number;
  /** How long a connection that is being closed reads on. */
  readonly lingerMs: number;
  /** How long connections of a removed listener may finish. */
  readonly listenerDrainMs: number;
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  maxConnections: 10_000,
  maxTotalConnections: 50_000,
  maxReplayBytes: 64 * 1024 * 1024,
  maxUdpSessions: 10_000,
  maxHeadBytes: 60 * 1024,
  maxUriBytes: 8 * 1024,
  maxHeaderCount: 100,
  maxBodyBytes: 0,
  allowUnderscore: false,
  maxRequestsPerConnection: 0,
  maxConcurrentStreams: 100,
  streamWindowBytes: 64 * 1024,
  connectionWindowBytes: 1024 * 1024,
};

export const DEFAULT_ENGINE_TIMEOUTS: EngineTimeouts = {
  tlsHandshakeMs: 10_000,
  headMs: 10_000,
  bodyIdleMs: 30_000,
  keepAliveIdleMs: 60_000,
  streamIdleMs: 300_000,
  tunnelIdleMs: 3_600_000,
  tcpIdleMs: 3_600_000,
  tcpStallMs: 300_000,
  udpIdleMs: 60_000,
  writeStallMs: 30_000,
  lingerMs: 2_000,
  listenerDrainMs: 30_000,
};

/** What a listener sets for itself, over what is configured for all. */
export function limitsOf({ limits, allowsUnderscores }: ListenerSettings, defaults: EngineLimits): EngineLimits {
  return { ...defaults, ...limits, allowUnderscore: allowsUnderscores ?? defaults.allowUnderscore };
}
