// Lines come out whole however the bytes are cut, compared with cutting the whole text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineCutter, OVERSIZED } from '../../../src/kubernetes/json-lines.ts';
import { seededRandom } from '../../harness/seeded-random.ts';

const MAX_BYTES = 8;

test('lines, and marks for those that are too long', () => {
  const random = seededRandom();
  for (let round = 0; round < 2_000; round++) {
    const text = Array.from({ length: random.below(60) }, () => random.pick(['a', 'é', '\n', '\n'])).join('');
    const cutter = new LineCutter(MAX_BYTES);
    const lines = random.split(Buffer.from(text), 1 + random.below(8)).flatMap((chunk) => cutter.push(chunk));
    const expected = text
      .split('\n')
      .slice(0, -1)
      .map((line) => (Buffer.byteLength(line) > MAX_BYTES ? OVERSIZED : line));
    assert.deepEqual(lines, expected, `${random.seed} ${JSON.stringify(text)}`);
  }
});
