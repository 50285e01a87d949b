// The order in which V8 lets go of a session and its streams. Node ends the process by an assertion (current_nghttp2_memory_ == 0) when a
// session goes before a stream whose block of fields was cut short, and garbage collection keeps to no order by itself.
import type { Http2Session } from 'node:http2';

/** What it holds for a target is let go of after the target. */
const RELEASED_LATER = new FinalizationRegistry<unknown>(() => {});

/** Node's own part of a session: what the assertion is about. Read it while the session is open. */
export function nativeSession(session: Http2Session): unknown {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'kHandle');
  return symbol === undefined ? undefined : Reflect.get(session, symbol);
}

/** @param native of the stream's session. Streams that ended as they should need not be guarded. */
export function releaseAfter(stream: object, native: unknown): void {
  RELEASED_LATER.register(stream, native);
}
