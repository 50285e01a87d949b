// I09: the PROXY protocol against a reference, on headers that are right, or wrong in a place or two, and on what is written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../harness/seeded-random.ts';
import { describeMutants, SOURCES } from '../mutant.ts';
import { MUTANTS } from './mutants.ts';
import { findDisagreement, loadProduct } from './property.ts';

const INPUTS = { quick: 10_000, full: 1_000_000 }[process.env['SLUICE_TEST_DEPTH'] ?? ''] ?? 60_000;
/** Each mutant needs some thousands. */
const MUTANT_INPUTS = 60_000;
const PARTS = ['dataplane/codec/proxy-protocol.ts'];

test(`${INPUTS} PROXY headers are read as the reference reads them, and it reads what is written`, async () => {
  assert.equal(findDisagreement(await loadProduct(SOURCES), seededRandom(), INPUTS), undefined);
});

describeMutants('the property of the PROXY protocol finds that', MUTANTS, PARTS, async (sources) =>
  findDisagreement(await loadProduct(sources), seededRandom(), MUTANT_INPUTS),
);
