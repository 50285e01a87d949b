// F26: each byte inserted at each position of valid requests. The bytes that mean something run with every test; SLUICE_TEST_DEPTH=full
// runs all 256.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Share } from './byte-insertion.ts';
import type { Tally } from './differential.ts';

const STREAMS: Readonly<Record<string, string>> = {
  GET: 'GET /a HTTP/1.1\r\nHost: a\r\nY: z\r\n\r\n',
  'POST with Content-Length': 'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST with chunks and trailers':
    'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;e\r\nabc\r\n0\r\nT: v\r\n\r\n',
  'a pipelined pair': 'GET /d HTTP/1.1\r\nHost: a\r\n\r\nPOST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi',
  'both lengths': 'POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
};

/** Every class of byte that a grammar of HTTP tells apart, and what is next to it. */
const MEANINGFUL = [...Buffer.from('\0\t\n\v\r\x1f !"#%(,-./09:;=?AGZ\\_afx~\x7f\x80\x85\xa0\xff', 'latin1')];
const ALL = Array.from({ length: 256 }, (_, byte) => byte);

const BYTES = process.env['SLUICE_TEST_DEPTH'] === 'full' ? ALL : MEANINGFUL;
const WORKERS = 2;

async function runShare(index: number): Promise<Tally[]> {
  const shares = Object.values(STREAMS).map((stream): Share => ({ stream, bytes: BYTES, index, of: WORKERS }));
  const worker = new Worker(new URL('byte-insertion.ts', import.meta.url), { workerData: shares });
  const [tallies] = (await once(worker, 'message')) as [Tally[]];
  return tallies;
}

describe(`F26 each of ${BYTES.length} bytes at each position`, () => {
  test('the upstream sees nothing, or what two strict readers read alike', async (t) => {
    const shares = await Promise.all(Array.from({ length: WORKERS }, (_, index) => runShare(index)));
    for (const [position, [name, stream]] of Object.entries(STREAMS).entries()) {
      const total: Tally = { attempts: 0, forwarded: 0, refused: 0, cut: 0 };
      for (const tallies of shares) {
        for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tallies[position]?.[key] ?? 0;
      }
      t.diagnostic(`${name}: ${JSON.stringify(total)}`);
      assert.equal(total.attempts, (stream.length + 1) * BYTES.length);
      assert.ok(total.forwarded > total.attempts / 20, 'the gateway does not just refuse all');
      assert.ok(total.refused > total.attempts / 10, 'the gateway does not just forward all');
    }
  });
});
