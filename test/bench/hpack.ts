// What HPACK costs per field block on a warm connection, both ways. A script: prints nanoseconds per block, the best of some rounds.
import { HpackDecoder } from '../../src/dataplane/codec/http2/hpack/decoder.ts';
import { HpackEncoder, maxEncodedBytes } from '../../src/dataplane/codec/http2/hpack/encoder.ts';
import { encode, huffman, raw, ReferenceDecoder } from '../property/hpack/reference.ts';
import type { Representation } from '../property/hpack/reference.ts';

const ROUNDS = 9;
const BLOCKS = 100_000;
const MAX_FIELDS = 100;
const MAX_FIELD_BYTES = 65_536;

/** By what they are; `#` in a value becomes a number that is never the same. */
// oxfmt-ignore
const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  'browser request, seen before': [
    ':method', 'GET', ':authority', 'shop.example.com', ':scheme', 'https', ':path', '/assets/app.js',
    'user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
    'accept', '*/*', 'accept-encoding', 'gzip, deflate, br, zstd', 'accept-language', 'en-GB,en;q=0.9', 'sec-fetch-site', 'same-origin',
    'sec-fetch-mode', 'cors', 'sec-fetch-dest', 'script', 'referer', 'https://shop.example.com/',
  ],
  'browser request, new path and id': [
    ':method', 'GET', ':authority', 'shop.example.com', ':scheme', 'https', ':path', '/products/#/reviews?page=2',
    'user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
    'accept', '*/*', 'accept-encoding', 'gzip, deflate, br, zstd', 'accept-language', 'en-GB,en;q=0.9', 'sec-fetch-site', 'same-origin',
    'sec-fetch-mode', 'cors', 'x-request-id', '6f1c0f3e-8a52-4a54-9d8b-#', 'referer', 'https://shop.example.com/',
  ],
  'gRPC request': [
    ':method', 'POST', ':scheme', 'http', ':path', '/example.shop.v1.Orders/GetOrder', ':authority', 'orders.example.com:50051',
    'content-type', 'application/grpc', 'user-agent', 'grpc-go/1.74.2', 'te', 'trailers', 'grpc-timeout', '#u',
  ],
  'response': [
    ':status', '200', 'content-type', 'application/json; charset=utf-8', 'content-length', '#', 'date', 'Fri, 01 Aug 2025 12:00:00 GMT',
    'server', 'nginx', 'cache-control', 'no-cache',
  ],
  'gRPC trailers': ['grpc-status', '0', 'grpc-message', ''],
};

function withNumber(fields: readonly string[], number: number): readonly string[] {
  return fields.map((text) => text.replace('#', String(10_000_000 + number)));
}

/** Nanoseconds per call. */
function measure(call: (i: number) => void): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < BLOCKS; i++) call(i);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / BLOCKS);
  }
  return best;
}

/** The same with Huffman coded literals, as most clients send them. */
function withHuffman(representations: readonly Representation[]): readonly Representation[] {
  return representations.map((representation) =>
    representation.kind === 'literal'
      ? {
          ...representation,
          value: huffman(representation.value.latin1),
          name: typeof representation.name === 'number' ? representation.name : huffman(representation.name.latin1),
        }
      : representation,
  );
}

function reportDecoding(title: string, warmUp: readonly Buffer[], block: Buffer): void {
  const decoder = new HpackDecoder();
  for (const earlier of warmUp) decoder.decode(earlier, 0, earlier.length, [], MAX_FIELDS, MAX_FIELD_BYTES);
  const nanoseconds = measure(() => {
    const result = decoder.decode(block, 0, block.length, [], MAX_FIELDS, MAX_FIELD_BYTES);
    if (result !== 'ok') throw new Error(result);
  });
  console.log(`${title}: ${nanoseconds.toFixed(0)} ns (${block.length} bytes)`);
}

function reportSection(title: string, fields: readonly string[]): void {
  const sections = Array.from({ length: 1024 }, (_, i) => withNumber(fields, i));
  const out = Buffer.alloc(maxEncodedBytes(fields) + 100);
  const encoder = new HpackEncoder();
  const blocks = sections.slice(0, 4).map((section) => Buffer.from(out.subarray(0, encoder.encode(section, out, 0))));
  const encoding = measure((i) => encoder.encode(sections[i % sections.length] as string[], out, 0));
  console.log(`encode ${title}: ${encoding.toFixed(0)} ns`);

  const reference = new ReferenceDecoder();
  const representations = blocks.map((block) => reference.decode(block).representations);
  const block = blocks.pop() as Buffer;
  reportDecoding(`decode ${title}`, blocks, block);
  const coded = encode(withHuffman(representations.pop() as readonly Representation[]));
  if (!coded.equals(block)) reportDecoding(`decode ${title}, Huffman`, blocks, coded);
}

for (const [title, fields] of Object.entries(SECTIONS)) reportSection(title, fields);
const agent = SECTIONS['browser request, seen before']?.[9] as string;
for (const text of [raw(agent), huffman(agent)]) {
  const block = encode([{ kind: 'literal', indexing: 'without', name: 58, value: text }]);
  reportDecoding(`decode a user-agent${text.isHuffman ? ', Huffman' : ''}`, [], block);
}
