import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SecretText } from '../../../src/lib/secret-text.ts';
import { shareStructure } from '../../../src/lib/shared-structure.ts';

describe('shareStructure', () => {
  it('gives the previous value where all is equal', () => {
    const previous = { list: [1, { name: 'a' }], absent: undefined };
    assert.equal(shareStructure(previous, { list: [1, { name: 'a' }], absent: undefined }), previous);
  });

  it('keeps the parts that are equal, and copies nothing into the given values', () => {
    const previous = { same: { a: [1] }, other: { b: 1 } };
    const next = { same: { a: [1] }, other: { b: 2 } };
    const shared = shareStructure(previous, next);
    assert.deepEqual(shared, { same: { a: [1] }, other: { b: 2 } });
    assert.equal(shared.same, previous.same);
    assert.notEqual(next.same, previous.same);
    assert.deepEqual(previous.other, { b: 1 });
  });

  for (const [name, previous, next] of [
    ['a longer list', [1], [1, 2]],
    ['a shorter list', [1, 2], [1]],
    ['a field more', {}, { a: undefined }],
    ['a field less', { a: undefined }, {}],
    ['another field', { a: undefined }, { b: undefined }],
    ['a list instead of an object', {}, []],
    ['null instead of an object', {}, null],
    ['an object of another class', new Map(), new Map()],
  ] as const) {
    it(`takes ${name} for different`, () => {
      const shared = shareStructure<unknown>(previous, next);
      assert.deepEqual(shared, next);
      assert.notEqual(shared, previous);
    });
  }

  it('tells secrets apart by their content', () => {
    const previous = new SecretText('a');
    const other = new SecretText('b');
    assert.equal(shareStructure(previous, new SecretText('a')), previous);
    assert.equal(shareStructure(previous, other), other);
  });
});
