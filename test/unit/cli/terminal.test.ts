import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { Channel, printable } from '../../../src/cli/terminal.ts';
import { memoryTerminal } from './memory-terminal.ts';

test('control characters of others are shown, not sent', () => {
  assert.equal(printable('a\tb\nc'), 'a\tb\nc');
  assert.equal(printable('\x1b]0;title\x07'), String.raw`\u001b]0;title\u0007`);
  assert.equal(printable('\x1b[2J\r\x9b1A\x7f'), String.raw`\u001b[2J\u000d\u009b1A\u007f`);
  assert.equal(printable('\u202eevil\u2066'), String.raw`\u202eevil\u2066`);
  assert.equal(printable('\x1b[31mred\x1b[39m'), '\x1b[31mred\x1b[39m');
  assert.equal(printable('Grüße, 世界'), 'Grüße, 世界');
});

test('JSON with control characters stays the same JSON', () => {
  const value = { text: 'a\x9b\x7f\u2028\x1b[31m' };
  assert.deepEqual(JSON.parse(printable(JSON.stringify(value))), value);
});

test('print ends the line', () => {
  const { output, printed } = memoryTerminal();
  output.print('one\ntwo');
  assert.equal(printed.output, 'one\ntwo\n');
});

test('colours are there, or not', () => {
  const stream = new PassThrough();
  assert.equal(new Channel(stream, true).bad('no'), '\x1b[31mno\x1b[39m');
  assert.equal(new Channel(stream, false).bad('no'), 'no');
});

test('a reader that went away is no error', () => {
  const stream = new PassThrough();
  const channel = new Channel(stream, false);
  stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  channel.print('nobody reads this');
});
