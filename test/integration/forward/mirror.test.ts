// Copies of requests: whole where the mirror keeps up, and never at the cost of the request itself.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, summaryOf, valueOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import type { Recorder } from '../../harness/recorder.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import type { EngineSetup, RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { Cluster } from '../../../src/ir/cluster.ts';
import type { Filter } from '../../../src/ir/filter.ts';

const ALL = { numerator: 1, denominator: 1 };

interface Mirrored {
  readonly gateway: RunningEngine;
  readonly upstream: Recorder;
}

/** A gateway whose only rule copies all requests to the endpoints of the mirror. */
async function startMirrored(
  bed: TestBed,
  mirrorPorts: readonly number[],
  setup: Partial<Cluster> = {},
  engineSetup: EngineSetup = {},
): Promise<Mirrored> {
  const upstream = await bed.upstream();
  const gateway = await bed.engine(
    [
      listener(),
      cluster('a', [upstream.port]),
      cluster('m', mirrorPorts, setup),
      route('r', [{ backends: ['a'], filters: [{ kind: 'requestMirror', cluster: 'cluster/m', ...ALL }] }]),
    ],
    engineSetup,
  );
  return { gateway, upstream };
}

async function untilRequests(mirror: Recorder, count: number): Promise<void> {
  await mirror.until(`${count} copies`, () => {
    const requests = [...mirror.connections].reduce((sum, { requestCount }) => sum + requestCount, 0);
    return requests >= count || undefined;
  });
}

describe('mirror', () => {
  for (const [text, summary] of [
    [request('GET /x?y=1'), 'GET /x?y=1'],
    [request('POST /x', ['Content-Length: 5'], 'hello'), 'POST /x hello'],
    [request('POST /x', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'), 'POST /x hello'],
  ] as const) {
    test(`gets a copy of ${summary}, body and all; its answer is thrown away`, async (t) => {
      const bed = new TestBed(t);
      const mirror = await bed.upstream({
        onRequest: (connection) => connection.write('HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\nmirror'),
      });
      const { gateway, upstream } = await startMirrored(bed, [mirror.port]);
      const client = await bed.client(gateway);
      for (let i = 1; i <= 3; i++) {
        const [response] = (await client.send(text).untilResponses(i)).slice(-1);
        assert.equal(statusOf(response ?? assert.fail()), 200);
        await untilRequests(mirror, i);
      }
      assert.ok(!client.received.includes('mirror'));
      const copies = mirror.takeRequests();
      assert.deepEqual(copies.map(summaryOf), [summary, summary, summary]);
      const originals = upstream.takeRequests();
      assert.deepEqual(copies[0]?.headers, originals[0]?.headers, 'with the same fields');
      assert.equal(mirror.connections.size, 1, 'its connection is kept as any other');
    });
  }

  test('gets the request as the filters before it left it, not as those behind it do', async (t) => {
    const bed = new TestBed(t);
    const [upstream, mirror] = [await bed.upstream(), await bed.upstream()];
    const filters: readonly Filter[] = [
      { kind: 'requestHeaderModifier', set: [{ name: 'x-a', value: 'b' }], add: [], remove: [] },
      { kind: 'requestMirror', cluster: 'cluster/m', ...ALL },
      { kind: 'urlRewrite', hostname: 'inner.example', path: { kind: 'replaceFull', value: '/inner' } },
    ];
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port]),
      cluster('m', [mirror.port]),
      route('r', [{ backends: ['a'], filters }]),
    ]);
    const client = await bed.client(gateway);
    await client.send(request('GET /outer')).untilResponses(1);
    await untilRequests(mirror, 1);
    const [copy = assert.fail()] = mirror.takeRequests();
    const [original = assert.fail()] = upstream.takeRequests();
    assert.deepEqual([copy.startLine[1], valueOf(copy, 'host'), valueOf(copy, 'x-a')], ['/outer', 'example.com', 'b']);
    assert.deepEqual(
      [original.startLine[1], valueOf(original, 'host'), valueOf(original, 'x-a')],
      ['/inner', 'inner.example', 'b'],
    );
  });

  test('several mirrors, one of them the backend itself', async (t) => {
    const bed = new TestBed(t);
    const [upstream, mirror] = [await bed.upstream(), await bed.upstream()];
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port]),
      cluster('m', [mirror.port]),
      route('r', [
        {
          backends: ['a'],
          filters: ['a', 'm'].map((name) => ({ kind: 'requestMirror', cluster: `cluster/${name}`, ...ALL })),
        },
      ]),
    ]);
    const client = await bed.client(gateway);
    await client.send(request('POST /x', ['Content-Length: 5'], 'hello')).untilResponses(1);
    await untilRequests(mirror, 1);
    await untilRequests(upstream, 2);
    assert.deepEqual(upstream.takeRequests().map(summaryOf), ['POST /x hello', 'POST /x hello']);
  });

  describe('never delays or fails the request', () => {
    const BODY = 'x'.repeat(2_000_000);
    const LARGE = request('POST /large', [`Content-Length: ${BODY.length}`], BODY);

    async function assertServed(bed: TestBed, { gateway, upstream }: Mirrored): Promise<void> {
      const client = await bed.client(gateway);
      for (let i = 1; i <= 3; i++) {
        const [response] = (await client.send(LARGE).untilResponses(i)).slice(-1);
        assert.equal(statusOf(response ?? assert.fail()), 200);
      }
      const bodies = upstream.takeRequests().map(({ body }) => body.toString() === BODY);
      assert.deepEqual(bodies, [true, true, true]);
    }

    test('one that refuses connections', async (t) => {
      const bed = new TestBed(t);
      await assertServed(bed, await startMirrored(bed, [await bed.closedPort()]));
    });
    test('one without endpoints', async (t) => {
      const bed = new TestBed(t);
      await assertServed(bed, await startMirrored(bed, []));
    });
    test('one that closes at once', async (t) => {
      const bed = new TestBed(t);
      await assertServed(bed, await startMirrored(bed, [await bed.server((socket) => socket.destroy())]));
    });
    test('one that reads nothing is given up when too much waits for it', async (t) => {
      const bed = new TestBed(t);
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const sockets: Socket[] = [];
      const port = await bed.server((socket) => {
        sockets.push(socket.pause());
        socket.on('end', () => resolve());
      });
      const body = 'x'.repeat(16_000_000);
      const { gateway } = await startMirrored(bed, [port]);
      const client = await bed.client(gateway);
      await client.send(request('POST /', [`Content-Length: ${body.length}`], body)).untilResponses(1);
      // It reads what the kernel had taken for it, and finds the end.
      for (const socket of sockets) socket.resume();
      await ended;
    });
    test('one that never answers is given up in the end', async (t) => {
      const bed = new TestBed(t);
      const mirror = await bed.upstream({});
      const { gateway } = await startMirrored(bed, [mirror.port], {}, { timeouts: { streamIdleMs: 150 } });
      const client = await bed.client(gateway);
      await client.send(request('GET /')).untilResponses(1);
      await mirror.until('its end', () => [...mirror.connections].some(({ end }) => end !== 'open') || undefined);
      assert.equal(gateway.metrics.upstreamActiveConnections.cell({ cluster: 'test/m' }).value, 0);
    });
    test('one that has no connection left', async (t) => {
      const bed = new TestBed(t);
      const mirror = await bed.upstream({});
      await assertServed(bed, await startMirrored(bed, [mirror.port], { maxConnections: 1, maxPendingRequests: 0 }));
    });
    test('one that does not exist', async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const gateway = await bed.gateway(upstream.port, {
        filters: [{ kind: 'requestMirror', cluster: 'cluster/none', ...ALL }],
      });
      await assertServed(bed, { gateway, upstream });
    });
  });

  test('a request that is given up leaves an unfinished copy, and a closed connection', async (t) => {
    const bed = new TestBed(t);
    const mirror = await bed.upstream({});
    const { gateway } = await startMirrored(bed, [mirror.port]);
    const client = await bed.client(gateway);
    client.send(request('POST /', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n'));
    await mirror.until(
      'the copy',
      () => [...mirror.connections].some(({ bytes }) => bytes.includes('hello')) || undefined,
    );
    client.reset();
    await mirror.untilUnfinishedClosed();
    assert.deepEqual(
      mirror.take().flatMap(({ messages }) => messages),
      [],
    );
  });

  test('it waits for a connection without holding the request up, and is sent when there is one', async (t) => {
    const bed = new TestBed(t);
    const mirror = await bed.upstream({});
    const { gateway } = await startMirrored(bed, [mirror.port], { maxConnections: 1 });
    const client = await bed.client(gateway);
    const text = (path: string): string => request(`POST ${path}`, ['Content-Length: 5'], 'hello');
    await client.send(text('/1') + text('/2')).untilResponses(2);
    await untilRequests(mirror, 1);
    mirror.useDefaultScript();
    for (const connection of mirror.connections) connection.write(okResponse(1));
    await untilRequests(mirror, 2);
    assert.deepEqual(mirror.takeRequests().map(summaryOf), ['POST /1 hello', 'POST /2 hello']);
  });
});
