// Whoever reads slowly slows the sender down, whatever the direction; what the gateway holds stays bounded.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { request } from '../../harness/http1-attack.ts';
import { okResponse } from '../../harness/recorder.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { BulkOrder, BulkResult } from './bulk-peer.ts';

const BULK_BYTES = 64 * 1024 * 1024;
/** Of buffers, above what was in use before: what sockets hold, and what V8 has collected and not freed yet. */
const MAX_HELD_BYTES = 24 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What buffers hold, without what nobody needs any more: the gateway holds bodies in nothing else. */
function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

describe('bulk bodies to a slow reader', { timeout: 30_000 }, () => {
  for (const direction of ['upload', 'download'] as const) {
    for (const framing of ['length', 'chunked'] as const) {
      test(`${direction}, ${framing}: 64 MiB arrive unchanged, few of them held at a time`, async (t) => {
        const bed = new TestBed(t);
        const peer = new Worker(new URL('bulk-peer.ts', import.meta.url), { workerData: { address: ADDRESS } });
        bed.atEnd(() => peer.terminate());
        const [port] = (await once(peer, 'message')) as [number];
        const gateway = await bed.gateway(port);

        let peakBytes = 0;
        const beforeBytes = heldBytes();
        const sampling = setInterval(() => (peakBytes = Math.max(peakBytes, heldBytes() - beforeBytes)), 50);
        peer.postMessage({ port: gateway.address().port, direction, framing, size: BULK_BYTES } satisfies BulkOrder);
        const [result] = (await once(peer, 'message')) as [BulkResult];
        clearInterval(sampling);
        t.diagnostic(`at most ${(peakBytes / 2 ** 20).toFixed(1)} MiB held`);

        assert.deepEqual(result, { received: BULK_BYTES, isEqual: true });
        assert.ok(peakBytes < MAX_HELD_BYTES, `${peakBytes} bytes held`);
        const { status, flag, bytesReceived, bytesSent } = await gateway.logged();
        assert.deepEqual([status, flag], [200, undefined]);
        assert.equal(direction === 'upload' ? bytesReceived : bytesSent, BULK_BYTES);
      });
    }
  }
});

/** Answers each request with this body. */
async function startAnswerer(
  bed: TestBed,
  body: string,
): Promise<{ readonly port: number; readonly counter: Counter }> {
  const counter = new Counter();
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const port = await bed.server((socket) => {
    socket.on('data', (chunk) => {
      // One request at a time, as the gateway does not pipeline.
      if (!chunk.includes('\r\n\r\n')) return;
      socket.write(answer);
      counter.value++;
    });
  });
  return { port, counter };
}

function countOf(bytes: Buffer, text: string): number {
  let count = 0;
  for (let i = bytes.indexOf(text); i !== -1; i = bytes.indexOf(text, i + text.length)) count++;
  return count;
}

class Counter {
  value = 0;

  /** What it comes to when nothing happens any more. */
  async settled(): Promise<number> {
    for (let last = -1; last !== this.value;) {
      last = this.value;
      await delay(150);
    }
    return this.value;
  }
}

describe('pipelining clients', () => {
  test('one that takes no answers gets no further ones', async (t) => {
    const bed = new TestBed(t);
    const { port, counter } = await startAnswerer(bed, 'x'.repeat(50_000));
    const gateway = await bed.gateway(port);
    const client = await bed.client(gateway);
    client.socket.pause();
    client.send(request('GET /').repeat(1_000));
    const served = await counter.settled();
    t.diagnostic(`${served} of 1000 answers fit into the buffers between`);
    assert.ok(served < 400, 'the rest of 50 MB is not asked for');
    client.socket.resume();
    assert.equal(await counter.settled(), 1_000);
  });

  test('one that sends without end is not read without end', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    let answered = 0;
    upstream.script = {
      onRequest: (connection) => {
        if (answered < 500) connection.write(okResponse(++answered));
      },
    };
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    const block = Buffer.from(request('GET /').repeat(1_200));
    let taken = 0;
    const sendMore = (): void => {
      client.socket.write(block, () => {
        taken += block.length;
        if (taken < 100_000_000) sendMore();
      });
    };
    sendMore();
    await upstream.until('500 answers', () => answered === 500 || undefined);
    await delay(100);
    t.diagnostic(`${taken} bytes taken for 500 requests`);
    assert.ok(taken < 15_000_000, 'what sockets buffer on loopback, and little more');
  });

  test('the last answer before a close is whole, however short the time to linger', async (t) => {
    const bed = new TestBed(t);
    const body = `${'x'.repeat(4_000)}!`;
    const { port, counter } = await startAnswerer(bed, body);
    const gateway = await bed.gateway(port, {}, { timeouts: { lingerMs: 50 } });
    // As many answers as fill the kernel's buffers and a part of the gateway's: the last of them waits there. What the kernel takes
    // is about the same from the second connection on; four clients make sure of it.
    let capacity = 0;
    for (let probes = 0; probes < 2; probes++) {
      counter.value = 0;
      const probe = await bed.client(gateway);
      probe.socket.pause();
      probe.send(request('GET /').repeat(4_000));
      capacity = await counter.settled();
      probe.destroy();
    }
    const counts = [2, 6, 10, 14].map((fewer) => capacity - fewer);
    const clients = await Promise.all(counts.map(() => bed.client(gateway)));
    for (const [index, client] of clients.entries()) {
      client.socket.pause();
      const before = request('GET /').repeat((counts[index] ?? 0) - 1);
      client.send(before + request('GET /', ['Connection: close']));
    }
    await counter.settled();
    for (const client of clients) client.socket.resume();
    for (const [index, client] of clients.entries()) {
      await client.untilClosed();
      assert.equal(client.end, 'closed');
      assert.equal(countOf(client.received, body), counts[index], 'answers, each of them whole');
    }
  });
});
