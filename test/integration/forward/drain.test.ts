// The end of an engine: nobody who is being served loses an answer, and nobody holds it up for longer than the grace time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import type { Recorder } from '../../harness/recorder.ts';
import { TestBed } from '../../harness/test-bed.ts';

/** Far more than anything here should take. */
const LONG_MS = 10_000;

async function untilRequests(upstream: Recorder, count: number): Promise<void> {
  await upstream.until(`${count} requests`, () => {
    const requests = [...upstream.connections].reduce((sum, { requestCount }) => sum + requestCount, 0);
    return requests >= count || undefined;
  });
}

describe('startDraining', () => {
  test('answers say Connection: close and close; new connections are still accepted', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port);
    const idle = await bed.client(gateway);
    await idle.send(request('GET /')).untilResponses(1);
    gateway.engine.startDraining();
    const late = await bed.client(gateway);
    for (const client of [idle, late]) {
      await client.send(request('GET /')).untilClosed();
      const last = client.responses().at(-1) ?? assert.fail();
      assert.deepEqual([statusOf(last), valueOf(last, 'connection')], [200, 'close']);
    }
    assert.equal(upstream.takeRequests().length, 3, 'whoever asks is answered');
  });
});

describe('drain', () => {
  test('is over at once where nothing is served', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.gateway(await bed.closedPort());
    const { address, port } = gateway.address();
    await gateway.engine.drain(LONG_MS);
    await assert.rejects(bed.client({ address, port }));
  });

  test('closes idle connections, and waits for the answers that are being given', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port);
    const idle = await bed.client(gateway);
    await idle.send(request('GET /')).untilResponses(1);
    upstream.script = {};
    const waiting = await bed.client(gateway);
    waiting.send(request('GET /'));
    const receiving = await bed.client(gateway);
    receiving.send(request('GET /'));
    await untilRequests(upstream, 3);
    const sending = await bed.client(gateway);
    sending.send(request('POST /', ['Content-Length: 10'], 'hello'));
    await upstream.until(
      'a body',
      () => [...upstream.connections].some(({ bytes }) => bytes.includes('hello')) || undefined,
    );

    let isDrained = false;
    const drained = gateway.engine.drain(LONG_MS).then(() => (isDrained = true));
    await idle.untilClosed();
    idle.finish();
    assert.equal(isDrained, false);
    sending.send('world');
    await untilRequests(upstream, 4);
    for (const connection of upstream.connections) connection.write(okResponse(1));
    for (const client of [waiting, receiving, sending]) {
      await client.untilClosed();
      client.finish();
      const [response = assert.fail()] = client.responses();
      assert.deepEqual([statusOf(response), valueOf(response, 'connection')], [200, 'close']);
    }
    await drained;
  });

  test('serves the request that is on its way when an idle connection is to close', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    await client.send(request('GET /')).untilResponses(1);
    const drained = gateway.engine.drain(LONG_MS);
    const [, response = assert.fail()] = await client.send(request('GET /')).untilResponses(2);
    assert.deepEqual([statusOf(response), valueOf(response, 'connection')], [200, 'close']);
    await client.untilClosed();
    client.finish();
    await drained;
  });

  test('is not held up by an answer whose head was sent before', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({
      onRequest: (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'),
    });
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    await client.send(request('GET /')).untilText('hello');
    const drained = gateway.engine.drain(LONG_MS);
    for (const connection of upstream.connections) connection.write('world');
    await client.untilClosed();
    assert.equal(client.responses()[0]?.body.toString(), 'helloworld');
    client.finish();
    const startMs = performance.now();
    await drained;
    assert.ok(performance.now() - startMs < LONG_MS / 4);
  });

  test('cuts what is left after the grace time, on both sides', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({});
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    client.send(request('GET /'));
    await untilRequests(upstream, 1);
    const startMs = performance.now();
    await gateway.engine.drain(150);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs >= 140, `${tookMs} ms`);
    await client.untilClosed();
    assert.equal(client.received.length, 0);
    await upstream.until('the cut', () => [...upstream.connections].every(({ end }) => end !== 'open') || undefined);
    assert.equal((await gateway.logged()).flag, 'DC');
  });

  test('waits for listeners that were removed before', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({});
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    client.send(request('GET /'));
    await untilRequests(upstream, 1);
    await gateway.apply();
    const drained = gateway.engine.drain(LONG_MS);
    for (const connection of upstream.connections) connection.write(okResponse(1));
    assert.deepEqual((await client.untilResponses(1)).map(statusOf), [200]);
    client.finish();
    await drained;
  });

  test('a client that never takes its answer is cut after the grace time', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({
      onRequest: (connection) => {
        connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
        connection.write(Buffer.alloc(100_000_000));
      },
    });
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    client.socket.pause();
    client.send(request('GET /'));
    await untilRequests(upstream, 1);
    await gateway.engine.drain(150);
    client.socket.resume();
    await client.untilClosed();
    assert.ok(client.received.length < 100_000_000);
  });
});
