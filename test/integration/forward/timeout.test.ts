// Timeouts of routes and of the engine: what the client is told, and that the upstream's connection goes with the request.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import type { RecordedConnection, Recorder, Script } from '../../harness/recorder.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';

const TIMEOUT_MS = 150;
/** How often the engine looks at the clock. */
const TICK_MS = 20;
/** Timers are coarse: early by nothing but rounding, late by two ticks and what a busy machine adds. */
const EARLIEST_MS = TIMEOUT_MS - 10;

const SILENT: Script = {};
const BEGUN: Script = {
  onHead: (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
};

async function untilCut(upstream: Recorder): Promise<void> {
  await upstream.until('the cut', () => [...upstream.connections].every(({ end }) => end !== 'open') || undefined);
}

async function assertTimesOut(client: WireClient, status: number): Promise<void> {
  const startMs = performance.now();
  const [response] = await client.untilResponses(1);
  assert.equal(statusOf(response ?? assert.fail()), status);
  assert.ok(performance.now() - startMs >= EARLIEST_MS, 'not before its time');
}

describe('route timeouts', () => {
  for (const [field, flag] of [
    ['requestTimeoutMs', 'DT'],
    ['backendRequestTimeoutMs', 'UT'],
  ] as const) {
    const rule = { [field]: TIMEOUT_MS };

    test(`${field}: an upstream that does not answer is 504`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream(SILENT);
      const gateway = await bed.gateway(upstream.port, rule);
      const client = await bed.client(gateway);
      await assertTimesOut(client.send(request('GET /')), 504);
      assert.equal((await gateway.logged()).flag, flag);
      await untilCut(upstream);
      assert.equal(gateway.metrics.upstreamTimeouts.cell({ cluster: 'test/a' }).value, 1);
      assert.equal(gateway.metrics.upstreamActiveConnections.cell({ cluster: 'test/a' }).value, 0);

      upstream.useDefaultScript();
      assert.deepEqual((await client.send(request('GET /')).untilResponses(2)).map(statusOf), [504, 200]);
    });

    test(`${field}: an answer that is not complete in time is cut`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream(BEGUN);
      const gateway = await bed.gateway(upstream.port, rule);
      const client = await bed.client(gateway);
      await client.send(request('GET /')).untilText('abc');
      await client.untilClosed();
      assert.equal(client.end, 'reset');
      const { status, flag: logged } = await gateway.logged();
      assert.deepEqual([status, logged], [200, flag]);
      await untilCut(upstream);
    });

    test(`${field}: an answer in time disarms it, also for the next request`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const gateway = await bed.gateway(upstream.port, rule);
      const client = await bed.client(gateway);
      await client.send(request('GET /')).untilResponses(1);
      await delay(1.5 * TIMEOUT_MS);
      assert.deepEqual((await client.send(request('GET /')).untilResponses(2)).map(statusOf), [200, 200]);
      assert.equal(gateway.metrics.upstreamTimeouts.cell({ cluster: 'test/a' }).value, 0);
    });
  }

  test('a request whose body does not arrive in time is 504, and its connection ends', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream(SILENT);
    const gateway = await bed.gateway(upstream.port, { requestTimeoutMs: TIMEOUT_MS });
    const client = await bed.client(gateway);
    client.send(request('POST /', ['Content-Length: 10'], 'abc'));
    const startMs = performance.now();
    await client.untilClosed();
    assert.ok(performance.now() - startMs >= EARLIEST_MS);
    const [response] = client.responses();
    assert.equal(statusOf(response ?? assert.fail()), 504);
    assert.equal(valueOf(response ?? assert.fail(), 'connection'), 'close');
    await untilCut(upstream);
  });

  test('a request that waits for a connection has the same time', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream(SILENT);
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port], { maxConnections: 1 }),
      route('r', [
        { path: '/wait', backends: ['a'], requestTimeoutMs: TIMEOUT_MS },
        { path: '/', backends: ['a'] },
      ]),
    ]);
    const first = await bed.client(gateway);
    first.send(request('GET /'));
    await upstream.until('the first', () => upstream.untakenBytes > 0 || undefined);
    await assertTimesOut((await bed.client(gateway)).send(request('GET /wait')), 504);
    assert.equal(gateway.metrics.upstreamPendingRequests.cell({ cluster: 'test/a' }).value, 0);
    for (const connection of upstream.connections) connection.write(okResponse(1));
    assert.deepEqual((await first.untilResponses(1)).map(statusOf), [200]);
  });

  test('an answer that the gateway gives itself leaves nothing armed', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.gateway(await bed.closedPort(), {
      requestTimeoutMs: 50,
      backends: [],
      filters: [{ kind: 'requestRedirect', statusCode: 302 }],
    });
    const client = await bed.client(gateway);
    await client.send(request('GET /')).untilResponses(1);
    await delay(120);
    assert.deepEqual((await client.send(request('GET /')).untilResponses(2)).map(statusOf), [302, 302]);
    await gateway.logged();
    assert.equal((await gateway.logged()).flag, undefined);
  });
});

describe('stream idle timeout', () => {
  const setup = { timeouts: { streamIdleMs: TIMEOUT_MS } };

  test('an upstream that does not answer is 504', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream(SILENT);
    const gateway = await bed.gateway(upstream.port, {}, setup);
    await assertTimesOut((await bed.client(gateway)).send(request('GET /')), 504);
    assert.equal((await gateway.logged()).flag, 'SI');
    await untilCut(upstream);
  });

  test('an answer that stops is cut', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream(BEGUN);
    const gateway = await bed.gateway(upstream.port, {}, setup);
    const client = await bed.client(gateway);
    await client.send(request('GET /')).untilText('abc');
    await client.untilClosed();
    assert.equal(client.end, 'reset');
    await untilCut(upstream);
  });

  for (const [direction, start, step] of [
    ['answer', request('GET /'), (_: WireClient, connection: RecordedConnection) => connection.write('x')],
    [
      'request',
      request('POST /', ['Content-Length: 10']),
      (client: WireClient) => {
        client.send('x');
      },
    ],
  ] as const) {
    test(`each byte of the ${direction} extends it`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const gateway = await bed.gateway(upstream.port, {}, setup);
      const client = await bed.client(gateway);
      if (direction === 'answer') {
        upstream.script = {
          onRequest: (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'),
        };
      }
      client.send(start);
      const [connection = assert.fail()] = await upstream.until('the request', () =>
        upstream.untakenBytes > 0 ? [...upstream.connections] : undefined,
      );
      for (let i = 0; i < 10; i++) {
        await delay(TIMEOUT_MS / 3);
        step(client, connection);
      }
      assert.deepEqual((await client.untilResponses(1)).map(statusOf), [200]);
    });
  }
});

describe('the time for a head', () => {
  test('begins with its first byte, also where it is as long as that between requests', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port, {}, { timeouts: { headMs: 10_000, keepAliveIdleMs: 10_000 } });
    const client = await bed.client(gateway);
    await client.send(request('GET /')).untilResponses(1);
    const pass = clock(t);
    // Almost all of the time between requests has passed when the second one begins.
    await pass(8_000);
    client.send('GET / HTTP/1.1\r\n');
    await delay(50);
    await pass(5_000);
    client.send('Host: h\r\n\r\n');
    assert.deepEqual((await client.untilResponses(2)).map(statusOf), [200, 200]);
  });
});

/** Makes the clock that the engine reads jump ahead, and lets it look at it. */
function clock(t: TestContext): (ms: number) => Promise<void> {
  const now = performance.now.bind(performance);
  let aheadMs = 0;
  t.mock.method(performance, 'now', () => now() + aheadMs);
  return async (ms) => {
    aheadMs += ms;
    await delay(3 * TICK_MS);
  };
}
