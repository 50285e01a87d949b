import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDurationMs } from '../../../src/lib/duration.ts';

test('durations of GEP-2257', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['0s', 0],
    ['10s', 10_000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['99999h', 359_996_400_000],
    ['1s1ms1m1h', 3_661_001],
    ['', undefined],
    ['10', undefined],
    ['1.5s', undefined],
    ['-1s', undefined],
    ['100000s', undefined],
    ['1us', undefined],
    ['1s1s1s1s1s', undefined],
    ['1s ', undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseDurationMs(text), expected, text);
});
