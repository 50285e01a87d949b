// The bounds of the data plane, with the defaults of an edge proxy.
import type { Http1Limits } from './codec/http1/server-settings.ts';

export interface EngineLimits extends Http1Limits {
  /** Open connections per listening socket. */
  readonly maxConnections: number;
  /** What all requests together keep of their bodies for retries; beyond it bodies stream and are not sent again. */
  readonly maxReplayBytes: number;
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
  readonly writeStallMs: number;
  /** How long a connection that is being closed reads on. */
  readonly lingerMs: number;
  /** How long connections of a removed listener may finish. */
  readonly listenerDrainMs: number;
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  maxConnections: 10_000,
  maxReplayBytes: 64 * 1024 * 1024,
  maxHeadBytes: 60 * 1024,
  maxUriBytes: 8 * 1024,
  maxHeaderCount: 100,
  maxBodyBytes: 0,
  maxRequestsPerConnection: 0,
};

export const DEFAULT_ENGINE_TIMEOUTS: EngineTimeouts = {
  tlsHandshakeMs: 10_000,
  headMs: 10_000,
  bodyIdleMs: 30_000,
  keepAliveIdleMs: 60_000,
  streamIdleMs: 300_000,
  tunnelIdleMs: 3_600_000,
  writeStallMs: 30_000,
  lingerMs: 2_000,
  listenerDrainMs: 30_000,
};
