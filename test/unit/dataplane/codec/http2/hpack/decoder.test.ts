// What the decoder reads, what it refuses, and what a hostile block costs. Any other block: test/property/hpack.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HpackDecoder } from '../../../../../../src/dataplane/codec/http2/hpack/decoder.ts';
import { RFC_EXAMPLES } from './rfc-examples.ts';

const MAX_COUNT = 100;
const MAX_BYTES = 65_536;

function decode(
  decoder: HpackDecoder,
  block: string | Buffer,
  maxCount: number = MAX_COUNT,
  maxBytes: number = MAX_BYTES,
): { readonly result: string; readonly fields: readonly string[] } {
  const bytes = typeof block === 'string' ? Buffer.from(block.replaceAll(' ', ''), 'hex') : block;
  const fields: string[] = [];
  return { result: decoder.decode(bytes, 0, bytes.length, fields, maxCount, maxBytes), fields };
}

/** Size updates of up to 4 KiB, as they begin a block. */
function sizeUpdate(bytes: number): string {
  const rest = bytes - 31;
  return Buffer.of(0x3f, 0x80 | (rest & 0x7f), rest >> 7).toString('hex');
}

describe('RFC 7541 appendix', () => {
  for (const { section, maxTableBytes, blocks } of RFC_EXAMPLES)
    test(section, () => {
      const decoder = new HpackDecoder(maxTableBytes);
      for (const [i, { hex, fields }] of blocks.entries()) {
        // The examples begin with tables of that size; connections begin with 4096.
        const block = i === 0 && maxTableBytes < 4096 ? sizeUpdate(maxTableBytes) + hex : hex;
        assert.deepEqual(decode(decoder, block), { result: 'ok', fields });
      }
    });
});

const A_LITERAL = '00 01 61 01 62';

const WRONG: Readonly<Record<string, string>> = {
  'index 0': '80',
  'an index behind an empty table': 'be',
  'an index far behind': 'ff 80 01',
  'a name index behind the table': '7e 01 61',
  'an index that is cut': 'ff',
  'an index that is cut in its rest': 'ff 80',
  'an index of 2^28': 'ff 81 ff ff 7f',
  'an index that would be 1 again in 32 bits': 'ff 82 ff ff ff 0f',
  'an index in more than four bytes': 'ff 00 80 80 80 80 00',
  'a literal without a name': '00',
  'a literal without a value': '00 01 61',
  'a literal with half its name': '00 02 61',
  'a literal with half its value': '00 01 61 02 62',
  'an indexed name without a value': '41',
  'a length that is cut': '00 01 61 7f',
  'a length of 2^28': '00 01 61 7f 81 ff ff 7f',
  'EOS in text': '00 01 61 84 ff ff ff ff',
  'EOS behind text': '00 01 61 85 1f ff ff ff ff',
  'padding of eight bits': '00 01 61 82 1f ff',
  'padding of nothing else': '00 01 61 81 ff',
  'padding with a zero': '00 01 61 81 1e',
  'padding of zeros': '00 01 61 81 18',
  'a code that is cut': '00 01 61 82 ff c0',
  'Huffman coded names with wrong padding': '00 81 18 01 61',
  'a size update behind a field': '82 20',
  'a size update behind a literal': `${A_LITERAL} 20`,
  'three size updates': '20 20 20 82',
  'a size update above our limit': '3f e2 1f',
  'a size update that is cut': '3f',
  'a size update of 2^28': '3f e1 ff ff 7f',
};

describe('a COMPRESSION_ERROR', () => {
  for (const [name, block] of Object.entries(WRONG))
    test(name, () => assert.equal(decode(new HpackDecoder(), block).result, 'error'));
});

const RIGHT: Readonly<Record<string, readonly [block: string, ...fields: string[]]>> = {
  'an empty block': [''],
  'two size updates': ['20 3f e1 1f 82', ':method', 'GET'],
  'a size update alone': ['20'],
  'an integer with empty bytes': ['0f 80 80 80 00 01 62', 'accept-charset', 'b'],
  'an empty Huffman coded text': ['00 01 61 80', 'a', ''],
  'padding of seven bits': ['00 01 61 83 02 8a 7f', 'a', '0  '],
  'the longest code': ['00 01 61 84 ff ff ff f3', 'a', '\n'],
  'bytes that are not ASCII': ['00 01 61 02 e4 ff', 'a', '\xe4\xff'],
};

describe('read', () => {
  for (const [name, [block, ...fields]] of Object.entries(RIGHT))
    test(name, () => assert.deepEqual(decode(new HpackDecoder(), block), { result: 'ok', fields }));
});

test('what is around the block is not read', () => {
  const fields = ['kept'];
  assert.equal(new HpackDecoder().decode(Buffer.from('808280', 'hex'), 1, 2, fields, 1, 100), 'ok');
  assert.deepEqual(fields, ['kept', ':method', 'GET']);
});

test('an entry as large as the table empties it first, a larger one only empties it', () => {
  const decoder = new HpackDecoder();
  const literal = (length: number): Buffer =>
    Buffer.concat([
      Buffer.of(0x40, 1, 97, 0x7f, 0x80 | ((length - 127) & 0x7f), (length - 127) >> 7),
      Buffer.alloc(length, 98),
    ]);
  decode(decoder, '40 01 63 01 64');
  decode(decoder, literal(4096 - 33));
  assert.equal(decode(decoder, 'be').fields[0], 'a');
  assert.equal(decode(decoder, 'bf').result, 'error');
  assert.equal(decode(decoder, literal(4096 - 32)).result, 'ok');
  assert.equal(decode(decoder, 'be').result, 'error');
});

describe('a section that is too large', () => {
  test('has as many fields as fit', () => {
    const { result, fields } = decode(new HpackDecoder(), '82 86 84', 2);
    assert.deepEqual({ result, fields }, { result: 'too_large', fields: [':method', 'GET', ':scheme', 'http'] });
    assert.equal(decode(new HpackDecoder(), '82 86 84', 3).result, 'ok');
  });

  test('is measured with 32 bytes for each field', () => {
    const bytes = ':methodGET'.length + 32 + ':schemehttp'.length + 32;
    assert.equal(decode(new HpackDecoder(), '82 86', 2, bytes).result, 'ok');
    assert.equal(decode(new HpackDecoder(), '82 86', 2, bytes - 1).result, 'too_large');
  });

  test('gets nothing more even if it would fit', () => {
    assert.deepEqual(decode(new HpackDecoder(), '00 01 61 0a 62626262626262626262 82', 9, 42).fields, []);
  });

  test('leaves the table right for the next block, and the limits as they were', () => {
    const decoder = new HpackDecoder();
    assert.equal(decode(decoder, '82 86 40 01 61 81 1f 00 01 63 01 64 7e 01 66', 1).result, 'too_large');
    assert.deepEqual(decode(decoder, 'be bf'), { result: 'ok', fields: ['a', 'f', 'a', 'a'] });
  });

  test('is still checked', () => {
    assert.equal(decode(new HpackDecoder(), '82 86 80', 1).result, 'error');
  });
});

test('a bomb of 64 KiB of references to an entry of 4 KiB costs no more than its limits', () => {
  const decoder = new HpackDecoder();
  const value = Buffer.alloc(4000, 98);
  decode(decoder, Buffer.concat([Buffer.from('4001617fa11e', 'hex'), value]));
  const bomb = Buffer.alloc(65_536, 0xbe);
  const start = process.cpuUsage();
  const { result, fields } = decode(decoder, bomb);
  const { user, system } = process.cpuUsage(start);
  assert.equal(result, 'too_large');
  assert.equal(fields.length / 2, Math.floor(MAX_BYTES / (1 + 4000 + 32)));
  assert.ok(user + system < 200_000, `${user + system} µs`);
});
