import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Base64Decoder, Base64Encoder } from '../../../../src/dataplane/forward/base64-stream.ts';
import { seededRandom } from '../../../harness/seeded-random.ts';

function decode(chunks: readonly string[]): Buffer | undefined {
  const decoder = new Base64Decoder();
  const decoded = chunks.map((chunk) => decoder.write(Buffer.from(chunk)));
  const parts = decoded.filter((part) => part !== undefined);
  return decoder.isBetweenGroups && parts.length === decoded.length ? Buffer.concat(parts) : undefined;
}

test('what is flushed in any pieces and cut anywhere comes out as it went in, and each flush is whole', () => {
  const random = seededRandom();
  for (let round = 0; round < 500; round++) {
    const pieces = Array.from({ length: random.below(5) + 1 }, () =>
      Buffer.from(Array.from({ length: random.below(9) }, () => random.below(256))),
    );
    const encoder = new Base64Encoder();
    let text = '';
    for (const piece of pieces) {
      text += encoder.write(piece).toString();
      if (random.below(2) === 0) text += encoder.end().toString();
      // As a reader that knows no streams: group by group.
      const groups = text.match(/.{4}/g) ?? [];
      assert.equal(groups.join(''), text);
    }
    text += encoder.end().toString();
    const groups = (text.match(/.{4}/g) ?? []).map((group) => Buffer.from(group, 'base64'));
    assert.deepEqual(Buffer.concat(groups), Buffer.concat(pieces), random.seed);

    const cuts: string[] = [];
    for (let at = 0; at < text.length;) {
      const length = random.below(7) + 1;
      cuts.push(text.slice(at, at + length));
      at += length;
    }
    assert.deepEqual(decode(cuts), Buffer.concat(pieces), random.seed);
  }
});

test('what is not base64 is refused', () => {
  for (const text of ['Q', 'QQ', 'QQQ', 'Q===', '====', 'QQ=Q', 'Q Q=', 'QQ==\n', 'QQ_-', 'QUJD=', '\xff\xff\xff\xff'])
    assert.equal(decode([text]), undefined, text);
  assert.deepEqual(decode(['']), Buffer.alloc(0));
  assert.equal(decode(['QQ==QUI=QUJD'])?.toString(), 'AABABC');
});
