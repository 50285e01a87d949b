// What a server-side HTTP/2 connection is told about its listener, and what it says of itself.
import type { Http1Limits, Http1ServerTimeouts } from '../http1/server-settings.ts';
import { SETTING } from './frame.ts';
import type { SessionMemory } from './session-memory.ts';
import type { SessionOptions } from './session-owner.ts';

export interface Http2ServerSettings {
  readonly limits: Http2Limits;
  readonly timeouts: Http1ServerTimeouts;
  readonly memory: SessionMemory;
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

/** Fields beyond the limit that are still read, so that a little too many get an answer and not a reset. */
const SPARE_FIELDS = 28;
/** What a field costs beside its text (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;
/** Of the text that is allowed, what is still read, for the same reason. */
const SPARE_FACTOR = 2;

export function sessionOptions({ limits, memory }: Http2ServerSettings): SessionOptions {
  const { maxConcurrentStreams, streamWindowBytes, connectionWindowBytes, maxHeadBytes, maxHeaderCount } = limits;
  const maxListBytes = maxHeadBytes + FIELD_OVERHEAD_BYTES * maxHeaderCount;
  return {
    isServer: true,
    memory,
    maxConcurrentStreams,
    streamWindowBytes,
    connectionWindowBytes,
    maxFieldCount: maxHeaderCount + SPARE_FIELDS,
    maxFieldBytes: maxListBytes * SPARE_FACTOR,
    settings: [
      [SETTING.enablePush, 0],
      [SETTING.maxConcurrentStreams, maxConcurrentStreams],
      [SETTING.maxHeaderListSize, maxListBytes],
      [SETTING.enableConnectProtocol, 1],
    ],
  };
}
