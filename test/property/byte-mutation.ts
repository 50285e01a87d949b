// Small damage to bytes, of the kinds that find mistakes in parsers: bits, lengths off by one, pieces lost, doubled, moved or taken
// from another input.
import type { SeededRandom } from '../harness/seeded-random.ts';

const INTERESTING = [0, 1, 2, 3, 4, 5, 10, 13, 16, 22, 32, 64, 127, 128, 254, 255];

/** @param other something to splice in. */
export function mutate(bytes: Buffer, random: SeededRandom, other: Buffer = bytes): Buffer {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(4));
  switch (random.below(11)) {
    case 0:
    case 1:
      return replaced(bytes, at, (byte) => byte ^ (1 << random.below(8)));
    case 2:
    case 3:
      return replaced(bytes, at, (byte) => byte + random.pick([-1, 1]));
    case 4:
      return replaced(bytes, at, () => random.below(256));
    case 5:
      return replaced(bytes, at, () => random.pick(INTERESTING));
    case 6:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 7:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(random.pick(INTERESTING)), bytes.subarray(at)]);
    case 8:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 9:
      return bytes.subarray(0, at);
    default:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
  }
}

function replaced(bytes: Buffer, at: number, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy[at] = change(copy[at] as number) & 0xff;
  return copy;
}
