import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeightedChoice } from '../../../../src/dataplane/runtime/weighted-choice.ts';

function draw(weights: Readonly<Record<string, number>>, times: number): string {
  const choice = new WeightedChoice(Object.entries(weights).map(([value, weight]) => ({ value, weight })));
  return Array.from({ length: times }, () => choice.next()).join('');
}

describe('WeightedChoice', () => {
  it('spreads the choices instead of giving them in runs', () => {
    assert.equal(draw({ a: 5, b: 1, c: 1 }, 14), 'aabacaaaabacaa');
    assert.equal(draw({ a: 1, b: 1 }, 6), 'ababab');
  });

  it('gives each value its exact share over one round', () => {
    const drawn = draw({ a: 90, b: 10 }, 1_000);
    assert.equal(drawn.replaceAll('a', '').length, 100);
    for (let start = 0; start + 20 <= drawn.length; start++) {
      const inWindow = drawn.slice(start, start + 20).replaceAll('a', '').length;
      assert.ok(inWindow >= 1 && inWindow <= 3, `${inWindow} of 20 at ${start}`);
    }
  });
});
