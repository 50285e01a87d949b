import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundText, jsonText, MAX_TEXT_LENGTH } from '../../../src/observability/json-text.ts';

test('every UTF-16 unit comes back from JSON.parse, out of plain ASCII without controls', () => {
  for (let code = 0; code < 0x1_0000; code++) {
    const text = `a${String.fromCharCode(code)}b`;
    const json = jsonText(text);
    assert.match(json, /^[\x20-\x7e]*$/);
    assert.equal(JSON.parse(json), text);
  }
});

test('random texts come back from JSON.parse', () => {
  const random = mulberry32(0x5105);
  const alphabet = ['a', 'b', ' ', '"', '\\', '/', '\n', '\r', '\t', '\0', '\x1b', '\x7f', '\x9b', '\xff', '\xc3\xa9'];
  alphabet.push('é', '\u2028', '\u202e', '😀', '\ud83d', '\ude00', '\\u0041', '","x":"');
  for (let round = 0; round < 5_000; round++) {
    const length = Math.floor(random() * 30);
    const text = Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
    assert.equal(JSON.parse(jsonText(text)), text);
  }
});

test('R09: long texts are cut and marked, and the JSON stays bounded', () => {
  assert.equal(boundText('x'.repeat(MAX_TEXT_LENGTH)), 'x'.repeat(MAX_TEXT_LENGTH));
  assert.equal(JSON.parse(jsonText('x'.repeat(MAX_TEXT_LENGTH + 1))), `${'x'.repeat(MAX_TEXT_LENGTH)}...`);
  const hostile = jsonText('\xff'.repeat(1_000_000));
  assert.ok(hostile.length < MAX_TEXT_LENGTH + 20);
  assert.match(JSON.parse(hostile) as string, /^\xff{100,}\.\.\.$/);
  const longest = `"${'x'.repeat(MAX_TEXT_LENGTH - 2)}`;
  assert.equal(JSON.parse(jsonText(longest)), longest, 'just fits');
});

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
