// Decodes HPACK field blocks (RFC 7541) of one connection. Time is linear in the bytes of a block, memory is bounded by the limits of
// the call and the size of the dynamic table, and no input throws.
import { DynamicTable, ENTRY_OVERHEAD_BYTES } from './dynamic-table.ts';
import { HuffmanDecoder } from './huffman.ts';
import { STATIC_ENTRIES, STATIC_FIELDS } from './static-table.ts';

export type DecodeResult = 'ok' | 'too_large' | 'error';

/** What the encoder of the other side starts with (RFC 9113 section 6.5.2). */
export const DEFAULT_TABLE_BYTES = 4096;

/** Bits of the representations' first bytes (section 6). */
const INDEXED = 0x80;
const WITH_INDEXING = 0x40;
const SIZE_UPDATE = 0x20;
const INDEX_MASK = 0x7f;
const INDEXING_NAME_MASK = 0x3f;
const SIZE_MASK = 0x1f;
const NAME_MASK = 0x0f;
const HUFFMAN = 0x80;
const LENGTH_MASK = 0x7f;

/** The smallest size since the last block, and the final one (section 4.2). */
const MAX_SIZE_UPDATES = 2;
/** Bytes of an integer behind its prefix: 28 bits. */
const MAX_INTEGER_BYTES = 4;
const MAX_INTEGER: number = 2 ** 28 - 1;

/** Returned instead of an integer. */
const MALFORMED = -1;

export class HpackDecoder {
  readonly #maxTableBytes: number;
  readonly #huffman: HuffmanDecoder;
  readonly #table: DynamicTable = new DynamicTable(DEFAULT_TABLE_BYTES);
  /** Of the next byte in the block; behind the end where the block was too short. */
  #position = 0;
  /** What may still be appended; one of them is negative once the block is too large. */
  #countLeft = 0;
  #bytesLeft = 0;

  /**
   * @param maxTableBytes what our SETTINGS_HEADER_TABLE_SIZE says. Until the peer follows it, its table has DEFAULT_TABLE_BYTES.
   * @param huffman may serve all connections, so that each does not need a scratch buffer of 4 KiB.
   */
  constructor(maxTableBytes: number = DEFAULT_TABLE_BYTES, huffman: HuffmanDecoder = new HuffmanDecoder()) {
    this.#maxTableBytes = maxTableBytes;
    this.#huffman = huffman;
  }

  /**
   * Decodes one complete field block (HEADERS and CONTINUATIONs joined), block[start..end), and appends name, value, name, value … to
   * `fields`. Strings are latin1, byte for byte; whether they are valid is not looked at.
   *
   * `too_large`: there were more than `maxCount` fields, or more than `maxBytes` of them (names, values and 32 each, as in RFC 9113
   * section 10.5.1). The rest of the block was decoded for the dynamic table, but nothing more was appended.
   * `error`: COMPRESSION_ERROR, the connection is lost; what was appended means nothing.
   */
  decode(
    block: Buffer,
    start: number,
    end: number,
    fields: string[],
    maxCount: number,
    maxBytes: number,
  ): DecodeResult {
    this.#position = start;
    this.#countLeft = maxCount;
    this.#bytesLeft = maxBytes;
    if (!this.#updateSize(block, end)) return 'error';
    while (this.#position < end) {
      const first = block[this.#position] as number;
      const isRead = first >= INDEXED ? this.#readIndexed(block, end, fields) : this.#readLiteral(block, end, fields);
      if (!isRead) return 'error';
    }
    return this.#isTooLarge ? 'too_large' : 'ok';
  }

  /** Section 6.3: only at the beginning of a block (section 4.2). */
  #updateSize(block: Buffer, end: number): boolean {
    for (let updates = 0; this.#position < end; updates++) {
      const first = block[this.#position] as number;
      if (first >= WITH_INDEXING || first < SIZE_UPDATE) break;
      const tableBytes = this.#readInteger(block, end, SIZE_MASK);
      if (tableBytes === MALFORMED || tableBytes > this.#maxTableBytes || updates === MAX_SIZE_UPDATES) return false;
      this.#table.resize(tableBytes);
    }
    return true;
  }

  /** Section 6.1. */
  #readIndexed(block: Buffer, end: number, fields: string[]): boolean {
    const index = this.#readInteger(block, end, INDEX_MASK);
    if (!this.#isEntry(index)) return false;
    this.#append(fields, this.#nameOf(index), this.#valueOf(index));
    return true;
  }

  /** Section 6.2. */
  #readLiteral(block: Buffer, end: number, fields: string[]): boolean {
    const first = block[this.#position] as number;
    const isIndexing = first >= WITH_INDEXING;
    if (!isIndexing && first >= SIZE_UPDATE) return false;
    const index = this.#readInteger(block, end, isIndexing ? INDEXING_NAME_MASK : NAME_MASK);
    if (index !== 0 && !this.#isEntry(index)) return false;
    const isNeeded = isIndexing || !this.#isTooLarge;
    const name = index === 0 ? this.#readString(block, end, isNeeded) : this.#nameOf(index);
    if (name === undefined) return false;
    const value = this.#readString(block, end, isNeeded);
    if (value === undefined) return false;
    if (isIndexing) this.#table.add(name, value);
    this.#append(fields, name, value);
    return true;
  }

  get #isTooLarge(): boolean {
    return this.#countLeft < 0 || this.#bytesLeft < 0;
  }

  #append(fields: string[], name: string, value: string): void {
    this.#countLeft--;
    this.#bytesLeft -= name.length + value.length + ENTRY_OVERHEAD_BYTES;
    if (!this.#isTooLarge) fields.push(name, value);
  }

  /** Section 2.3.3. MALFORMED is none. */
  #isEntry(index: number): boolean {
    return index > 0 && index <= STATIC_ENTRIES + this.#table.length;
  }

  #nameOf(index: number): string {
    return index <= STATIC_ENTRIES
      ? (STATIC_FIELDS[index * 2 - 2] as string)
      : this.#table.name(index - STATIC_ENTRIES - 1);
  }

  #valueOf(index: number): string {
    return index <= STATIC_ENTRIES
      ? (STATIC_FIELDS[index * 2 - 1] as string)
      : this.#table.value(index - STATIC_ENTRIES - 1);
  }

  /** Section 5.2. Returns '' where the text is not needed, and undefined where it is malformed. */
  #readString(block: Buffer, end: number, isNeeded: boolean): string | undefined {
    if (this.#position >= end) return undefined;
    const isHuffman = (block[this.#position] as number) >= HUFFMAN;
    const length = this.#readInteger(block, end, LENGTH_MASK);
    if (length === MALFORMED || length > end - this.#position) return undefined;
    const start = this.#position;
    this.#position = start + length;
    if (!isNeeded) return '';
    return isHuffman
      ? this.#huffman.decode(block, start, this.#position)
      : block.toString('latin1', start, this.#position);
  }

  /** Section 5.1. There must be a byte left; `mask` covers the prefix, in that byte. */
  #readInteger(block: Buffer, end: number, mask: number): number {
    let value = (block[this.#position++] as number) & mask;
    if (value < mask) return value;
    for (let bytes = 0; bytes < MAX_INTEGER_BYTES && this.#position < end; bytes++) {
      const byte = block[this.#position++] as number;
      value += (byte & 0x7f) << (7 * bytes);
      if (byte < 0x80) return value <= MAX_INTEGER ? value : MALFORMED;
    }
    return MALFORMED;
  }
}
