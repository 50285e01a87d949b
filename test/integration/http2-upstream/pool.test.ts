// Sessions to endpoints: filled before another is made, bounded, and left alone by changes that do not concern them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import { ACK, frame, FRAME } from '../../harness/http2-frames.ts';
import { okResponse } from '../../harness/recorder.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';
import { FrameUpstream, MAX_CONCURRENT_STREAMS } from './frame-upstream.ts';
import { ask, gatewayTo, metric, statusesOf } from './http2-gateway.ts';
import { echo, finish, held, Http2Upstream } from './http2-upstream.ts';
import type { ReceivedRequest } from './http2-upstream.ts';

describe('HTTP/2 sessions', { timeout: 60_000 }, () => {
  test('requests of all clients share one', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, held);
    const gateway = await gatewayTo(bed, upstream.port);
    const clients = await Promise.all(Array.from({ length: 20 }, () => bed.client(gateway)));
    for (const client of clients) client.send(request('GET /'));
    await upstream.request(19);
    assert.equal(metric(gateway, 'upstreamActiveStreams'), 20);
    assert.deepEqual(
      [metric(gateway, 'upstreamActiveConnections'), metric(gateway, 'upstreamIdleConnections')],
      [1, 0],
    );
    upstream.requests.forEach(finish);
    assert.deepEqual(await statusesOf(clients), Array(20).fill(200));
    await upstream.until(
      'all streams are closed',
      () => upstream.requests.every(({ stream }) => stream.closed) || undefined,
    );
    assert.equal(upstream.sessions.length, 1);
    assert.equal(metric(gateway, 'upstreamConnects'), 1);
  });

  test('streams and connections are counted', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed);
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    for (let i = 0; i < 10; i++) assert.equal(await ask(client), 200);
    await upstream.until('no stream', () => metric(gateway, 'upstreamActiveStreams') === 0 || undefined);
    assert.deepEqual(
      [metric(gateway, 'upstreamActiveConnections'), metric(gateway, 'upstreamIdleConnections')],
      [0, 1],
    );
    assert.equal(metric(gateway, 'upstreamConnects'), 1);
    assert.equal(metric(gateway, 'upstreamPendingRequests'), 0);
  });

  for (const [what, settings, config] of [
    ['the endpoint allows', { maxConcurrentStreams: 2 }, {}],
    ['the configuration allows', {}, { maxStreamsPerConnection: 2 }],
  ] as const) {
    test(`no more streams on one than ${what}; when all are full, one more is made, up to the bound; then requests wait`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await Http2Upstream.listen(bed, held, { settings });
      const limits = { maxConnections: 3, maxPendingRequests: 2, ...config };
      const gateway = await gatewayTo(bed, upstream.port, { cluster: limits });
      const clients: WireClient[] = [];
      for (let i = 0; i < 6; i++) {
        clients.push((await bed.client(gateway)).send(request('GET /')));
        await upstream.request(i);
      }
      assert.deepEqual(
        upstream.sessions.map((session) => upstream.requests.filter((each) => each.session === session).length),
        [2, 2, 2],
      );
      for (let i = 0; i < 3; i++) clients.push((await bed.client(gateway)).send(request('GET /')));
      const overflown = await Promise.race(clients.map((client) => client.untilResponses(1)));
      assert.equal(statusOf(overflown[0] ?? assert.fail()), 503);
      assert.equal((await gateway.logged()).flag, 'UO');
      assert.deepEqual([metric(gateway, 'upstreamPendingRequests'), metric(gateway, 'upstreamOverflows')], [2, 1]);
      for (let i = 0; i < 8; i++) finish(await upstream.request(i));
      assert.deepEqual(
        (await statusesOf(clients)).toSorted((a, b) => a - b),
        [...Array<number>(8).fill(200), 503],
      );
      assert.equal(upstream.sessions.length, 3);
      assert.equal(metric(gateway, 'upstreamPendingRequests'), 0);
    });
  }

  test('one stream at a time, one connection: all are served one after the other', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, echo, { settings: { maxConcurrentStreams: 1 } });
    const gateway = await gatewayTo(bed, upstream.port, { cluster: { maxConnections: 1 } });
    const clients = await Promise.all(Array.from({ length: 50 }, () => bed.client(gateway)));
    for (const client of clients) client.send(request('GET /'));
    assert.deepEqual(await statusesOf(clients), Array(50).fill(200));
    assert.equal(upstream.sessions.length, 1);
  });

  test('once it is known how few streams one takes, as many are made as a burst needs, at once', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      settings: [[MAX_CONCURRENT_STREAMS, 1]],
      acknowledges: [],
      // Of the others none becomes ready.
      onFrame: (connection, { type, flags }) => {
        if (type === FRAME.settings && flags === 0 && connection === upstream.connections[0])
          connection.send(frame(FRAME.settings, ACK, 0));
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const clients = await Promise.all(Array.from({ length: 8 }, () => bed.client(gateway)));
    for (const client of clients) client.send(request('GET /'));
    await upstream.connection(7);
    assert.equal(metric(gateway, 'upstreamConnects'), 8);
    assert.deepEqual([metric(gateway, 'upstreamActiveStreams'), metric(gateway, 'upstreamPendingRequests')], [1, 7]);
  });

  test('an endpoint that comes to allow more is given more', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, held, { settings: { maxConcurrentStreams: 1 } });
    const gateway = await gatewayTo(bed, upstream.port, { cluster: { maxConnections: 1 } });
    const clients = await Promise.all(Array.from({ length: 3 }, () => bed.client(gateway)));
    for (const client of clients) client.send(request('GET /'));
    const { session } = await upstream.request(0);
    assert.equal(metric(gateway, 'upstreamPendingRequests'), 2);
    session.settings({ maxConcurrentStreams: 10 });
    await upstream.request(2);
    assert.equal(metric(gateway, 'upstreamPendingRequests'), 0);
    upstream.requests.forEach(finish);
    assert.deepEqual(await statusesOf(clients), [200, 200, 200]);
  });

  test('the oldest with room is used first, the rest grow idle and close', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, held, { settings: { maxConcurrentStreams: 1 } });
    const gateway = await gatewayTo(bed, upstream.port, { cluster: { idleTimeoutMs: 150 } });
    const clients = await Promise.all(Array.from({ length: 3 }, () => bed.client(gateway)));
    for (const client of clients) client.send(request('GET /'));
    await upstream.request(2);
    upstream.script = echo;
    upstream.requests.forEach(finish);
    await statusesOf(clients);
    const client = await bed.client(gateway);
    await upstream.until('all are idle', () => metric(gateway, 'upstreamIdleConnections') === 3 || undefined);
    let asked = 0;
    while (upstream.openSessions.length > 1) {
      assert.equal(await ask(client), 200);
      asked++;
    }
    assert.ok(asked > 0);
    assert.equal(await ask(client), 200);
    const used = upstream.requests.slice(3).map(({ session }) => session);
    assert.deepEqual(new Set(used), new Set([used[0]]));
    await upstream.until('all are closed', () => upstream.openSessions.length === 0 || undefined);
    assert.equal(metric(gateway, 'upstreamIdleConnections'), 0);
    assert.equal(await ask(client), 200, 'and a new one is made');
  });

  test('a request that waits goes with its client', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, held, { settings: { maxConcurrentStreams: 1 } });
    const gateway = await gatewayTo(bed, upstream.port, { cluster: { maxConnections: 1 } });
    const first = (await bed.client(gateway)).send(request('GET /first'));
    const taken = await upstream.request(0);
    const leaver = (await bed.client(gateway)).send(request('POST /', ['Content-Length: 5'], 'hello'));
    leaver.finish();
    assert.equal((await gateway.logged()).flag, 'DC');
    assert.equal(metric(gateway, 'upstreamPendingRequests'), 0);
    finish(taken);
    await first.untilResponses(1);
    upstream.script = echo;
    assert.equal(await ask(await bed.client(gateway)), 200);
    assert.equal(upstream.requests.length, 2);
  });
});

describe('an apply', { timeout: 60_000 }, () => {
  async function streaming(bed: TestBed): Promise<{
    readonly upstream: Http2Upstream;
    readonly gateway: Awaited<ReturnType<typeof gatewayTo>>;
    readonly client: WireClient;
    readonly received: ReceivedRequest;
  }> {
    const upstream = await Http2Upstream.listen(bed, (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('begun');
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = (await bed.client(gateway)).send(request('GET /'));
    await client.untilText('begun');
    return { upstream, gateway, client, received: await upstream.request(0) };
  }

  for (const [what, change] of [
    ['changes how connections are made', { idleTimeoutMs: 1_234 }],
    ['changes the protocol', { protocol: 'http1' }],
    ['changes the number of streams', { maxStreamsPerConnection: 7 }],
  ] as const) {
    test(`that ${what} lets streams finish, and makes new connections`, async (t) => {
      const bed = new TestBed(t);
      const { upstream, gateway, client, received } = await streaming(bed);
      const setup = { protocol: 'http2', ...change } as const;
      await gateway.apply(listener(), cluster('a', [upstream.port], setup), route('r', [{ backends: ['a'] }]));
      upstream.script = echo;
      if (setup.protocol === 'http2') {
        assert.equal(await ask(await bed.client(gateway)), 200);
        assert.equal(upstream.sessions.length, 2);
      }
      received.stream.end('done');
      assert.deepEqual(await statusesOf([client]), [200]);
      assert.ok(client.received.includes('done'));
      await upstream.until('the old one is closed', () => received.session.destroyed || undefined);
    });
  }

  test('that leaves the cluster alone leaves its sessions alone', async (t) => {
    const bed = new TestBed(t);
    const { upstream, gateway, client, received } = await streaming(bed);
    upstream.script = echo;
    for (let i = 0; i < 3; i++) {
      const same = cluster('a', [upstream.port], { protocol: 'http2' });
      await gateway.apply(listener(), same, route('r', [{ backends: ['a'] }]), route(`other-${i}`, []));
      assert.equal(await ask(await bed.client(gateway)), 200);
    }
    received.stream.end('done');
    assert.deepEqual(await statusesOf([client]), [200]);
    assert.equal(upstream.sessions.length, 1);
  });

  test('that removes the cluster closes idle sessions', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed);
    const gateway = await gatewayTo(bed, upstream.port);
    assert.equal(await ask(await bed.client(gateway)), 200);
    await gateway.apply(listener());
    await upstream.until('the close', () => upstream.openSessions.length === 0 || undefined);
    assert.equal(metric(gateway, 'upstreamIdleConnections'), 0);
  });

  test('that swaps one protocol for the other works both ways', async (t) => {
    const bed = new TestBed(t);
    const [http2, http1] = [await Http2Upstream.listen(bed), await bed.upstream()];
    const gateway = await gatewayTo(bed, http2.port);
    const client = await bed.client(gateway);
    http1.script = { onRequest: (connection) => connection.write(okResponse(1)) };
    for (const protocol of ['http1', 'http2', 'http1'] as const) {
      const { port } = protocol === 'http1' ? http1 : http2;
      await gateway.apply(listener(), cluster('a', [port], { protocol }), route('r', [{ backends: ['a'] }]));
      assert.equal(await ask(client), 200);
    }
    assert.deepEqual([http1.takeRequests().length, http2.requests.length], [2, 1]);
  });
});
