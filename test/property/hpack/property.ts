// The properties of HPACK: blocks are read as the reference reads them, wrong ones included, and the reference reads what the encoder
// writes, which keeps the promises of its docstrings. They take the modules to check as an argument, so that broken copies can be run.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type * as decoder from '../../../src/dataplane/codec/http2/hpack/decoder.ts';
import type * as encoder from '../../../src/dataplane/codec/http2/hpack/encoder.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { mutate } from '../byte-mutation.ts';
import { encode, huffmanEncode, integer, ReferenceDecoder, STATIC_TABLE } from './reference.ts';
import type { Decoded, Field, Indexing, Representation, Text } from './reference.ts';

export type Product = Pick<typeof decoder, 'HpackDecoder'> & Pick<typeof encoder, 'HpackEncoder' | 'maxEncodedBytes'>;

const FOLDER = 'dataplane/codec/http2/hpack';

const SENSITIVE = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'];
const NAMES = [
  ':method',
  ':path',
  ':status',
  'accept-encoding',
  'content-type',
  'te',
  'x-id',
  'x'.repeat(140),
  ...SENSITIVE,
];
const VALUES = [
  '',
  'GET',
  '200',
  '/',
  '/index.html',
  'gzip, deflate',
  'a',
  'trailers',
  'y'.repeat(126),
  'y'.repeat(127),
];
/** Some of them fill a table, or are more than it takes. */
const LENGTHS = [0, 1, 2, 5, 12, 13, 14, 30, 126, 127, 128, 254, 255, 300];
const LARGE_LENGTHS = [900, 1000, 2000, 4000, 4064, 4065, 5000];
const TABLE_BYTES = [0, 31, 32, 33, 64, 100, 200, 1000, 4095, 4096];
const LARGE_TABLE_BYTES = [4097, 8192, 65_536, 2 ** 32 - 1];
/** Around what integers may be. */
const LARGE_INTEGERS = [
  2 ** 28 - 1,
  2 ** 28,
  2 ** 28 + 126,
  2 ** 28 + 127,
  2 ** 31,
  2 ** 32,
  2 ** 32 + 62,
  2 ** 35 + 62,
];
/** What stands before and behind a block: it must not be read. */
const AROUND = [0x00, 0x01, 0x82];
const INDEXINGS: readonly Indexing[] = ['incremental', 'incremental', 'without', 'never'];
const UNLIMITED = 1_000_000;
/** What the encoder remembers. */
const MAX_NAMES = 64;
const MAX_TABLE_BYTES = 4096;

export async function loadProduct(sources: string): Promise<Product> {
  const load = async (file: string): Promise<unknown> => import(pathToFileURL(join(sources, FOLDER, file)).href);
  return { ...((await load('decoder.ts')) as typeof decoder), ...((await load('encoder.ts')) as typeof encoder) };
}

/** Checks that many connections: the first disagreement, or undefined. */
export function findDisagreement(product: Product, random: SeededRandom, connections: number): string | undefined {
  for (let i = 0; i < connections; i++) {
    const disagreement = caught(() => (i % 2 === 0 ? checkDecoder(product, random) : checkEncoder(product, random)));
    if (disagreement !== undefined) return `${random.seed}: ${disagreement}`;
  }
  return undefined;
}

function caught(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    return String(error);
  }
}

/** All blocks of a connection, up to one that is wrong. */
function checkDecoder(product: Product, random: SeededRandom): string | undefined {
  const tableBytes = random.below(2) === 0 ? 4096 : random.pick([...TABLE_BYTES, 10_000]);
  const reference = new ReferenceDecoder(tableBytes);
  const tested = new product.HpackDecoder(tableBytes);
  let block: Buffer = Buffer.alloc(0);
  for (let blocks = 1 + random.below(10); blocks > 0; blocks--) {
    const earlier = block;
    block = randomBlock(random, reference, tableBytes);
    if (random.below(6) === 0) block = mutate(block, random, earlier);
    const maxCount = random.below(4) === 0 ? random.below(8) : UNLIMITED;
    const maxBytes = random.below(4) === 0 ? random.below(600) : UNLIMITED;
    const expected = reference.decode(block, maxCount, maxBytes);
    const [before, after] = [random.below(3), random.below(3)].map((length) =>
      Buffer.alloc(length, random.pick(AROUND)),
    );
    const fields = ['kept', ''];
    const framed = Buffer.concat([before as Buffer, block, after as Buffer]);
    const start = before?.length ?? 0;
    const result = tested.decode(framed, start, start + block.length, fields, maxCount, maxBytes);
    const context = `${block.toString('hex')} with table ${tableBytes}, limits ${maxCount} and ${maxBytes}`;
    if (result !== expected.result) return `${result} instead of ${expected.result}: ${context}`;
    if (result === 'error') return undefined;
    if (!isDeepStrictEqual(fields, ['kept', '', ...expected.fields]))
      return `${JSON.stringify(fields)} instead of ${JSON.stringify(expected.fields)}: ${context}`;
  }
  return undefined;
}

function randomBlock(random: SeededRandom, reference: ReferenceDecoder, tableBytes: number): Buffer {
  const pieces: Buffer[] = [];
  const used = reference.usedBytes;
  const updates = random.below(4) === 0 ? random.pick([1, 1, 1, 2, 2, 3]) : 0;
  for (let i = 0; i < updates; i++) {
    const bytes = random.pick([
      random.below(tableBytes + 1),
      tableBytes,
      tableBytes,
      tableBytes + 1,
      used - 1,
      used,
      used,
    ]);
    pieces.push(encode([{ kind: 'size', bytes: Math.max(0, bytes) }]));
  }
  for (let i = random.below(random.below(10) === 0 ? 150 : 8); i > 0; i--)
    pieces.push(
      random.below(30) === 0 ? randomOddity(random) : encode([randomRepresentation(random, reference.table.length)]),
    );
  return Buffer.concat(pieces);
}

function randomRepresentation(random: SeededRandom, tableLength: number): Representation {
  // One is beyond the end, unless the block has added to the table.
  const index = 1 + random.below(61 + tableLength + (random.below(10) === 0 ? 1 : 0));
  if (random.below(2) === 0) return { kind: 'indexed', index };
  const name = random.below(2) === 0 ? index : randomText(random, random.pick(NAMES));
  return { kind: 'literal', indexing: random.pick(INDEXINGS), name, value: randomText(random) };
}

function randomText(random: SeededRandom, latin1: string = randomString(random)): Text {
  return { latin1, isHuffman: random.below(2) === 0 };
}

function randomString(random: SeededRandom): string {
  // Shorter than the scratch buffer when it is coded, longer afterwards.
  if (random.below(200) === 0) return random.pick(['0', 'a', 'e', 't']).repeat(4_097 + random.below(2_000));
  const length = random.pick(random.below(60) === 0 ? LARGE_LENGTHS : LENGTHS);
  // Most characters are those of the short codes.
  const from = random.pick([48, 48, 97, 97, 32, 0, 128]);
  const spread = random.pick([10, 26, 96, 256]);
  return Buffer.from(Array.from({ length }, () => (from + random.below(spread)) % 256)).toString('latin1');
}

/** Integers that are too large, or in too many bytes, and Huffman coded text that is wrong. */
function randomOddity(random: SeededRandom): Buffer {
  const padding = random.below(5);
  const large = random.pick([...LARGE_INTEGERS, 127]);
  switch (random.below(6)) {
    case 0:
      return Buffer.from(integer(0x80, 7, large, padding));
    case 1:
      return Buffer.from([...integer(0x00, 4, random.below(2) === 0 ? large : 15 + random.below(46), padding), 1, 97]);
    case 2:
      return Buffer.from([...integer(0x40, 6, 63 + random.below(5), padding), 0]);
    case 3:
      return Buffer.from(integer(0x20, 5, 31 + random.below(100), padding));
    case 4:
      return Buffer.from([0x10, 1, 97, ...integer(0, 7, large, padding), 97]);
    default: {
      const symbols = [...Buffer.from(randomString(random), 'latin1')];
      if (random.below(3) === 0) symbols.splice(random.below(symbols.length + 1), 0, 256);
      const coded = huffmanEncode(symbols, random.pick(['1111111', '1111110', '0000000', '111111111111111']));
      return Buffer.from([random.pick([0x00, 0x40]), 1, 97, ...integer(0x80, 7, coded.length), ...coded]);
    }
  }
}

/** All blocks of a connection, with the peer's settings changing in between. */
function checkEncoder(product: Product, random: SeededRandom): string | undefined {
  const connection = new EncodedConnection(product);
  let names = [...NAMES, ...Array.from({ length: random.below(4) === 0 ? 80 : 3 }, (_, i) => `x-${i}`)];
  // A small table, and few names, so that it is often exactly full.
  if (random.below(3) === 0) {
    connection.setMaxTableBytes(128 + random.below(80));
    names = Array.from({ length: 3 }, () => random.pick(names));
  }
  for (let blocks = 1 + random.below(20); blocks > 0; blocks--) {
    for (let changes = random.below(6) === 0 ? 1 + random.below(3) : 0; changes > 0; changes--)
      connection.setMaxTableBytes(random.pick([...TABLE_BYTES, ...LARGE_TABLE_BYTES]));
    const fields = Array.from({ length: random.below(random.below(20) === 0 ? 100 : 10) }, () => [
      random.pick(names),
      random.below(3) === 0 ? randomString(random) : random.pick(VALUES),
    ]);
    const disagreement = connection.check(fields.flat(), random);
    if (disagreement !== undefined) return disagreement;
  }
  return undefined;
}

class EncodedConnection {
  readonly #product: Product;
  readonly #encoder: InstanceType<Product['HpackEncoder']>;
  readonly #decoder: InstanceType<Product['HpackDecoder']>;
  readonly #reference: ReferenceDecoder = new ReferenceDecoder(UNLIMITED);
  /** By name: the values so far. */
  readonly #seen: Map<string, string[]> = new Map();
  #smallest = MAX_TABLE_BYTES;
  #final = MAX_TABLE_BYTES;

  constructor(product: Product) {
    this.#product = product;
    this.#encoder = new product.HpackEncoder();
    this.#decoder = new product.HpackDecoder(MAX_TABLE_BYTES);
  }

  setMaxTableBytes(bytes: number): void {
    this.#encoder.setMaxTableBytes(bytes);
    this.#final = Math.min(bytes, MAX_TABLE_BYTES);
    this.#smallest = Math.min(this.#smallest, bytes);
  }

  check(fields: readonly string[], random: SeededRandom): string | undefined {
    const context = (): string => JSON.stringify(fields);
    const room = this.#product.maxEncodedBytes(fields);
    const offset = random.below(3);
    if (this.#encoder.encode(fields, Buffer.alloc(offset + room - 1), offset) !== -1) return `no room: ${context()}`;
    const out = Buffer.alloc(offset + room);
    const end = this.#encoder.encode(fields, out, offset);
    const block = out.subarray(offset, end);
    if (end < offset || end > out.length) return `ends at ${end} of ${out.length}: ${context()}`;
    const before = this.#reference.tableBytes;
    const decoded = this.#reference.decode(block);
    if (decoded.result !== 'ok' || !isDeepStrictEqual(decoded.fields, fields))
      return `${decoded.result}, ${JSON.stringify(decoded.fields)} instead of ${context()}: ${block.toString('hex')}`;
    const read: string[] = [];
    if (this.#decoder.decode(out, offset, end, read, UNLIMITED, UNLIMITED) !== 'ok' || !isDeepStrictEqual(read, fields))
      return `the decoder reads ${JSON.stringify(read)} instead of ${context()}`;
    return this.#checkSize(decoded, before) ?? this.#checkFields(decoded);
  }

  #checkSize({ representations }: Decoded, before: number): string | undefined {
    const sizes = representations.flatMap((representation) =>
      representation.kind === 'size' ? [representation.bytes] : [],
    );
    const expected = this.#smallest < before ? [this.#smallest] : [];
    if (this.#final !== (expected[0] ?? before)) expected.push(this.#final);
    this.#smallest = this.#final;
    return isDeepStrictEqual(sizes, expected) ? undefined : `sizes ${String(sizes)} instead of ${String(expected)}`;
  }

  #checkFields({ fields, representations }: Decoded): string | undefined {
    const encoded = representations.filter(({ kind }) => kind !== 'size');
    for (const [i, representation] of encoded.entries()) {
      const field = [fields[i * 2] as string, fields[i * 2 + 1] as string] as const;
      const problem = this.#problemOf(field, representation);
      if (problem !== undefined) return `${problem}: ${JSON.stringify(field)}, ${JSON.stringify(representation)}`;
      this.#seen.set(field[0], [...(this.#seen.get(field[0]) ?? []), field[1]]);
    }
    return undefined;
  }

  #problemOf([name, value]: Field, representation: Representation): string | undefined {
    const indexing = representation.kind === 'literal' ? representation.indexing : undefined;
    if (SENSITIVE.includes(name)) return indexing === 'never' ? undefined : 'sensitive';
    if (indexing === 'never') return 'not sensitive';
    const index = STATIC_TABLE.findIndex((entry) => entry[0] === name && entry[1] === value) + 1;
    if (index > 0) return isDeepStrictEqual(representation, { kind: 'indexed', index }) ? undefined : 'a static entry';
    const seen = this.#seen.get(name) ?? [];
    if (representation.kind === 'literal' && typeof representation.name !== 'number')
      if (STATIC_TABLE.some((entry) => entry[0] === name)) return 'a static name';
    const entryBytes = name.length + value.length + 32;
    if (indexing === 'incremental' && entryBytes > this.#final / 4) return 'too large for the table';
    if (indexing === 'incremental' && !seen.includes(value)) return 'not seen before';
    const isRepeated = this.#seen.size < MAX_NAMES && seen.at(-1) === value && entryBytes <= this.#final / 4;
    return indexing === 'without' && isRepeated ? 'repeated' : undefined;
  }
}
