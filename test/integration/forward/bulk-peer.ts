// Both ends of a bulk transfer, in a worker thread: what it holds in memory is not the gateway's.
import { createHash } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

export interface BulkSetup {
  readonly address: string;
}

export interface BulkOrder {
  /** Of the gateway. */
  readonly port: number;
  readonly direction: 'upload' | 'download';
  readonly size: number;
  readonly framing: 'length' | 'chunked';
}

export interface BulkResult {
  readonly received: number;
  readonly isEqual: boolean;
}

const PIECE_BYTES = 48 * 1024;
/** The receiver rests after each MiB, so that everything before it has to wait too. */
const REST_EVERY_BYTES = 1024 * 1024;
const REST_MS = 6;

/** What was received, by whichever side receives. */
let upload: Promise<Digest> | undefined;
let order: BulkOrder | undefined;
let sent: string | undefined;

interface Digest {
  readonly bytes: number;
  readonly digest: string;
}

function content(size: number): { readonly stream: Readable; readonly digest: () => string } {
  const hash = createHash('sha256');
  function* pieces(): Generator<Buffer> {
    for (let start = 0; start < size; start += PIECE_BYTES) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, size - start));
      for (let i = 0; i < piece.length; i += 64) piece.writeUInt32LE((start + i) >>> 0, Math.min(i, piece.length - 4));
      hash.update(piece);
      yield piece;
    }
  }
  return { stream: Readable.from(pieces()), digest: () => hash.digest('hex') };
}

async function digestOf(stream: Readable): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  let unrested = 0;
  const slow = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      unrested += chunk.length;
      if (unrested < REST_EVERY_BYTES) return done();
      unrested = 0;
      void delay(REST_MS).then(() => done());
    },
  });
  slow.resume();
  await pipeline(stream, slow);
  return { bytes, digest: hash.digest('hex') };
}

const { address } = workerData as BulkSetup;
const server = createServer((incoming, answer) => {
  if (order?.direction === 'upload') {
    upload = digestOf(incoming);
    void upload.then(() => answer.end('done'));
    return;
  }
  const { size, framing } = order as BulkOrder;
  const { stream, digest } = content(size);
  if (framing === 'length') answer.setHeader('content-length', size);
  void pipeline(stream, answer).then(() => (sent = digest()));
});

async function transfer(next: BulkOrder): Promise<BulkResult> {
  order = next;
  const { port, direction, size, framing } = next;
  const outgoing = request({ host: address, port, method: direction === 'upload' ? 'POST' : 'GET', path: '/bulk' });
  const answered = new Promise<Readable>((resolve, reject) => outgoing.on('response', resolve).on('error', reject));
  if (direction === 'download') {
    outgoing.end();
    const { bytes, digest } = await digestOf(await answered);
    return { received: bytes, isEqual: digest === sent };
  }
  const { stream, digest } = content(size);
  if (framing === 'length') outgoing.setHeader('content-length', size);
  await pipeline(stream, outgoing);
  (await answered).resume();
  const received = await upload;
  return { received: received?.bytes ?? 0, isEqual: received?.digest === digest() };
}

server.listen(0, address, () => parentPort?.postMessage((server.address() as AddressInfo).port));
parentPort?.on('message', (next: BulkOrder) => {
  void transfer(next).then((result) => parentPort?.postMessage(result));
});
