// Runs many attempts, one at a time on each target, and counts what became of them.
import assert from 'node:assert/strict';
import type { Target } from '../../harness/http1-attack.ts';

/** forwarded: whole · refused: answered by the gateway itself, nothing forwarded · cut: unfinished on the other side */
export type Verdict = 'forwarded' | 'refused' | 'cut';

export type Tally = Record<Verdict | 'attempts', number>;

const MAX_FAILURES = 10;

/** @throws with the first failures. */
export async function attemptAll<T>(
  targets: readonly Target[],
  attempts: Iterable<T>,
  attempt: (target: Target, input: T) => Promise<Verdict>,
  note: string,
): Promise<Tally> {
  const tally = emptyTally();
  const failures: string[] = [];
  const iterator = attempts[Symbol.iterator]();
  const work = async (target: Target): Promise<void> => {
    for (let next = iterator.next(); next.done !== true && failures.length < MAX_FAILURES; next = iterator.next()) {
      tally.attempts++;
      try {
        tally[await attempt(target, next.value)]++;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
  };
  await Promise.all(targets.map(work));
  assert.deepEqual(failures, [], note);
  return tally;
}

export function addTallies(tallies: readonly Tally[]): Tally {
  const sum = emptyTally();
  for (const tally of tallies) for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += tally[key];
  return sum;
}

function emptyTally(): Tally {
  return { attempts: 0, forwarded: 0, refused: 0, cut: 0 };
}
