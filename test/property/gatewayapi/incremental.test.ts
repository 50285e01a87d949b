import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { enableLinearRegExp } from '../../../src/lib/linear-regexp.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { SOURCES } from '../mutant.ts';
import { findDisagreement, loadProduct } from './property.ts';

const EDITS = 10_000;

before(enableLinearRegExp);

test('incremental translation agrees with translation from scratch', async () => {
  assert.equal(findDisagreement(await loadProduct(SOURCES), seededRandom(), EDITS), undefined);
});
