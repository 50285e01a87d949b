import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from '../../../src/lib/nearest-name.ts';

const FIELDS = ['backendRefs', 'filters', 'matches', 'name', 'timeouts'];

test('the nearest name is found through typing errors and case', () => {
  assert.equal(nearestName('backendrefs', FIELDS), 'backendRefs');
  assert.equal(nearestName('backendRef', FIELDS), 'backendRefs');
  assert.equal(nearestName('macthes', FIELDS), 'matches');
  assert.equal(nearestName('Nmae', ['name']), undefined, 'two errors in four letters are too many');
  assert.equal(nearestName('namee', FIELDS), 'name');
});

test('nothing is near to a name that is quite different, or too long to be worth comparing', () => {
  assert.equal(nearestName('weight', FIELDS), undefined);
  assert.equal(nearestName('', FIELDS), undefined);
  assert.equal(nearestName('a'.repeat(70), ['a'.repeat(70)]), undefined);
});
