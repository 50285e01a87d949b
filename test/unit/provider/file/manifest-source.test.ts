// Which files are read again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayHaveChanged } from '../../../../src/provider/file/manifest-source.ts';

test('a file may have changed unless a settled signature says otherwise', () => {
  const file = { path: 'a', signature: '1', isSettled: true };
  assert.equal(mayHaveChanged(undefined, file), true);
  assert.equal(mayHaveChanged({ ...file }, file), false);
  assert.equal(mayHaveChanged({ ...file, signature: '2' }, file), true);
  assert.equal(mayHaveChanged({ ...file, isSettled: false }, file), true);
  const kept = { ...file, isSettled: false };
  assert.equal(mayHaveChanged(kept, kept), false, 'it could not be looked at');
});
