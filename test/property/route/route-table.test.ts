import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { enableLinearRegExp } from '../../../src/lib/linear-regexp.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { describeMutants, SOURCES } from '../mutant.ts';
import { MUTANTS } from './mutants.ts';
import { findDisagreement, loadProduct } from './property.ts';

/** Each mutant needs some thousands at the most. */
const ANSWERS = 60_000;
const PARTS = ['lib', 'ir', 'dataplane/route', 'dataplane/header-list.ts', 'dataplane/grpc.ts'];

before(enableLinearRegExp);

test('selection and its explanation agree with the reference', async () => {
  assert.equal(findDisagreement(await loadProduct(SOURCES), seededRandom(), ANSWERS), undefined);
});

describeMutants('the property of route selection finds that', MUTANTS, PARTS, async (sources) =>
  findDisagreement(await loadProduct(sources), seededRandom(), ANSWERS),
);
