// How a stream is broken off. node:http2's `close` sends END_STREAM before RST_STREAM, by which a part of a message looks like all of it;
// a stream that is destroyed for a reason sends RST_STREAM alone, and is gone also where that can't be sent.
import type { Http2Stream } from 'node:http2';
import { addAbortSignal } from 'node:stream';

const GIVEN_UP: AbortSignal = AbortSignal.abort();
const BROKEN: Error = new Error('the message is not complete');

/** RST_STREAM with CANCEL: it is not wanted any more. */
export function cancel(stream: Http2Stream): void {
  addAbortSignal(GIVEN_UP, stream);
}

/** RST_STREAM with INTERNAL_ERROR: it can't be completed. */
export function breakOff(stream: Http2Stream): void {
  stream.destroy(BROKEN);
}
