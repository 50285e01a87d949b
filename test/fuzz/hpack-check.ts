// What must hold of the HPACK decoder for any bytes: it reads the blocks of a connection as the reference reads them, wrong ones included.
import { isDeepStrictEqual } from 'node:util';
import type { Product } from '../property/hpack/property.ts';
import { ReferenceDecoder } from '../property/hpack/reference.ts';
import { RFC_EXAMPLES } from '../unit/dataplane/codec/http2/hpack/rfc-examples.ts';

const MAX_COUNT = 20;
const MAX_BYTES = 2_000;
/** What the encoder of the examples has. */
const TABLE_BYTES = 256;

/** The examples of the RFC, and what updates the size of the table or holds integers that are too large. */
export function blockSeeds(): Buffer[] {
  const connections = [
    ...RFC_EXAMPLES.map(({ blocks }) => blocks.map(({ hex }) => hex)),
    ['3fe101', '20', '203f'],
    ['7f80800f', '7f808080'],
  ];
  return connections.map((blocks) => {
    return Buffer.concat(blocks.flatMap((hex) => [Buffer.of(hex.length / 2), Buffer.from(hex, 'hex')]));
  });
}

/** @param bytes each block behind its length, in a byte. */
export function checkBlocks(product: Product, bytes: Buffer): string | undefined {
  const reference = new ReferenceDecoder(TABLE_BYTES);
  const decoder = new product.HpackDecoder(TABLE_BYTES);
  let position = 0;
  while (position < bytes.length) {
    const start = position + 1;
    const end = Math.min(start + (bytes[position] as number), bytes.length);
    const expected = reference.decode(bytes.subarray(start, end), MAX_COUNT, MAX_BYTES);
    const fields: string[] = [];
    const result = decoder.decode(bytes, start, end, fields, MAX_COUNT, MAX_BYTES);
    if (result !== expected.result) return `${result} instead of ${expected.result} at ${position}`;
    if (result === 'error') return undefined;
    if (!isDeepStrictEqual(fields, [...expected.fields])) return `other fields at ${position}`;
    position = end;
  }
  return undefined;
}
