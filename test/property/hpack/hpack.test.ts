// HPACK against a reference, on connections whose blocks are right, or wrong in a place or two.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../harness/seeded-random.ts';
import { describeMutants, SOURCES } from '../mutant.ts';
import { MUTANTS } from './mutants.ts';
import { findDisagreement, loadProduct } from './property.ts';

const CONNECTIONS = { quick: 2_000, full: 100_000 }[process.env['SLUICE_TEST_DEPTH'] ?? ''] ?? 8_000;
/** Most mutants need some hundreds, a few some thousands. */
const MUTANT_CONNECTIONS = 8_000;
const PARTS = ['dataplane/codec/http2/hpack'];

test(`${CONNECTIONS} connections are read and written as the reference does`, async () => {
  assert.equal(findDisagreement(await loadProduct(SOURCES), seededRandom(), CONNECTIONS), undefined);
});

describeMutants('the property of HPACK finds that', MUTANTS, PARTS, async (sources) =>
  findDisagreement(await loadProduct(sources), seededRandom(), MUTANT_CONNECTIONS),
);
