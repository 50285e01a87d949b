// Encodes field blocks with HPACK (RFC 7541) for one connection, to save processor time first: strings go out as they are, since Huffman
// coding costs more here and at the peer than the bytes it saves. What repeats is indexed, from its second time on, so that ids and
// dates don't push out what lasts. Memory is bounded: by the table, and by MAX_NAMES of which the last value is remembered.
import { ENTRY_OVERHEAD_BYTES } from './dynamic-table.ts';
import { EncoderTable, MAX_TABLE_BYTES, NO_ENTRY } from './encoder-table.ts';
import { STATIC_ENTRIES, STATIC_NAMES } from './static-table.ts';
import type { StaticName } from './static-table.ts';

/** Of a connection; with one more all are forgotten, so that names that never come back don't stay in the way. */
const MAX_NAMES = 64;
/** An entry may take that part of the table. */
const MAX_ENTRY_SHARE: number = 1 / 4;
/** Never entered into a table, here or behind the peer (section 7.1.3). */
const SENSITIVE_NAMES: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization', 'set-cookie']);

/** First bytes of the representations (section 6), and the largest number that their prefixes hold. */
const INDEXED = 0x80;
const MAX_INDEXED = 0x7f;
const WITH_INDEXING = 0x40;
const MAX_INDEXING_NAME = 0x3f;
const NEVER_INDEXED = 0x10;
const WITHOUT_INDEXING = 0x00;
const MAX_NAME = 0x0f;
const SIZE_UPDATE = 0x20;
const MAX_SIZE = 0x1f;
const MAX_LENGTH = 0x7f;

/** A field's first byte, and two integers of up to 28 bits with a byte of prefix each. */
const MAX_FIELD_OVERHEAD_BYTES = 11;
/** Two size updates of up to MAX_TABLE_BYTES. */
const MAX_UPDATE_BYTES = 6;
/** Up to here a loop is cheaper than a call into C++. */
const MAX_LOOP_LENGTH = 12;

/** What an encoder remembers of a name. */
interface KnownName {
  readonly statics: StaticName | undefined;
  readonly isSensitive: boolean;
  /** The number of its newest entry in the table; that may be evicted. */
  newest: number;
  lastValue: string | undefined;
  /** The number of the entry with the last value. */
  lastEntry: number;
  /** The static table's index of the last value, or 0. */
  lastStaticIndex: number;
}

export class HpackEncoder {
  readonly #table: EncoderTable = new EncoderTable();
  readonly #names: Map<string, KnownName> = new Map();
  /** Set by the peer since the last block: the smallest size and the final one. */
  #smallestBytes: number = MAX_TABLE_BYTES;
  #finalBytes: number = MAX_TABLE_BYTES;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. It takes effect with the next block, and never more than 4096 bytes are used. */
  setMaxTableBytes(bytes: number): void {
    this.#finalBytes = Math.min(bytes, MAX_TABLE_BYTES);
    this.#smallestBytes = Math.min(this.#smallestBytes, this.#finalBytes);
  }

  /**
   * Encodes name, value, name, value … (latin1, lower-case names, pseudo fields first) into `out` from `offset` on.
   * Returns the offset behind the block; -1, with nothing changed, where `out` has less room than `maxEncodedBytes`.
   */
  encode(fields: readonly string[], out: Buffer, offset: number): number {
    if (out.length - offset < maxEncodedBytes(fields)) return -1;
    let position = this.#updateSize(out, offset);
    for (let i = 0; i < fields.length; i += 2)
      position = this.#encodeField(fields[i] as string, fields[i + 1] as string, out, position);
    return position;
  }

  /** Section 4.2. */
  #updateSize(out: Buffer, offset: number): number {
    let position = offset;
    if (this.#smallestBytes < this.#table.maxBytes) {
      this.#table.resize(this.#smallestBytes);
      position = writeInteger(out, position, SIZE_UPDATE, MAX_SIZE, this.#smallestBytes);
    }
    if (this.#finalBytes !== this.#table.maxBytes) {
      this.#table.resize(this.#finalBytes);
      position = writeInteger(out, position, SIZE_UPDATE, MAX_SIZE, this.#finalBytes);
    }
    this.#smallestBytes = this.#finalBytes;
    return position;
  }

  #encodeField(name: string, value: string, out: Buffer, offset: number): number {
    const known = this.#names.get(name) ?? this.#learn(name);
    if (known.isSensitive) return this.#writeLiteral(NEVER_INDEXED, MAX_NAME, known, name, value, out, offset);
    const isRepeated = known.lastValue === value;
    if (!isRepeated) this.#look(known, value);
    if (known.lastStaticIndex > 0) {
      out[offset] = INDEXED | known.lastStaticIndex;
      return offset + 1;
    }
    if (this.#table.has(known.lastEntry))
      return writeInteger(out, offset, INDEXED, MAX_INDEXED, this.#indexOf(known.lastEntry));
    const entryBytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    if (!isRepeated || entryBytes > this.#table.maxBytes * MAX_ENTRY_SHARE)
      return this.#writeLiteral(WITHOUT_INDEXING, MAX_NAME, known, name, value, out, offset);
    const position = this.#writeLiteral(WITH_INDEXING, MAX_INDEXING_NAME, known, name, value, out, offset);
    known.newest = known.lastEntry = this.#table.add(value, entryBytes, known.newest);
    return position;
  }

  #learn(name: string): KnownName {
    if (this.#names.size === MAX_NAMES) this.#names.clear();
    const statics = STATIC_NAMES.get(name);
    const isSensitive = SENSITIVE_NAMES.has(name);
    const known = {
      statics,
      isSensitive,
      newest: NO_ENTRY,
      lastValue: undefined,
      lastEntry: NO_ENTRY,
      lastStaticIndex: 0,
    };
    this.#names.set(name, known);
    return known;
  }

  /** Makes the value the last one of its name. */
  #look(known: KnownName, value: string): void {
    known.lastValue = value;
    const place = known.statics === undefined ? -1 : known.statics.values.indexOf(value);
    known.lastStaticIndex = place < 0 ? 0 : (known.statics as StaticName).index + place;
    known.lastEntry = place < 0 ? this.#table.find(value, known.newest) : NO_ENTRY;
  }

  #indexOf(entry: number): number {
    return STATIC_ENTRIES + this.#table.age(entry);
  }

  #writeLiteral(
    first: number,
    maxName: number,
    known: KnownName,
    name: string,
    value: string,
    out: Buffer,
    offset: number,
  ): number {
    let position: number;
    if (known.statics !== undefined) position = writeInteger(out, offset, first, maxName, known.statics.index);
    else if (this.#table.has(known.newest))
      position = writeInteger(out, offset, first, maxName, this.#indexOf(known.newest));
    else {
      out[offset] = first;
      position = writeString(out, offset + 1, name);
    }
    return writeString(out, position, value);
  }
}

/** How much room `encode` asks for. */
export function maxEncodedBytes(fields: readonly string[]): number {
  let bytes = MAX_UPDATE_BYTES + (fields.length / 2) * MAX_FIELD_OVERHEAD_BYTES;
  for (const text of fields) bytes += text.length;
  return bytes;
}

/** Section 5.2, without Huffman coding. */
function writeString(out: Buffer, offset: number, text: string): number {
  const length = text.length;
  const start = writeInteger(out, offset, 0, MAX_LENGTH, length);
  if (length > MAX_LOOP_LENGTH) out.write(text, start, length, 'latin1');
  else for (let i = 0; i < length; i++) out[start + i] = text.charCodeAt(i);
  return start + length;
}

/** Section 5.1. @param first the bits above the prefix. @param max the largest number that the prefix holds. */
function writeInteger(out: Buffer, offset: number, first: number, max: number, value: number): number {
  if (value < max) {
    out[offset] = first | value;
    return offset + 1;
  }
  out[offset] = first | max;
  let position = offset + 1;
  let rest = value - max;
  for (; rest > 0x7f; rest >>>= 7) out[position++] = 0x80 | (rest & 0x7f);
  out[position] = rest;
  return position + 1;
}
