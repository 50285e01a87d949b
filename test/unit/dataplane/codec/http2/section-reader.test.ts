import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SectionReader } from '../../../../../src/dataplane/codec/http2/section-reader.ts';

const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const PRIORITY = 0x20;
const PROTOCOL_ERROR = 1;
const ENHANCE_YOUR_CALM = 11;

interface Read {
  readonly reader: SectionReader;
  readonly sections: unknown[][];
  readonly breaches: number[];
  partials: number;
}

function reading(maxBytes = 1_000): Read {
  const sections: unknown[][] = [];
  const breaches: number[] = [];
  const receiver = {
    onSection: (
      stream: number,
      endsStream: boolean,
      dependsOnItself: boolean,
      buffer: Buffer,
      start: number,
      end: number,
    ): void => void sections.push([stream, endsStream, dependsOnItself, buffer.toString('latin1', start, end)]),
    onPartialSection: (): void => void read.partials++,
    breach: (code: number): void => void breaches.push(code),
  };
  const read: Read = { reader: new SectionReader(receiver, maxBytes), sections, breaches, partials: 0 };
  return read;
}

function send({ reader }: Read, flags: number, stream: number, text: string): void {
  const bytes = Buffer.from(`<${text}>`, 'latin1');
  reader.onHeaders(flags, stream, bytes, 1, bytes.length - 1);
  bytes.fill('!');
}

function goOn({ reader }: Read, flags: number, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  reader.onContinuation(flags, bytes, 0, bytes.length);
  bytes.fill('!');
}

describe('a field section', () => {
  test('of one frame, without padding and priority', () => {
    const read = reading();
    send(read, END_HEADERS, 1, 'abc');
    send(read, END_HEADERS | END_STREAM | PADDED, 3, '\x02abc..');
    send(read, END_HEADERS | PRIORITY, 5, '\x80\0\0\x01\xffabc');
    send(read, END_HEADERS | PRIORITY | PADDED, 7, '\x01\x80\0\0\x07\xffabc.');
    send(read, END_HEADERS, 9, '');
    assert.deepEqual(read.sections, [
      [1, false, false, 'abc'],
      [3, true, false, 'abc'],
      [5, false, false, 'abc'],
      [7, false, true, 'abc'],
      [9, false, false, ''],
    ]);
    assert.deepEqual([read.breaches, read.partials, read.reader.streamId], [[], 0, 0]);
  });

  test('of several frames is whole with the last, whatever became of their buffers', () => {
    const read = reading();
    send(read, END_STREAM | PADDED, 1, '\x01a.');
    assert.deepEqual([read.sections, read.partials, read.reader.streamId], [[], 1, 1]);
    goOn(read, 0, 'b');
    goOn(read, 0, '');
    goOn(read, END_HEADERS, 'c');
    assert.deepEqual(read.sections, [[1, true, false, 'abc']]);
    assert.equal(read.reader.streamId, 0);
  });

  for (const [what, flags, stream, text] of [
    ['on no stream', END_HEADERS, 0, 'abc'],
    ['with more padding than payload', END_HEADERS | PADDED, 1, '\x03ab'],
    ['with padding, and no length of it', END_HEADERS | PADDED, 1, ''],
    ['with half a priority', END_HEADERS | PRIORITY, 1, '\0\0\0'],
    ['whose padding reaches into its priority', END_HEADERS | PRIORITY | PADDED, 1, '\x03\0\0\0\0\0..'],
  ] as const) {
    test(`${what} is a breach`, () => {
      const read = reading();
      send(read, flags, stream, text);
      assert.deepEqual([read.sections, read.breaches], [[], [PROTOCOL_ERROR]]);
    });
  }

  test('is bounded in bytes', () => {
    const read = reading(10);
    send(read, 0, 1, '12345');
    goOn(read, 0, '67890');
    assert.deepEqual(read.breaches, []);
    goOn(read, END_HEADERS, '1');
    assert.deepEqual([read.sections, read.breaches], [[], [ENHANCE_YOUR_CALM]]);
  });

  test('is bounded in frames', () => {
    const read = reading();
    send(read, 0, 1, '');
    for (let i = 0; i < 32; i++) goOn(read, 0, '');
    assert.deepEqual(read.breaches, []);
    goOn(read, 0, '');
    assert.deepEqual(read.breaches, [ENHANCE_YOUR_CALM]);
  });
});
