import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FieldSection } from '../../../../../src/dataplane/codec/http1/field-section.ts';
import { fieldObject, readFields, readTrailers } from '../../../../../src/dataplane/codec/http2/fields.ts';
import { HeaderList } from '../../../../../src/dataplane/header-list.ts';

const LIMITS = { maxCount: 4, allowUnderscore: false };

function read(raw: string[], limits: typeof LIMITS = LIMITS): FieldSection | string {
  const section = new FieldSection();
  return readFields(raw, 0, section, limits)?.code ?? section;
}

describe('readFields', () => {
  it('keeps order and repetition, joins cookies, and leaves out what belongs to the hop', () => {
    const section = read(['a', '1', 'cookie', 'x', 'a', '2', 'cookie', 'y']) as FieldSection;
    assert.deepEqual(section.fields, ['a', '1', 'a', '2', 'cookie', 'x; y']);
    const hop = read(['te', 'trailers', 'keep-alive', 'x', 'connection', 'a', 'host', 'h']) as FieldSection;
    assert.deepEqual([hop.fields, hop.acceptsTrailers, hop.host], [[], true, 'h']);
  });

  it('refuses what nghttp2 should not have let through', () => {
    assert.equal(read(['transfer-encoding', 'chunked']), 'bad_request');
    assert.equal(read(['upgrade', 'h2c']), 'bad_request');
    assert.equal(read(['a', '1', ':path', '/']), 'bad_request');
    assert.equal(read(['content-length', '1', 'content-length', '1']), 'bad_request');
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

describe('fieldObject', () => {
  it('collects repeated names, and no name is special', () => {
    const object = fieldObject(new HeaderList(['a', '1', 'b', '2', 'a', '3', 'a', '4', '__proto__', 'x']));
    assert.deepEqual(Object.entries(object), [
      ['a', ['1', '3', '4']],
      ['b', '2'],
      ['__proto__', 'x'],
    ]);
    assert.equal(Object.getPrototypeOf(object), null);
  });
});
