import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldData } from '../../../../../src/dataplane/codec/http2/held-data.ts';

function rest(held: HeldData): string[] {
  const texts: string[] = [];
  for (let chunk = held.shift(); chunk !== undefined; chunk = held.shift()) texts.push(chunk.toString('latin1'));
  return texts;
}

test('what is small comes back together, what is large as it was, all in order and as a copy', () => {
  const held = new HeldData();
  const large = 'L'.repeat(2_000);
  for (const text of ['a', 'bc', large, 'd', 'e'.repeat(1_020), 'f'.repeat(10)]) {
    const chunk = Buffer.from(text);
    held.push(chunk);
    chunk.fill('!');
  }
  assert.equal(held.length, 3 + 2_000 + 1_021 + 10);
  assert.deepEqual(rest(held), ['abc', large, `d${'e'.repeat(1_020)}`, 'f'.repeat(10)]);
  assert.equal(held.length, 0);
});

test('what was handed on is not touched by what comes next', () => {
  const held = new HeldData();
  held.push(Buffer.from('a'));
  const first = held.shift();
  held.push(Buffer.from('bcd'));
  assert.deepEqual([first?.toString(), ...rest(held), held.shift()], ['a', 'bcd', undefined]);
});

test('bytes that come one by one make few pieces', () => {
  const held = new HeldData();
  for (let i = 0; i < 65_536; i++) held.push(Buffer.of(i & 0xff));
  assert.equal(rest(held).length, 64);
});
