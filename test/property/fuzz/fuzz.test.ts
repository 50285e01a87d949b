// The fuzzer on all its targets, for as long as a test run may take; `npm run fuzz` goes on from there. And whether it can find anything.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ExecutionCounters } from '../../fuzz/code-coverage.ts';
import { fuzz } from '../../fuzz/fuzzer.ts';
import type { FuzzTarget } from '../../fuzz/target.ts';
import { fuzzTargets } from '../../fuzz/targets.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { password } from './password.ts';

const INPUTS = { quick: 2_000, full: 500_000 }[process.env['SLUICE_TEST_DEPTH'] ?? ''] ?? 20_000;

const counters = new ExecutionCounters();
after(() => counters.close());

describe(`${INPUTS} inputs, driven by coverage`, async () => {
  for (const target of await fuzzTargets()) {
    test(target.name, (t) => {
      const random = seededRandom();
      const seeds = target.seeds(random).length;
      const { failure, inputs, corpus, reached } = fuzz(target, counters, random, INPUTS);
      assert.equal(failure, undefined);
      assert.equal(inputs, INPUTS);
      assert.ok(corpus > seeds && reached > 1_000, `${corpus} inputs reach ${reached} characters of code`);
      t.diagnostic(`${corpus} inputs reach ${reached} characters of code`);
    });
  }
});

test('what takes five right bytes in a row is found, as coverage tells when one of them is right', () => {
  const target: FuzzTarget = {
    name: 'password',
    files: ['test/property/fuzz/password.ts'],
    seeds: () => [Buffer.from('?????')],
    check: (bytes) => (password(bytes) ? 'it was guessed' : undefined),
  };
  const { failure = '' } = fuzz(target, counters, seededRandom(), 500_000);
  assert.match(failure, /^password 7e21257e3f\S*: it was guessed$/);
});
