// HPACK as RFC 7541 tells it, without regard to speed: bits are characters, the table is an array, every code is listed. It shares
// nothing with the product. Blocks are read and written as representations, so that tests see how a field was encoded.

export type Representation =
  | { readonly kind: 'indexed'; readonly index: number }
  | { readonly kind: 'literal'; readonly indexing: Indexing; readonly name: number | Text; readonly value: Text }
  | { readonly kind: 'size'; readonly bytes: number };

export type Indexing = 'incremental' | 'without' | 'never';

export interface Text {
  readonly latin1: string;
  readonly isHuffman: boolean;
}

export type Field = readonly [name: string, value: string];

/** Entry 1 first. */
// oxfmt-ignore
export const STATIC_TABLE: readonly Field[] = (
  ':authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|:status 206|' +
  ':status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|accept|' +
  'access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|' +
  'content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|' +
  'if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|' +
  'referer|refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate'
).split('|').map((entry) => [entry.replace(/ .*/, ''), entry.replace(/^[^ ]* ?/, '')]);

/** By the length of their codes: the first code, and the symbols whose codes count up from it. 256 is EOS. */
// oxfmt-ignore
const CODES: readonly (readonly [bits: number, first: number, symbols: readonly number[]])[] = [
  [5, 0x0, bytesOf('012aceiost')],
  [6, 0x14, bytesOf(' %-./3456789=A_bdfghlmnpru')],
  [7, 0x5c, bytesOf(':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz')],
  [8, 0xf8, bytesOf('&*,;XZ')],
  [10, 0x3f8, bytesOf('!"()?')],
  [11, 0x7fa, bytesOf("'+|")],
  [12, 0xffa, bytesOf('#>')],
  [13, 0x1ff8, bytesOf('\0$@[]~')],
  [14, 0x3ffc, bytesOf('^}')],
  [15, 0x7ffc, bytesOf('<`{')],
  [19, 0x7fff0, [92, 195, 208]],
  [20, 0xfffe6, [128, 130, 131, 162, 184, 194, 224, 226]],
  [21, 0x1fffdc, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]],
  [22, 0x3fffd2, [
    129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233,
  ]],
  [23, 0x7fffd8, [
    1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197,
    231, 239,
  ]],
  [24, 0xffffea, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]],
  [25, 0x1ffffec, [199, 207, 234, 235]],
  [26, 0x3ffffe0, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]],
  [27, 0x7ffffde, [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254]],
  [28, 0xfffffe2, [
    2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249,
  ]],
  [30, 0x3ffffffc, [10, 13, 22, 256]],
];

const EOS = 256;
const CODE_OF_SYMBOL: ReadonlyMap<number, string> = new Map(
  CODES.flatMap(([bits, first, symbols]) =>
    symbols.map((symbol, i) => [symbol, (first + i).toString(2).padStart(bits, '0')] as const),
  ),
);
const SYMBOL_OF_CODE: ReadonlyMap<string, number> = new Map(
  [...CODE_OF_SYMBOL].map(([symbol, code]) => [code, symbol] as const),
);

function bytesOf(latin1: string): readonly number[] {
  return [...Buffer.from(latin1, 'latin1')];
}

/** @param padding what fills the last byte, as bits; ones by default. */
export function huffmanEncode(symbols: readonly number[], padding = '1111111'): Buffer {
  const bits = symbols.map((symbol) => CODE_OF_SYMBOL.get(symbol) ?? '').join('');
  const padded = bits + padding.slice(0, (8 - (bits.length % 8)) % 8) + padding.slice(7);
  return Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** Undefined: malformed. */
function huffmanDecode(bytes: Buffer): string | undefined {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  let code = '';
  for (const bit of bits) {
    code += bit;
    const symbol = SYMBOL_OF_CODE.get(code);
    if (symbol === undefined) continue;
    if (symbol === EOS) return undefined;
    text += String.fromCharCode(symbol);
    code = '';
  }
  return /^1{0,7}$/.test(code) ? text : undefined;
}

/** @param first the bits above the prefix. @param padding so many empty bytes are added at the end, which change nothing. */
export function integer(first: number, prefixBits: number, value: number, padding = 0): number[] {
  const max = 2 ** prefixBits - 1;
  if (value < max) return [first | value];
  const digits = [(value - max) % 128];
  for (let rest = Math.floor((value - max) / 128); rest > 0; rest = Math.floor(rest / 128)) digits.push(rest % 128);
  for (let i = 0; i < padding; i++) digits.push(0);
  return [first | max, ...digits.map((digit, i) => (i === digits.length - 1 ? digit : digit | 0x80))];
}

export function raw(latin1: string): Text {
  return { latin1, isHuffman: false };
}

export function huffman(latin1: string): Text {
  return { latin1, isHuffman: true };
}

export function encode(representations: readonly Representation[]): Buffer {
  return Buffer.concat(representations.map(encodeOne));
}

const LITERALS = { incremental: [0x40, 6], without: [0x00, 4], never: [0x10, 4] } as const;

function encodeOne(representation: Representation): Buffer {
  switch (representation.kind) {
    case 'indexed':
      return Buffer.from(integer(0x80, 7, representation.index));
    case 'size':
      return Buffer.from(integer(0x20, 5, representation.bytes));
    case 'literal': {
      const { indexing, name, value } = representation;
      const index = typeof name === 'number' ? name : 0;
      const [first, prefixBits] = LITERALS[indexing];
      const start = Buffer.from(integer(first, prefixBits, index));
      return Buffer.concat([start, ...(typeof name === 'number' ? [] : [encodeText(name)]), encodeText(value)]);
    }
  }
}

function encodeText({ latin1, isHuffman }: Text): Buffer {
  const bytes = isHuffman ? huffmanEncode(bytesOf(latin1)) : Buffer.from(latin1, 'latin1');
  return Buffer.concat([Buffer.from(integer(isHuffman ? 0x80 : 0, 7, bytes.length)), bytes]);
}

export interface Decoded {
  readonly result: 'ok' | 'too_large' | 'error';
  /** What was appended; of an error only as long as nothing was wrong. */
  readonly fields: readonly string[];
  readonly representations: readonly Representation[];
}

export class ReferenceDecoder {
  /** The newest first. */
  table: Field[] = [];
  tableBytes = 4096;
  readonly #maxTableBytes: number;

  constructor(maxTableBytes = 4096) {
    this.#maxTableBytes = maxTableBytes;
  }

  /** Of the table, static and dynamic; undefined where there is no such entry. */
  entry(index: number): Field | undefined {
    return [...STATIC_TABLE, ...this.table][index - 1];
  }

  decode(block: Buffer, maxCount: number = Infinity, maxBytes: number = Infinity): Decoded {
    const reader = new Reader(block);
    const fields: string[] = [];
    const representations: Representation[] = [];
    let [count, bytes] = [0, 0];
    const isFull = (): boolean => count > maxCount || bytes > maxBytes;
    try {
      while (reader.hasMore) {
        const representation = reader.representation(isFull());
        const isAtStart = representations.length < 2 && representations.every(({ kind }) => kind === 'size');
        representations.push(representation);
        if (representation.kind === 'size' && !isAtStart) throw new Malformed();
        const field = this.#apply(representation);
        if (field === undefined || isFull()) continue;
        count++;
        bytes += sizeOf(field);
        if (!isFull()) fields.push(...field);
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return { result: 'error', fields, representations };
    }
    return { result: isFull() ? 'too_large' : 'ok', fields, representations };
  }

  #apply(representation: Representation): Field | undefined {
    switch (representation.kind) {
      case 'size':
        if (representation.bytes > this.#maxTableBytes) throw new Malformed();
        this.tableBytes = representation.bytes;
        this.#evict();
        return undefined;
      case 'indexed':
        return this.#existing(representation.index);
      case 'literal': {
        const { indexing, name, value } = representation;
        const field = [typeof name === 'number' ? this.#existing(name)[0] : name.latin1, value.latin1] as const;
        if (indexing === 'incremental') {
          this.table.unshift(field);
          this.#evict();
        }
        return field;
      }
    }
  }

  #existing(index: number): Field {
    const entry = this.entry(index);
    if (entry === undefined) throw new Malformed();
    return entry;
  }

  get usedBytes(): number {
    return this.table.reduce((sum, field) => sum + sizeOf(field), 0);
  }

  #evict(): void {
    while (this.usedBytes > this.tableBytes) this.table.pop();
  }
}

function sizeOf([name, value]: Field): number {
  return name.length + value.length + 32;
}

class Malformed extends Error {}

class Reader {
  readonly #block: Buffer;
  #position = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  get hasMore(): boolean {
    return this.#position < this.#block.length;
  }

  /** @param isSkipping texts need not be valid where they don't enter the table. */
  representation(isSkipping: boolean): Representation {
    const first = this.#block[this.#position] ?? 0;
    if (first & 0x80) return { kind: 'indexed', index: this.#integer(7) };
    if (first & 0x40) return this.#literal('incremental', 6, false);
    if (first & 0x20) return { kind: 'size', bytes: this.#integer(5) };
    return this.#literal(first & 0x10 ? 'never' : 'without', 4, isSkipping);
  }

  #literal(indexing: Indexing, prefixBits: number, isSkipping: boolean): Representation {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#text(isSkipping) : index;
    return { kind: 'literal', indexing, name, value: this.#text(isSkipping) };
  }

  #text(isSkipping: boolean): Text {
    const isHuffman = ((this.#block[this.#position] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const bytes = this.#block.subarray(this.#position, this.#position + length);
    if (bytes.length < length) throw new Malformed();
    this.#position += length;
    const latin1 = isHuffman ? huffmanDecode(bytes) : bytes.toString('latin1');
    if (latin1 === undefined && !isSkipping) throw new Malformed();
    return { latin1: latin1 ?? '', isHuffman };
  }

  /** At most four bytes behind the prefix, and less than 2^28. */
  #integer(prefixBits: number): number {
    const max = 2 ** prefixBits - 1;
    let value = this.#byte() % 2 ** prefixBits;
    if (value < max) return value;
    for (let digits = 0; digits < 4; digits++) {
      const byte = this.#byte();
      value += (byte % 128) * 128 ** digits;
      if (byte >= 128) continue;
      if (value >= 2 ** 28) break;
      return value;
    }
    throw new Malformed();
  }

  #byte(): number {
    const byte = this.#block[this.#position++];
    if (byte === undefined) throw new Malformed();
    return byte;
  }
}
