// Puts bytes into valid messages, between others or in their place, and lets a differential judge. Runs in worker threads, each with a
// gateway and its share of the attempts, so that two cores are used.
import { parentPort, workerData } from 'node:worker_threads';
import { startGateways } from '../../harness/engine.ts';
import { attemptAll } from './attempts.ts';
import { PATIENCE, judgeRequest } from './request-differential.ts';
import { judgeResponse } from './response-differential.ts';
import type { Tally } from './attempts.ts';

export interface ByteEdits {
  /** Who sends the edited bytes. */
  readonly side: 'client' | 'upstream';
  /** latin1 */
  readonly stream: string;
  readonly bytes: readonly number[];
  /** How many bytes of the stream each byte takes the place of: 0 inserts it. */
  readonly replaced: 0 | 1;
}

export interface Share {
  readonly edits: readonly ByteEdits[];
  /** This share takes every `of`-th attempt. */
  readonly index: number;
  readonly of: number;
}

const CONNECTIONS = 32;

function* attempts({ stream, bytes, replaced }: ByteEdits, { index, of }: Share): Generator<Buffer> {
  const whole = Buffer.from(stream, 'latin1');
  let count = 0;
  for (let at = 0; at + replaced <= whole.length; at++) {
    for (const byte of bytes) {
      if (count++ % of !== index) continue;
      yield Buffer.concat([whole.subarray(0, at), Buffer.of(byte), whole.subarray(at + replaced)]);
    }
  }
}

async function run(share: Share): Promise<Tally[]> {
  await using gateways = await startGateways(CONNECTIONS, { timeouts: PATIENCE });
  const tallies: Tally[] = [];
  for (const edits of share.edits) {
    const judge = edits.side === 'client' ? judgeRequest : judgeResponse;
    tallies.push(await attemptAll(gateways.targets, attempts(edits, share), judge, edits.stream));
  }
  return tallies;
}

const tallies = await run(workerData as Share);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port, not a window
parentPort?.postMessage(tallies);
