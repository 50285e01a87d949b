// HTTP/2 endpoints that can't be reached, do not speak HTTP/2, die or fall silent.
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../../harness/http1-attack.ts';
import { data, END_STREAM, frame, FRAME, uint32, headers } from '../../harness/http2-frames.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { FrameUpstream, MAX_CONCURRENT_STREAMS } from './frame-upstream.ts';
import type { FrameConnection } from './frame-upstream.ts';
import { ask, gatewayTo, metric, statusesOf } from './http2-gateway.ts';
import { echo, finish, held, Http2Upstream } from './http2-upstream.ts';

describe('an HTTP/2 endpoint that fails', { timeout: 60_000 }, () => {
  test('nobody listens: 503 for all who wait', async (t) => {
    const bed = new TestBed(t);
    const gateway = await gatewayTo(bed, await bed.closedPort());
    const clients = await Promise.all(Array.from({ length: 5 }, () => bed.client(gateway)));
    for (const client of clients) client.send(request('GET /'));
    assert.deepEqual(await statusesOf(clients), Array(5).fill(503));
    assert.equal((await gateway.logged()).flag, 'UF');
    assert.equal(metric(gateway, 'upstreamPendingRequests'), 0);
    assert.equal(metric(gateway, 'upstreamActiveConnections'), 0);
    assert.ok(metric(gateway, 'upstreamConnectFailures') > 0);
  });

  test('another endpoint gets the request', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed);
    const gateway = await bed.engine([
      listener(),
      cluster('a', [await bed.closedPort(), upstream.port], { protocol: 'http2' }),
      route('r', [{ backends: ['a'] }]),
    ]);
    const client = await bed.client(gateway);
    for (let i = 0; i < 4; i++) assert.equal(await ask(client, request('POST /')), 200);
  });

  test('it speaks HTTP/1.1: 503, and it gets no request', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({
      onConnection: (connection) => connection.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
    });
    const gateway = await gatewayTo(bed, upstream.port);
    assert.equal(await ask(await bed.client(gateway), request('GET /secret')), 503);
    assert.equal((await gateway.logged()).flag, 'UF');
    for (const connection of upstream.connections) assert.ok(!connection.bytes.includes('secret'));
    upstream.forget();
  });

  for (const [what, settings, acknowledges] of [
    ['acknowledges no SETTINGS', [], []],
    ['allows no stream', [[MAX_CONCURRENT_STREAMS, 0]], [FRAME.settings]],
  ] satisfies [string, [number, number][], number[]][]) {
    test(`H20 it ${what}: 504, and it gets no request`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await FrameUpstream.listen(bed, { settings, acknowledges });
      const gateway = await gatewayTo(bed, upstream.port, { cluster: { connectTimeoutMs: 200 } });
      assert.equal(await ask(await bed.client(gateway)), 504);
      assert.equal((await gateway.logged()).flag, 'UF');
      const connection = await upstream.connection(0);
      await upstream.until('the close', () => connection.isClosed || undefined);
      assert.equal(connection.of(FRAME.headers).length, 0);
    });
  }

  test('it says nothing at all: 504', async (t) => {
    const bed = new TestBed(t);
    const gateway = await gatewayTo(bed, await bed.server(() => {}), { cluster: { connectTimeoutMs: 200 } });
    assert.equal(await ask(await bed.client(gateway)), 504);
    assert.equal(metric(gateway, 'upstreamActiveConnections'), 0);
  });

  for (const [method, status, tries] of [
    ['GET', 200, 2],
    ['POST', 503, 1],
  ] as const) {
    test(`a kept session dies under a ${method}: ${status}`, async (t) => {
      const bed = new TestBed(t);
      let isFirst = true;
      const upstream = await Http2Upstream.listen(bed, (stream, received) => {
        if (received.headers[':path'] === '/die' && isFirst) {
          isFirst = false;
          received.session.socket.destroy();
        } else {
          echo(stream, received);
        }
      });
      const gateway = await gatewayTo(bed, upstream.port);
      const client = await bed.client(gateway);
      assert.equal(await ask(client), 200);
      await gateway.logged();
      assert.equal(await ask(client, request(`${method} /die`)), status);
      const { attempts, flag } = await gateway.logged();
      assert.deepEqual([attempts, flag], [tries, status === 200 ? undefined : 'UC']);
    });
  }

  test('a fresh session dies under its first requests: 503, once each', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, (_stream, { session }) => session.destroy());
    const gateway = await gatewayTo(bed, upstream.port);
    const clients = await Promise.all(Array.from({ length: 3 }, () => bed.client(gateway)));
    for (const client of clients) client.send(request('GET /'));
    assert.deepEqual(await statusesOf(clients), [503, 503, 503]);
    assert.equal((await gateway.logged()).attempts, 1);
    assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
    assert.equal(metric(gateway, 'upstreamActiveConnections'), 0);
  });

  test('RST_STREAM: 503, and others on the session go on', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, held);
    const gateway = await gatewayTo(bed, upstream.port);
    const [first, second] = [await bed.client(gateway), await bed.client(gateway)];
    first.send(request('GET /'));
    const kept = await upstream.request(0);
    second.send(request('GET /'));
    const reset = await upstream.request(1);
    reset.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    assert.deepEqual(await statusesOf([second]), [503]);
    assert.equal((await gateway.logged()).flag, 'UC');
    finish(kept);
    assert.deepEqual(await statusesOf([first]), [200]);
  });

  test('it is lost without a word: one request runs into its timeout, later ones get a new session', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      acknowledges: [FRAME.settings],
      onRequest: (connection, stream) => {
        if (connection !== upstream.connections[0]) connection.answer(stream);
      },
    });
    const gateway = await gatewayTo(bed, upstream.port, {
      cluster: { connectTimeoutMs: 100 },
      rule: { requestTimeoutMs: 100 },
    });
    assert.equal(await ask(await bed.client(gateway)), 504);
    const lost = await upstream.connection(0);
    await upstream.until('the close', () => lost.isClosed || undefined);
    assert.equal(lost.of(FRAME.ping).length, 1);
    assert.equal(await ask(await bed.client(gateway)), 200);
  });

  test('it resets the connection when an answer is whole but not read yet: it stays whole', async (t) => {
    const bed = new TestBed(t);
    let sent = 0;
    const moved = { atMs: 0 };
    const send = (connection: FrameConnection, count: number): void => {
      for (let i = 0; i < count; i++) connection.send(data(1, 'x'.repeat(16_384)));
      sent += count * 16_384;
      moved.atMs = performance.now();
    };
    let unread = 0;
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection) => {
        connection.send(headers(1, [[':status', '200']], 0));
        send(connection, 4);
      },
      onFrame: (connection, { type, stream, payload }) => {
        if (type !== FRAME.windowUpdate || stream !== 1) return;
        unread += payload.readUInt32BE(0);
        send(connection, Math.floor(unread / 16_384));
        unread %= 16_384;
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    client.socket.pause();
    client.send(request('GET /'));
    const connection = await upstream.connection(0);
    while (moved.atMs === 0 || performance.now() - moved.atMs < 200) await delay(20);
    connection.send(data(1, '', END_STREAM));
    await delay(100);
    connection.socket.resetAndDestroy();
    await delay(100);
    client.socket.resume();
    const { bytesSent, flag } = await gateway.logged();
    assert.deepEqual([bytesSent, flag], [sent, undefined]);
    await client.untilText('\r\n0\r\n\r\n', 20_000);
  });

  test('it never closes its side: ours is gone all the same', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => {
        connection.send(frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(stream), uint32(0)])));
        connection.answer(stream);
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    assert.equal(await ask(await bed.client(gateway)), 200);
    const { socket } = await upstream.connection(0);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    // A socket that is only half closed would go on taking this.
    const prodding = setInterval(() => socket.write(frame(FRAME.ping, 0, 0, Buffer.alloc(8))), 20);
    bed.atEnd(() => clearInterval(prodding));
    await closed;
  });

  test('it falls silent: what is in flight is not cut, later requests get a new session', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      acknowledges: [FRAME.settings],
      onRequest: (connection, stream) => {
        if (connection !== upstream.connections[0]) connection.answer(stream);
      },
    });
    const gateway = await gatewayTo(bed, upstream.port, { cluster: { connectTimeoutMs: 100 } });
    const [patient, leaver] = [await bed.client(gateway), await bed.client(gateway)];
    patient.send(request('GET /'));
    const silent = await upstream.connection(0);
    await upstream.until('a request', () => silent.of(FRAME.headers)[0]);
    leaver.send(request('GET /'));
    await upstream.until('another', () => silent.of(FRAME.headers)[1]);
    leaver.reset();
    await upstream.until('PING', () => silent.of(FRAME.ping)[0]);
    while (upstream.connections.length < 2) {
      const client = (await bed.client(gateway)).send(request('GET /'));
      await Promise.race([client.untilResponses(1), delay(50)]);
    }
    silent.answer(1);
    assert.deepEqual(await statusesOf([patient]), [200]);
  });

  test('it answers PING: a request that timed out costs the others nothing', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, held);
    const gateway = await gatewayTo(bed, upstream.port, {
      cluster: { connectTimeoutMs: 100 },
      rule: { requestTimeoutMs: 100 },
    });
    assert.equal(await ask(await bed.client(gateway)), 504);
    upstream.script = echo;
    for (let i = 0; i < 3; i++) assert.equal(await ask(await bed.client(gateway)), 200);
    assert.equal(upstream.sessions.length, 1);
  });
});
