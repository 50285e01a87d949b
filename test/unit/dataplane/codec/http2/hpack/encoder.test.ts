// How the encoder chooses representations, and what it does with its table. Whether blocks mean what they should, for any fields:
// test/property/hpack.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackEncoder, maxEncodedBytes } from '../../../../../../src/dataplane/codec/http2/hpack/encoder.ts';
import { ReferenceDecoder } from '../../../../../property/hpack/reference.ts';
import type { Representation } from '../../../../../property/hpack/reference.ts';

/** An encoder, and what its peer reads. */
class Connection {
  readonly encoder: HpackEncoder = new HpackEncoder();
  readonly peer: ReferenceDecoder = new ReferenceDecoder();

  encode(...fields: readonly string[]): readonly Representation[] {
    const out = Buffer.alloc(maxEncodedBytes(fields));
    const decoded = this.peer.decode(out.subarray(0, this.encoder.encode(fields, out, 0)));
    assert.deepEqual([decoded.result, decoded.fields], ['ok', fields]);
    return decoded.representations;
  }

  /** In short, of a block with one field. */
  encodeOne(name: string, value: string): string {
    const [representation] = this.encode(name, value);
    return representation?.kind === 'literal' ? representation.indexing : String(representation?.kind);
  }
}

test('fields of the static table take a byte', () => {
  const fields = [
    ':method',
    'POST',
    ':scheme',
    'https',
    ':path',
    '/',
    ':status',
    '404',
    'accept-encoding',
    'gzip, deflate',
  ];
  const out = Buffer.alloc(200);
  assert.equal(new HpackEncoder().encode(fields, out, 1), 6);
  assert.equal(out.toString('hex', 1, 6), '8387848d90');
});

test('a value is indexed from its second time in a row on', () => {
  const connection = new Connection();
  const times = Array.from({ length: 4 }, () => connection.encodeOne('content-type', 'application/grpc'));
  assert.deepEqual(times, ['without', 'incremental', 'indexed', 'indexed']);
});

test('values that differ each time leave the table empty', () => {
  const connection = new Connection();
  for (let i = 0; i < 1000; i++) assert.equal(connection.encodeOne('x-request-id', `id-${i}`), 'without');
  assert.deepEqual(connection.peer.table, []);
});

test('values of a name that take turns stay indexed', () => {
  const connection = new Connection();
  for (const path of ['/a', '/a', '/b', '/b', '/c', '/c']) connection.encodeOne(':path', path);
  for (const path of ['/a', '/c', '/b', '/a']) assert.equal(connection.encodeOne(':path', path), 'indexed');
});

test('only the newest entries of a name are looked at', () => {
  const connection = new Connection();
  for (let i = 0; i < 17; i++) for (let times = 0; times < 2; times++) connection.encodeOne(':path', `/${i}`);
  assert.equal(connection.encodeOne(':path', '/1'), 'indexed');
  assert.equal(connection.encodeOne(':path', '/0'), 'without');
});

test('what has been evicted is indexed again', () => {
  const connection = new Connection();
  connection.encode('te', 'trailers', 'te', 'trailers');
  for (let i = 0; i < 10; i++) connection.encode('x-a', String(i).repeat(900), 'x-a', String(i).repeat(900));
  assert.equal(connection.peer.table.length, 4);
  assert.equal(connection.encodeOne('te', 'trailers'), 'incremental');
});

test('an entry stays until a byte is missing', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const [maxBytes, expected] of [
    [names.length * 34, 'indexed'],
    [names.length * 34 - 1, 'incremental'],
  ] as const) {
    const connection = new Connection();
    connection.encoder.setMaxTableBytes(maxBytes);
    for (const name of names) connection.encode(name, '1', name, '1');
    assert.equal(connection.encodeOne('a', '1'), expected);
  }
});

test('large values are not indexed', () => {
  const connection = new Connection();
  const largest = 'x'.repeat(1024 - 32 - 1);
  for (let times = 0; times < 2; times++) connection.encodeOne('a', `${largest}x`);
  assert.deepEqual(connection.peer.table, []);
  for (let times = 0; times < 2; times++) connection.encodeOne('a', largest);
  assert.equal(connection.peer.table.length, 1);
});

test('names come from the static table, or from the dynamic one', () => {
  const connection = new Connection();
  const nameOf = ([representation]: readonly Representation[]): unknown =>
    representation?.kind === 'literal' && representation.name;
  assert.equal(nameOf(connection.encode('content-length', '1234')), 28);
  assert.deepEqual(nameOf(connection.encode('x-a', '1')), { latin1: 'x-a', isHuffman: false });
  connection.encode('x-a', '1');
  assert.equal(nameOf(connection.encode('x-a', '2')), 62);
});

test('secrets are never indexed', () => {
  const connection = new Connection();
  for (const name of ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'])
    for (const value of ['', 'a', 'a']) assert.equal(connection.encodeOne(name, value), 'never');
});

test('names beyond the limit make it forget the others', () => {
  const connection = new Connection();
  connection.encode('te', 'trailers', 'te', 'trailers');
  for (let i = 0; i < 63; i++) connection.encodeOne(`x-${i}`, '');
  assert.equal(connection.encodeOne('te', 'trailers'), 'indexed');
  connection.encodeOne('x-63', '');
  assert.deepEqual(
    ['', '', ''].map(() => connection.encodeOne('te', 'trailers')),
    ['without', 'incremental', 'indexed'],
  );
});

test('the peer may have a smaller table, or none', () => {
  const connection = new Connection();
  connection.encode('te', 'trailers', 'te', 'trailers');
  connection.encoder.setMaxTableBytes(0);
  assert.deepEqual(connection.encode(':method', 'GET'), [
    { kind: 'size', bytes: 0 },
    { kind: 'indexed', index: 2 },
  ]);
  for (let times = 0; times < 3; times++) assert.equal(connection.encodeOne('te', 'trailers'), 'without');
});

test('the smallest size in between is told, then the final one', () => {
  const connection = new Connection();
  for (const bytes of [1000, 100, 65_536]) connection.encoder.setMaxTableBytes(bytes);
  const sizes = [100, 4096].map((bytes) => ({ kind: 'size', bytes }));
  assert.deepEqual(connection.encode(), sizes);
  assert.deepEqual(connection.encode(), []);
});

test('a larger table than ours is not used', () => {
  const connection = new Connection();
  connection.encoder.setMaxTableBytes(65_536);
  assert.deepEqual(connection.encode(), []);
});

test('without room nothing changes', () => {
  const encoder = new HpackEncoder();
  const fields = ['te', 'trailers', 'te', 'trailers'];
  encoder.setMaxTableBytes(1000);
  assert.equal(encoder.encode(fields, Buffer.alloc(10 + maxEncodedBytes(fields)), 11), -1);
  const out = Buffer.alloc(maxEncodedBytes(fields));
  const decoded = new ReferenceDecoder().decode(out.subarray(0, encoder.encode(fields, out, 0)));
  assert.deepEqual(decoded.fields, fields);
});
