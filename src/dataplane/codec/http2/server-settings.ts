// What a server-side HTTP/2 connection is told about its listener, and the bounds that are nobody's to configure.
import { constants } from 'node:http2';
import type { ServerOptions } from 'node:http2';
import type { Http1Limits, Http1ServerTimeouts } from '../http1/server-settings.ts';

export interface Http2ServerSettings {
  readonly limits: Http2Limits;
  readonly timeouts: Http1ServerTimeouts;
  /** Whether connections close after the answers they are giving. */
  isDraining(): boolean;
}

export interface Http2Limits extends Http1Limits {
  /** Requests at once on one connection. */
  readonly maxConcurrentStreams: number;
  /** What a client may send of one request body before it is read on. */
  readonly streamWindowBytes: number;
  /** The same for all requests of a connection together. */
  readonly connectionWindowBytes: number;
}

/** PING and SETTINGS frames within the interval, as long as no request comes and nothing of an answer goes out; more is a flood. */
export const MAX_CONTROL_FRAMES = 1_000;
export const CONTROL_FRAME_INTERVAL_MS = 10_000;

/** Fields beyond the limit that are still read, so that a little too many get an answer and not a reset. */
const SPARE_FIELDS = 28;
/** What a field costs beside its text (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;
/**
 * Streams that a client may reset right after it opened them (CVE-2023-44487), within the interval. Those that it resets later are bounded by
 * how many it may have at a time, and are what a client does whose deadlines all expire because an endpoint hangs.
 */
export const MAX_EARLY_RESETS = 100;
export const EARLY_RESET_INTERVAL_MS = 10_000;
export const EARLY_RESET_AGE_MS = 100;
/** Of all streams, early or not, nghttp2's own limit: at once, and for each second from then on. */
const RESET_BURST = 2_000;
const RESETS_PER_SECOND = 200;

export function serverOptions(limits: Http2Limits): ServerOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      initialWindowSize: limits.streamWindowBytes,
      maxHeaderListSize: limits.maxHeadBytes + FIELD_OVERHEAD_BYTES * limits.maxHeaderCount,
      enablePush: false,
      enableConnectProtocol: true,
    },
    maxHeaderListPairs: limits.maxHeaderCount + SPARE_FIELDS,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_PER_SECOND,
    strictFieldWhitespaceValidation: true,
    // What an upstream repeats is passed on as it is.
    strictSingleValueFields: false,
    paddingStrategy: constants.PADDING_STRATEGY_NONE,
  };
}
