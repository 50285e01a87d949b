// Inserts bytes into valid requests and lets the differential judge. Runs in worker threads, each with a gateway and its share of the
// attempts, so that two cores are used.
import { parentPort, workerData } from 'node:worker_threads';
import { startGateways } from '../../harness/engine.ts';
import { PATIENCE, attemptAll } from './differential.ts';
import type { Attempt, Tally } from './differential.ts';

export interface Share {
  /** latin1 */
  readonly stream: string;
  readonly bytes: readonly number[];
  /** This share takes every `of`-th attempt. */
  readonly index: number;
  readonly of: number;
}

const CONNECTIONS = 32;

function* insertions({ stream, bytes, index, of }: Share): Generator<Attempt> {
  const whole = Buffer.from(stream, 'latin1');
  let count = 0;
  for (let at = 0; at <= whole.length; at++) {
    for (const byte of bytes) {
      if (count++ % of === index)
        yield { bytes: Buffer.concat([whole.subarray(0, at), Buffer.of(byte), whole.subarray(at)]) };
    }
  }
}

async function run(shares: readonly Share[]): Promise<Tally[]> {
  // Attempts that swallow what follows them run into a timeout; all else comes at once.
  await using gateways = await startGateways(CONNECTIONS, {
    timeouts: PATIENCE,
  });
  const tallies: Tally[] = [];
  for (const share of shares) tallies.push(await attemptAll(gateways.targets, insertions(share), share.stream));
  return tallies;
}

parentPort?.postMessage(await run(workerData as readonly Share[]));
