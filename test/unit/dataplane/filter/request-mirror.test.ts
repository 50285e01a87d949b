import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileRequestMirror } from '../../../../src/dataplane/filter/request-mirror/request-mirror.ts';
import { context } from './context.ts';

const REQUESTS = 20_000;

function mirroredOf(numerator: number, denominator: number): number {
  const { onRequest } = compileRequestMirror({ kind: 'requestMirror', cluster: 'cluster/m', numerator, denominator });
  const seen = context();
  for (let i = 0; i < REQUESTS; i++) assert.equal(onRequest?.(seen), undefined);
  assert.ok(seen.mirrored.every(([cluster]) => cluster === 'cluster/m'));
  return seen.mirrored.length;
}

describe('request mirror', () => {
  test('all, where the fraction is 1', () => assert.equal(mirroredOf(100, 100), REQUESTS));
  test('none, where it is 0', () => assert.equal(mirroredOf(0, 100), 0));
  for (const [numerator, denominator] of [
    [50, 100],
    [1, 10],
    [333, 1_000],
  ] as const) {
    test(`${numerator} of ${denominator}`, () => {
      const share = numerator / denominator;
      // Six standard deviations: one failure in half a billion runs.
      const tolerance = 6 * Math.sqrt(REQUESTS * share * (1 - share));
      const mirrored = mirroredOf(numerator, denominator);
      assert.ok(Math.abs(mirrored - REQUESTS * share) < tolerance, `${mirrored} of ${REQUESTS}`);
    });
  }
});
