// F26 and F22: each of the 256 bytes at each position of valid messages, in both directions. SLUICE_TEST_DEPTH=quick tries only the
// bytes that mean something.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { addTallies } from './attempts.ts';
import type { TestContext } from 'node:test';
import type { Tally } from './attempts.ts';
import type { ByteEdits, Share } from './byte-edit.ts';

const CHUNKS = '3;e\r\nabc\r\n0\r\nT: v\r\n\r\n';
const CHUNKED = `POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`;
const REQUESTS = [
  'GET /a?b HTTP/1.1\r\nHost: a\r\nY: z\r\n\r\n',
  'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  CHUNKED,
  'GET /d HTTP/1.1\r\nHost: a\r\n\r\nPOST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi',
  'POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
];
const RESPONSES = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nY: z\r\n\r\nhello',
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
  'HTTP/1.1 103 E\r\n\r\nHTTP/1.1 204 N\r\n\r\n',
];

/** Every class of byte that a grammar of HTTP tells apart, and what is next to it. */
const MEANINGFUL = [...Buffer.from('\0\t\n\v\r\x1f !"#%(,-./09:;=?AGZ\\_afx~\x7f\x80\x85\xa0\xff', 'latin1')];
const ALL = Array.from({ length: 256 }, (_, byte) => byte);

const BYTES = process.env['SLUICE_TEST_DEPTH'] === 'quick' ? MEANINGFUL : ALL;
const WORKERS = 2;

async function runShare(edits: readonly ByteEdits[], index: number): Promise<Tally[]> {
  const share: Share = { edits, index, of: WORKERS };
  const worker = new Worker(new URL('byte-edit.ts', import.meta.url), { workerData: share });
  const [tallies] = (await once(worker, 'message')) as [Tally[]];
  return tallies;
}

/** Runs all edits on all workers. No side may always win: a gateway that refuses everything, or nothing, would pass otherwise. */
async function run(
  t: TestContext,
  side: ByteEdits['side'],
  replaced: 0 | 1,
  streams: readonly string[],
): Promise<void> {
  const edits = streams.map((stream): ByteEdits => ({ side, stream, bytes: BYTES, replaced }));
  const shares = await Promise.all(Array.from({ length: WORKERS }, (_, index) => runShare(edits, index)));
  for (const [position, stream] of streams.entries()) {
    const tally = addTallies(shares.map((tallies) => tallies[position] ?? assert.fail()));
    t.diagnostic(`${JSON.stringify(stream)}: ${JSON.stringify(tally)}`);
    assert.equal(tally.attempts, (stream.length + 1 - replaced) * BYTES.length);
    assert.ok(Math.min(tally.forwarded, tally.refused) > tally.attempts / 25, stream);
  }
}

describe(`F26 each of ${BYTES.length} bytes at each position`, () => {
  test('inserted: the upstream sees nothing, or what two strict readers read alike', (t) =>
    run(t, 'client', 0, REQUESTS));
  test('in the place of another: the same', (t) => run(t, 'client', 1, [CHUNKED]));
});

describe(`F22 each of ${BYTES.length} bytes at each position of a response`, () => {
  test('inserted into responses: the client sees 502, a cut, or what two strict readers read alike', (t) =>
    run(t, 'upstream', 0, RESPONSES));
});
