// However frames are cut on their way, the reader reports them the same: whole, or of DATA the same bytes, padding left out.
import { isDeepStrictEqual } from 'node:util';
import { frame } from '../../harness/http2-frames.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import type { Product } from './product.ts';

const MAX_FRAME_BYTES = 16_384;
const HEADER_BYTES = 9;
const DATA = 0;
const END_STREAM = 0x1;
const PADDED = 0x8;
const LENGTHS = [0, 0, 1, 2, 5, 8, 9, 10, 100, 255, 256, 257, 1_000, MAX_FRAME_BYTES - 1, MAX_FRAME_BYTES];

type Call = readonly (number | string | boolean)[];

/** Frames as bytes, with what is to be made of them. */
interface Sample {
  readonly bytes: Buffer;
  readonly calls: readonly Call[];
}

function payload(random: SeededRandom, length: number): Buffer {
  const bytes = Buffer.alloc(length, random.below(256));
  for (let i = 0; i < length; i += 1 + random.below(50)) bytes[i] = random.below(256);
  return bytes;
}

function randomFrame(random: SeededRandom): Sample {
  const type = random.below(3) === 0 ? random.below(256) : DATA;
  const stream = random.pick([0, 1, 3, 2 ** 31 - 1, random.below(2 ** 31)]);
  const length = random.below(20) === 0 ? MAX_FRAME_BYTES + 1 : random.pick(LENGTHS);
  const flags = random.below(256);
  const body = payload(random, length);
  const bytes = frame(type, flags, stream, body);
  // The reserved bit means nothing.
  if (random.below(2) === 0) bytes[5] = (bytes[5] as number) | 0x80;
  if (length > MAX_FRAME_BYTES) return { bytes, calls: [['breach', 6]] };
  if (type !== DATA) return { bytes, calls: [['frame', type, flags, stream, body.toString('hex')]] };
  const isPadded = (flags & PADDED) !== 0;
  if (isPadded && length > 0 && random.below(2) === 0)
    body[0] = bytes[HEADER_BYTES] = Math.min(length - random.below(3), 255) & 0xff;
  if (isPadded && length === 0) return { bytes, calls: [['breach', 6]] };
  const padding = isPadded ? (body[0] as number) : 0;
  if (isPadded && padding > length - 1) return { bytes, calls: [['breach', 1]] };
  const content = body.subarray(isPadded ? 1 : 0, length - padding);
  return { bytes, calls: [['data', stream, length, content.toString('hex'), (flags & END_STREAM) !== 0]] };
}

/** The first disagreement, or undefined. */
export function findMisreadFrame(product: Product, random: SeededRandom, samples: number): string | undefined {
  for (let i = 0; i < samples; i++) {
    const frames = Array.from({ length: 1 + random.below(6) }, () => randomFrame(random));
    const bytes = Buffer.concat(frames.map((sample) => sample.bytes));
    const all = frames.flatMap(({ calls }) => calls);
    const firstBreach = all.findIndex(([what]) => what === 'breach');
    const expected = firstBreach === -1 ? all : all.slice(0, firstBreach + 1);
    const pieces =
      random.below(20) === 0 ? Array.from(bytes, (byte) => Buffer.of(byte)) : random.split(bytes, 1 + random.below(12));
    const calls = caught(() => callsOf(product, pieces));
    if (!isDeepStrictEqual(calls, expected))
      return `${random.seed}, sample ${i}: ${JSON.stringify(calls).slice(0, 300)} instead of ${JSON.stringify(expected).slice(0, 300)}`;
  }
  return undefined;
}

function caught(action: () => Call[]): Call[] {
  try {
    return action();
  } catch (error) {
    return [[String(error)]];
  }
}

function callsOf(product: Product, pieces: readonly Buffer[]): Call[] {
  const calls: Call[] = [];
  let [stream, length, content] = [0, 0, ''];
  const reader = new product.FrameReader({
    onFrame: (type, flags, streamId, buffer, start, end) =>
      void calls.push(['frame', type, flags, streamId, buffer.toString('hex', start, end)]),
    onDataStart: (...begun) => {
      [stream, length] = begun;
      content = '';
    },
    onDataPiece: (chunk) => void (content += chunk.toString('hex')),
    onDataEnd: (endsStream) => void calls.push(['data', stream, length, content, endsStream]),
    breach: (code) => {
      calls.push(['breach', code]);
      reader.stop();
    },
  });
  for (const piece of pieces) {
    const chunk = Buffer.from(piece);
    reader.read(chunk);
    chunk.fill(0xee);
  }
  return calls;
}
