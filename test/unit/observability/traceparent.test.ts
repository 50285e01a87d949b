import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceparent } from '../../../src/observability/traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${PARENT}-01`;

test('a valid traceparent is read', () => {
  assert.deepEqual(parseTraceparent(VALID), { traceId: TRACE, parentId: PARENT, sampled: true });
  assert.equal(parseTraceparent(`00-${TRACE}-${PARENT}-00`)?.sampled, false);
  assert.equal(parseTraceparent(`00-${TRACE}-${PARENT}-fe`)?.sampled, false);
  assert.equal(parseTraceparent(`00-${TRACE}-${PARENT}-ff`)?.sampled, true);
  assert.equal(parseTraceparent(`00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-00`)?.traceId, `${'0'.repeat(31)}1`);
});

test('a later version is read as far as it is known', () => {
  assert.equal(parseTraceparent(`01-${TRACE}-${PARENT}-01`)?.traceId, TRACE);
  assert.equal(parseTraceparent(`cc-${TRACE}-${PARENT}-01-what-is-this`)?.traceId, TRACE);
  assert.equal(parseTraceparent(`cc-${TRACE}-${PARENT}-01what`), undefined);
});

for (const [name, value] of [
  ['empty', ''],
  ['too short', VALID.slice(0, -1)],
  ['version 00 with more', `${VALID}-`],
  ['version ff', `ff-${TRACE}-${PARENT}-01`],
  ['trace id zero', `00-${'0'.repeat(32)}-${PARENT}-01`],
  ['parent id zero', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['upper case', VALID.toUpperCase()],
  ['leading blank', ` ${VALID}`],
  ['trailing blank', `${VALID} `],
] as const) {
  test(`refused: ${name}`, () => assert.equal(parseTraceparent(value), undefined));
}

test('no byte but a lower-case hex digit or the dash of its place is accepted anywhere', () => {
  for (let at = 0; at < VALID.length; at++) {
    for (const code of [...Array(256).keys(), 0x130, 0xff10, 0xd800]) {
      const character = String.fromCharCode(code);
      const value = VALID.slice(0, at) + character + VALID.slice(at + 1);
      const isAllowed = VALID[at] === '-' ? character === '-' : /^[0-9a-f]$/.test(character);
      assert.equal(parseTraceparent(value) !== undefined, isAllowed, JSON.stringify(value));
    }
  }
});
