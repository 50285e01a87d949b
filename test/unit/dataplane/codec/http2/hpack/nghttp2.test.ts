// Node's own HTTP/2, which is nghttp2, as a referee: ours reads what it encodes, and it reads what ours encodes, over one connection.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import type { Http2Stream, IncomingHttpHeaders, ServerHttp2Session } from 'node:http2';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { HpackDecoder } from '../../../../../../src/dataplane/codec/http2/hpack/decoder.ts';
import { HpackEncoder, maxEncodedBytes } from '../../../../../../src/dataplane/codec/http2/hpack/encoder.ts';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  PREFACE,
  SETTING,
  settings,
} from '../../../../../harness/http2-frames.ts';
import { seededRandom } from '../../../../../harness/seeded-random.ts';

const SECTIONS = 300;
const HEAD_BYTES = 9;
const PRIORITY_FLAG = 0x20;
const PRIORITY_BYTES = 5;
/** All that may stand in a value, so that each code is used. */
const ALL_BYTES: string = String.fromCharCode(
  ...Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte > 32 && byte !== 127),
);

/** A request's fields behind the pseudo fields: some repeat, some don't. */
function* randomSections(pathOf: (i: number) => string): Generator<readonly string[]> {
  const random = seededRandom();
  for (let i = 0; i < SECTIONS; i++) {
    const fields = [
      ':method',
      random.pick(['GET', 'PUT']),
      ':scheme',
      'http',
      ':path',
      pathOf(i),
      ':authority',
      'a.example',
    ];
    for (const name of ['te', 'x-large', 'x-id', 'user-agent', 'authorization', `x-${random.below(80)}`, 'x-all'])
      if (random.below(2) === 0) fields.push(name, valueOf(name, random.below(300)));
    yield fields;
  }
}

function valueOf(name: string, number: number): string {
  if (name === 'te') return 'trailers';
  if (name === 'x-all') return ALL_BYTES;
  if (name === 'x-large') return String(number % 7).repeat(1000);
  return name === 'x-id' ? `${number}\t${'~'.repeat(number % 9)}!` : `of ${name}`;
}

/** Reads frames until the last stream's HEADERS has come. */
async function* headerBlocks(socket: Duplex): AsyncGenerator<Buffer> {
  let bytes = Buffer.alloc(0);
  let isBehindPreface = false;
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (!isBehindPreface && bytes.length < PREFACE.length) continue;
    if (!isBehindPreface) bytes = bytes.subarray(PREFACE.length);
    isBehindPreface = true;
    while (bytes.length >= HEAD_BYTES && bytes.length >= HEAD_BYTES + bytes.readUIntBE(0, 3)) {
      const end = HEAD_BYTES + bytes.readUIntBE(0, 3);
      const [type, flags] = [bytes[3] as number, bytes[4] as number];
      const start = flags & PRIORITY_FLAG ? HEAD_BYTES + PRIORITY_BYTES : HEAD_BYTES;
      if (type === FRAME.headers) yield bytes.subarray(start, end);
      bytes = bytes.subarray(end);
    }
  }
}

for (const tableBytes of [4096, 0, 100, 10_000])
  test(`reads what nghttp2 encodes for a table of ${tableBytes} bytes`, async () => {
    const [near, far] = duplexPair();
    const session = connect('http://a.example', { createConnection: () => near });
    session.on('error', () => undefined);
    far.write(settings([SETTING.headerTableSize, tableBytes], [3, SECTIONS]));
    await once(session, 'remoteSettings');
    const sections = [...randomSections((i) => `/${i % 20}`)];
    for (const section of sections) session.request(section, { endStream: true }).on('error', () => undefined);

    const decoder = new HpackDecoder(tableBytes);
    let read = 0;
    for await (const block of headerBlocks(far)) {
      const fields: string[] = [];
      assert.equal(decoder.decode(block, 0, block.length, fields, 100, 65_536), 'ok');
      assert.deepEqual(fields, sections[read]);
      if (++read === SECTIONS) break;
    }
    session.destroy();
    assert.equal(read, SECTIONS);
  });

for (const tableBytes of [4096, 0, 100, 10_000])
  test(`encodes what nghttp2 reads with a table of ${tableBytes} bytes`, async () => {
    const [near, far] = duplexPair();
    const server = createServer({ settings: { headerTableSize: tableBytes } });
    let session: ServerHttp2Session | undefined;
    server.on('session', (accepted) => {
      session = accepted;
    });
    server.on('sessionError', (error: Error) => far.destroy(error));
    const received: unknown[] = [];
    const allReceived = new Promise<void>((resolve, reject) => {
      far.on('error', reject);
      server.on('stream', (stream: Http2Stream, _headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
        stream.on('error', () => undefined);
        received.push(raw);
        if (received.length === SECTIONS) resolve();
      });
    });
    server.emit('connection', near);
    far.resume();
    far.write(Buffer.concat([PREFACE, settings(), frame(FRAME.settings, 1, 0)]));

    const encoder = new HpackEncoder();
    encoder.setMaxTableBytes(tableBytes);
    const sections = [...randomSections((i) => `/${i % 20}`)];
    for (const [i, section] of sections.entries()) {
      const out = Buffer.alloc(maxEncodedBytes(section));
      const block = out.subarray(0, encoder.encode(section, out, 0));
      far.write(frame(FRAME.headers, END_HEADERS | END_STREAM, i * 2 + 1, block));
    }
    await allReceived;
    session?.destroy();
    server.close();
    assert.deepEqual(received, sections);
  });
