// Bodies no two parts of which are alike, within one and between several: what was written over or mixed up shows in the digest.
import { createHash } from 'node:crypto';

const SEED_STEP = 7_919;

export function distinctBody(seed: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i += 4) bytes.writeUInt32LE((i + seed * SEED_STEP) >>> 0, i);
  return bytes;
}

export function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Of what comes. Reads in bursts, so that whoever sends has to hold something again and again. */
export async function slowDigest(source: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    if (++count % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return hash.digest('hex');
}
