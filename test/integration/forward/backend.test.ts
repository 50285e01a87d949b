// Which backend and which endpoint a request goes to, and what the client is told when there is none.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import type { Recorder } from '../../harness/recorder.ts';
import { ADDRESS, backend, cluster, listener, route } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';
import type { Message } from '../../harness/http1-message.ts';

/** Sends that many requests at once over one connection and returns the answers in order. */
async function ask(client: WireClient, count: number, text = request('GET /')): Promise<Message[]> {
  const before = client.responses().length;
  return (await client.send(text.repeat(count)).untilResponses(before + count)).slice(before);
}

function counted(values: readonly unknown[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}

function named(upstream: Recorder, name: string): void {
  upstream.script = {
    onRequest: (connection) =>
      connection.write(`HTTP/1.1 200 OK\r\nX-Upstream: ${name}\r\nContent-Length: 2\r\n\r\nok`),
  };
}

describe('weights', () => {
  for (const [weights, expected] of [
    [[90, 10], { 0: 90, 1: 10 }],
    [[1, 1], { 0: 50, 1: 50 }],
    [[1, 0], { 0: 100 }],
    [[0, 7], { 1: 100 }],
    [[3, 1], { 0: 75, 1: 25 }],
    [[50, 30, 20], { 0: 50, 1: 30, 2: 20 }],
    [[1, 2, 3, 4], { 0: 10, 1: 20, 2: 30, 3: 40 }],
  ] as const) {
    test(`${weights.join('/')} over 100 requests`, async (t) => {
      const bed = new TestBed(t);
      const upstreams = await Promise.all(weights.map(() => bed.upstream()));
      for (const [index, upstream] of upstreams.entries()) named(upstream, `${index}`);
      const gateway = await bed.engine([
        listener(),
        ...upstreams.map(({ port }, index) => cluster(`${index}`, [port])),
        route('r', [{ backends: weights.map((weight, index) => backend(`${index}`, { weight })) }]),
      ]);
      const client = await bed.client(gateway);
      const responses = await ask(client, 100);
      assert.deepEqual(counted(responses.map((response) => valueOf(response, 'x-upstream'))), expected);
    });
  }

  test('a broken backend keeps its share, and answers 500', async (t) => {
    const bed = new TestBed(t);
    const a = await bed.upstream();
    const gateway = await bed.engine([
      listener(),
      cluster('a', [a.port]),
      route('r', [{ backends: [backend('a', { weight: 4 }), backend(undefined, { weight: 1 })] }]),
    ]);
    const responses = await ask(await bed.client(gateway), 100);
    assert.deepEqual(counted(responses.map(statusOf)), { 200: 80, 500: 20 });
    assert.equal(a.takeRequests().length, 80);
  });

  for (const [what, backends] of [
    ['all weights are 0', [backend('a', { weight: 0 })]],
    ['there is no backend', []],
    ['the only backend is broken', [backend(undefined)]],
  ] as const) {
    test(`${what}: 500`, async (t) => {
      const bed = new TestBed(t);
      const a = await bed.upstream();
      const gateway = await bed.engine([listener(), cluster('a', [a.port]), route('r', [{ backends }])]);
      assert.deepEqual((await ask(await bed.client(gateway), 1)).map(statusOf), [500]);
      assert.equal((await gateway.logged()).flag, 'NC');
      assert.equal(a.connections.size, 0);
    });
  }

  test('a rule that can not be served does not fall through to the next', async (t) => {
    const bed = new TestBed(t);
    const a = await bed.upstream();
    const gateway = await bed.engine([
      listener(),
      cluster('a', [a.port]),
      route('r', [
        { path: '/x', backends: [backend(undefined)] },
        { path: '/', backends: ['a'] },
      ]),
    ]);
    const client = await bed.client(gateway);
    assert.deepEqual((await ask(client, 1, request('GET /x'))).map(statusOf), [500]);
    assert.deepEqual((await ask(client, 1, request('GET /y'))).map(statusOf), [200]);
  });
});

describe('endpoints', () => {
  test('they take turns', async (t) => {
    const bed = new TestBed(t);
    const upstreams = await Promise.all([bed.upstream(), bed.upstream(), bed.upstream()]);
    const gateway = await bed.engine([
      listener(),
      cluster(
        'a',
        upstreams.map(({ port }) => port),
      ),
      route('r', [{ backends: ['a'] }]),
    ]);
    await ask(await bed.client(gateway), 30);
    assert.deepEqual(
      upstreams.map((upstream) => upstream.takeRequests().length),
      [10, 10, 10],
    );
  });

  test('none: 503', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.engine([listener(), cluster('a', []), route('r', [{ backends: ['a'] }])]);
    assert.deepEqual((await ask(await bed.client(gateway), 1)).map(statusOf), [503]);
    assert.equal((await gateway.logged()).flag, 'UH');
  });

  test('the only one refuses: 503', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.gateway(await bed.closedPort());
    assert.deepEqual((await ask(await bed.client(gateway), 1)).map(statusOf), [503]);
    const { flag, attempts } = await gateway.logged();
    assert.deepEqual([flag, attempts], ['UF', 1], 'there is no other endpoint to try');
    assert.equal(gateway.metrics.upstreamConnectFailures.cell({ cluster: 'test/a' }).value, 1);
  });

  for (const text of [
    request('GET /'),
    request('POST /', ['Content-Length: 5'], 'hello'),
    request('POST /', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
  ]) {
    test(`one refuses: another is tried, as nothing was sent yet (${JSON.stringify(text.slice(0, 6))})`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const gateway = await bed.engine([
        listener(),
        cluster('a', [await bed.closedPort(), upstream.port]),
        route('r', [{ backends: ['a'] }]),
      ]);
      const responses = await ask(await bed.client(gateway), 10, text);
      assert.deepEqual(counted(responses.map(statusOf)), { 200: 10 });
      const body = text.startsWith('POST') ? 'hello' : '';
      for (const seen of upstream.takeRequests()) assert.equal(seen.body.toString(), body);
      assert.ok(gateway.metrics.upstreamConnectFailures.cell({ cluster: 'test/a' }).value >= 5, 'it was tried');
    });
  }

  test('one refuses many at once: none of them is sent to it again', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.engine([
      listener(),
      cluster('a', [await bed.closedPort(), upstream.port]),
      route('r', [{ backends: ['a'] }]),
    ]);
    const clients = await Promise.all(Array.from({ length: 20 }, () => bed.client(gateway)));
    const responses = await Promise.all(clients.map((client) => ask(client, 1)));
    assert.deepEqual(counted(responses.flat().map(statusOf)), { 200: 20 });
  });

  test('an upstream that does not accept in connectTimeoutMs: 504', async (t) => {
    const bed = new TestBed(t);
    const port = await fullBacklog(bed);
    const gateway = await bed.engine([
      listener(),
      cluster('a', [port], { connectTimeoutMs: 150 }),
      route('r', [{ backends: ['a'] }]),
    ]);
    const startMs = performance.now();
    assert.deepEqual((await ask(await bed.client(gateway), 1)).map(statusOf), [504]);
    assert.ok(performance.now() - startMs >= 140, 'not before its time');
    assert.equal((await gateway.logged()).flag, 'UF');
  });

  test('and another endpoint is tried', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.engine([
      listener(),
      cluster('a', [await fullBacklog(bed), upstream.port], { connectTimeoutMs: 150 }),
      route('r', [{ backends: ['a'] }]),
    ]);
    const text = request('POST /', ['Content-Length: 5'], 'hello');
    assert.deepEqual((await ask(await bed.client(gateway), 1, text)).map(statusOf), [200]);
    assert.equal(upstream.takeRequests()[0]?.body.toString(), 'hello');
  });

  test('over IPv6', async (t) => {
    const bed = new TestBed(t);
    const port = await bed.server((socket) => socket.on('data', () => socket.write(okResponse(1))), '::1');
    const gateway = await bed.engine([
      listener(),
      cluster('a', [{ kind: 'ip', address: '::1', port }]),
      route('r', [{ backends: ['a'] }]),
    ]);
    assert.deepEqual((await ask(await bed.client(gateway), 1)).map(statusOf), [200]);
  });
});

/** A port whose listener never accepts and whose queue is full: the kernel lets no further connection come to be. */
async function fullBacklog(bed: TestBed): Promise<number> {
  const blocked = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer().listen({ host: workerData, port: 0, backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true, workerData: ADDRESS },
  );
  bed.atEnd(() => blocked.terminate());
  const port = await new Promise<number>((resolve, reject) => blocked.once('message', resolve).once('error', reject));
  // Two connections fill a queue of one (the kernel adds one).
  for (let i = 0; i < 2; i++) await bed.client({ address: ADDRESS, port });
  return port;
}
