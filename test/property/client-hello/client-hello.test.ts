// T07: the ClientHello parser against a reference, on hellos that are right, or wrong in a place or two.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../harness/seeded-random.ts';
import { describeMutants, SOURCES } from '../mutant.ts';
import { MUTANTS } from './mutants.ts';
import { findDisagreement, loadProduct } from './property.ts';

const INPUTS = { quick: 10_000, full: 1_000_000 }[process.env['SLUICE_TEST_DEPTH'] ?? ''] ?? 60_000;
/** Each mutant needs some thousands. */
const MUTANT_INPUTS = 60_000;
const PARTS = ['dataplane/codec/client-hello.ts', 'lib'];

test(`${INPUTS} ClientHellos are read as the reference reads them, from the byte on that decides`, async () => {
  assert.equal(findDisagreement(await loadProduct(SOURCES), seededRandom(), INPUTS), undefined);
});

describeMutants('the property of ClientHellos finds that', MUTANTS, PARTS, async (sources) =>
  findDisagreement(await loadProduct(sources), seededRandom(), MUTANT_INPUTS),
);
