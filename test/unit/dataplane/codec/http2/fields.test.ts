import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FieldSection } from '../../../../../src/dataplane/codec/http1/field-section.ts';
import { readFields, readTrailers } from '../../../../../src/dataplane/codec/http2/fields.ts';

const LIMITS = { maxCount: 4, allowUnderscore: false };

function read(raw: string[], limits: typeof LIMITS = LIMITS): FieldSection | string {
  const section = new FieldSection();
  return readFields(raw, 0, section, limits)?.code ?? section;
}

describe('readFields', () => {
  it('keeps order and repetition, joins cookies, and leaves out what belongs to the hop', () => {
    const section = read(['a', '1', 'cookie', 'x', 'a', '2', 'cookie', 'y']) as FieldSection;
    assert.deepEqual(section.fields, ['a', '1', 'a', '2', 'cookie', 'x; y']);
    const hop = read(['te', 'trailers', 'trailer', 'x', 'proxy-authorization', 'a', 'host', 'h']) as FieldSection;
    assert.deepEqual([hop.fields, hop.acceptsTrailers, hop.host], [[], true, 'h']);
  });

  for (const [name, value] of [
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'h2c'],
    ['connection', 'close'],
    ['keep-alive', 'x'],
    ['proxy-connection', 'x'],
    ['te', 'gzip'],
    ['A', '1'],
    ['', '1'],
    ['a b', '1'],
    ['a:', '1'],
    ['a', ' 1'],
    ['a', '1\t'],
    ['a', '1\n'],
    ['a', '\0'],
    ['a', '\x7f'],
    [':path', '/'],
    ['content-length', '1x'],
  ] as const) {
    it(`takes ${JSON.stringify(`${name}: ${value}`)} for malformed`, () => {
      assert.equal(readFields(['x', 'y', name, value], 0, new FieldSection(), LIMITS)?.isMalformed, true);
    });
  }

  it('takes two lengths for malformed', () => {
    const raw = ['content-length', '1', 'content-length', '1'];
    assert.equal(readFields(raw, 0, new FieldSection(), LIMITS)?.isMalformed, true);
  });

  it('reads empty values and bytes above ASCII', () => {
    assert.deepEqual((read(['a', '', 'b', '\xff\x80']) as FieldSection).fields, ['a', '', 'b', '\xff\x80']);
  });

  it('refuses underscores unless they are allowed, and too many fields', () => {
    assert.equal(read(['a_b', '1']), 'bad_request');
    assert.ok(read(['a_b', '1'], { ...LIMITS, allowUnderscore: true }) instanceof FieldSection);
    assert.equal(read(Array.from({ length: 10 }, (_, i) => `x${i}`)), 'headers_too_large');
  });
});

describe('readTrailers', () => {
  it('gives the fields or the problem', () => {
    assert.deepEqual(readTrailers(['a', '1'], LIMITS), ['a', '1']);
    assert.ok('code' in readTrailers([':status', '200'], LIMITS));
  });
});
