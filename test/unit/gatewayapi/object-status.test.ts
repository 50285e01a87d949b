import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConditionMaker, joinProblems } from '../../../src/gatewayapi/object-status.ts';

describe('joinProblems', () => {
  it('takes the first reason and all messages', () => {
    const problems = [
      { reason: 'A', message: 'One.' },
      { reason: 'B', message: 'Two.' },
    ];
    assert.deepEqual(joinProblems(problems), { reason: 'A', message: 'One. Two.' });
    assert.equal(joinProblems([]), undefined);
  });

  it('bounds the message', () => {
    const joined = joinProblems(Array.from({ length: 1_000 }, () => ({ reason: 'A', message: 'x'.repeat(1_000) })));
    assert.match(joined?.message ?? '', /And 984 more\.$/);
    assert.ok((joined?.message ?? '').length < 32_768);
  });
});

describe('ConditionMaker', () => {
  it('leaves observedGeneration out where the object has no generation', () => {
    const good = { reason: 'Accepted', message: 'Good.' };
    assert.deepEqual(new ConditionMaker({ name: 'a' }).unless('Accepted', undefined, good), {
      type: 'Accepted',
      status: 'True',
      ...good,
    });
    assert.deepEqual(new ConditionMaker({ name: 'a', generation: 0 }).unless('Accepted', good, good), {
      type: 'Accepted',
      status: 'False',
      ...good,
      observedGeneration: 0,
    });
  });
});
