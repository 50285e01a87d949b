// What both referees say about a stream; they were written apart, so a reading that they share is taken as the truth.
import assert from 'node:assert/strict';
import { grammarReferee } from './grammar-referee.ts';
import { stateMachineReferee } from './state-machine-referee.ts';
import type { Reading, RequestContext, ResponseContext } from './http1-message.ts';

/** @throws AssertionError where the referees read the stream of requests differently. */
export function readAlike(bytes: Uint8Array, context?: RequestContext): Reading {
  return agreed(stateMachineReferee.readRequests(bytes, context), grammarReferee.readRequests(bytes, context), bytes);
}

/** @throws AssertionError where the referees read the stream of responses differently. */
export function readResponsesAlike(bytes: Uint8Array, context?: ResponseContext): Reading {
  return agreed(stateMachineReferee.readResponses(bytes, context), grammarReferee.readResponses(bytes, context), bytes);
}

function agreed(first: Reading, second: Reading, bytes: Uint8Array): Reading {
  assert.deepEqual({ ...first, reason: '' }, { ...second, reason: '' }, `the referees differ on ${quote(bytes)}`);
  return first;
}

/** Bytes as a JSON string of latin1 text, so that a failure can be pasted into a test. */
export function quote(bytes: Uint8Array): string {
  return JSON.stringify(Buffer.from(bytes).toString('latin1'));
}
