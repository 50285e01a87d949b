// HPACK's Huffman code (RFC 7541 section 5.2 and appendix B), decoding only: what Sluice sends is not Huffman coded, see encoder.ts.
// Work is linear in the coded bytes, and what is written never exceeds 8/5 of them, as no code is shorter than five bits.

/** Bits of the code of each byte value, EOS last. The code is canonical: codes count up by length, then by byte value. */
// oxfmt-ignore
const CODE_LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const EOS = 256;
const MIN_CODE_BITS = 5;
const MAX_CODE_BITS = 30;
/** Padding is shorter than a byte. */
const MAX_PADDING_BITS = 7;
/** Codes up to this length, those of all letters, digits and most signs, take one look-up. */
const SHORT_BITS = 10;
const SHORT_MASK: number = (1 << SHORT_BITS) - 1;
const LENGTH_SHIFT = 8;
const SYMBOL_MASK = 0xff;

interface Code {
  /** By the next SHORT_BITS bits: length << LENGTH_SHIFT | symbol, or 0 where the code is longer. */
  readonly short: Uint16Array;
  /** All symbols in the order of their codes. */
  readonly symbols: Uint16Array;
  /** By length: what comes behind the last code of this length and the shorter ones, left-aligned in MAX_CODE_BITS bits. */
  readonly ends: Uint32Array;
  /** By length: the index in `symbols` of the symbol whose code would be all zeros, if there were one. */
  readonly bases: Int32Array;
}

const CODE: Code = buildCode();

function buildCode(): Code {
  const short = new Uint16Array(1 << SHORT_BITS);
  const symbols = new Uint16Array(CODE_LENGTHS.length);
  const ends = new Uint32Array(MAX_CODE_BITS + 1);
  const bases = new Int32Array(MAX_CODE_BITS + 1);
  let code = 0;
  let count = 0;
  for (let length = MIN_CODE_BITS; length <= MAX_CODE_BITS; length++) {
    bases[length] = count - code;
    for (const [symbol, codeLength] of CODE_LENGTHS.entries()) {
      if (codeLength !== length) continue;
      symbols[count++] = symbol;
      const spare = SHORT_BITS - length;
      if (spare >= 0) short.fill((length << LENGTH_SHIFT) | symbol, code << spare, (code + 1) << spare);
      code++;
    }
    ends[length] = code << (MAX_CODE_BITS - length);
    code <<= 1;
  }
  return { short, symbols, ends, bases };
}

/** Longer text gets a buffer of its own, for one call. */
const SCRATCH_BYTES = 4096;

/** Keeps a scratch buffer, nothing else: one serves all connections of a thread. */
export class HuffmanDecoder {
  #scratch: Buffer | undefined;

  /** The text of block[start..end) as latin1; undefined where it holds EOS, or its padding is wrong or too long. */
  decode(block: Buffer, start: number, end: number): string | undefined {
    const maxBytes = Math.floor(((end - start) * 8) / MIN_CODE_BITS);
    const text = maxBytes <= SCRATCH_BYTES ? (this.#scratch ??= allocate(SCRATCH_BYTES)) : allocate(maxBytes);
    const length = decodeInto(text, block, start, end);
    return length < 0 ? undefined : text.toString('latin1', 0, length);
  }
}

/** Not of Node's pool, a part of which would keep all of it. */
function allocate(byteCount: number): Buffer {
  return Buffer.allocUnsafeSlow(byteCount);
}

/** Returns how many bytes it has written, or -1. */
function decodeInto(text: Buffer, block: Buffer, start: number, end: number): number {
  const short = CODE.short;
  let position = start;
  let length = 0;
  /** The lowest `bitCount` bits of `bits` are what has been read and not decoded. */
  let bits = 0;
  let bitCount = 0;
  for (;;) {
    while (bitCount <= 24 && position < end) {
      bits = (bits << 8) | (block[position++] as number);
      bitCount += 8;
    }
    // Behind the end there are ones, as if the padding went on: these begin no code of SHORT_BITS or fewer.
    const next =
      bitCount >= SHORT_BITS
        ? (bits >>> (bitCount - SHORT_BITS)) & SHORT_MASK
        : ((bits << (SHORT_BITS - bitCount)) | (SHORT_MASK >>> bitCount)) & SHORT_MASK;
    const entry = short[next] as number;
    const codeBits = entry >>> LENGTH_SHIFT;
    if (codeBits > 0 && codeBits <= bitCount) {
      text[length++] = entry & SYMBOL_MASK;
      bitCount -= codeBits;
      continue;
    }
    if (bitCount <= MAX_PADDING_BITS && position === end) {
      const ones = (1 << bitCount) - 1;
      return (bits & ones) === ones ? length : -1;
    }
    const bitPosition = position * 8 - bitCount;
    const window = windowAt(block, bitPosition, end);
    const longBits = longCodeBits(window);
    const symbol = CODE.symbols[(CODE.bases[longBits] as number) + (window >>> (MAX_CODE_BITS - longBits))] as number;
    const nextPosition = bitPosition + longBits;
    if (symbol === EOS || nextPosition > end * 8) return -1;
    text[length++] = symbol;
    position = Math.ceil(nextPosition / 8);
    bitCount = position * 8 - nextPosition;
    bits = block[position - 1] as number;
  }
}

/** MAX_CODE_BITS bits from there; ones behind the end. */
function windowAt(block: Buffer, bitPosition: number, end: number): number {
  let window = 0;
  let position = bitPosition >>> 3;
  const skipped = bitPosition & 7;
  for (let filled = -skipped; filled < MAX_CODE_BITS; filled += 8) {
    const byte = position < end ? (block[position] as number) : 0xff;
    const spare = MAX_CODE_BITS - filled - 8;
    window |= spare >= 0 ? byte << spare : byte >>> -spare;
    position++;
  }
  return window & (2 ** MAX_CODE_BITS - 1);
}

function longCodeBits(window: number): number {
  let codeBits = SHORT_BITS + 1;
  while (window >= (CODE.ends[codeBits] as number)) codeBits++;
  return codeBits;
}
