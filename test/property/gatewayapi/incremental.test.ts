import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { enableLinearRegExp } from '../../../src/lib/linear-regexp.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { describeMutants, SOURCES } from '../mutant.ts';
import { MUTANTS } from './mutants.ts';
import { findDisagreement, loadProduct } from './property.ts';

/** Each mutant needs some hundreds as a rule. */
const EDITS = 10_000;
const PARTS = ['api', 'gatewayapi', 'ir', 'lib'];

before(enableLinearRegExp);

test('incremental translation agrees with translation from scratch', async () => {
  assert.equal(findDisagreement(await loadProduct(SOURCES), seededRandom(), EDITS), undefined);
});

describeMutants('the property of incremental translation finds that', MUTANTS, PARTS, async (sources) =>
  findDisagreement(await loadProduct(sources), seededRandom(), EDITS),
);
