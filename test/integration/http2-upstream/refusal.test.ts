// What an HTTP/2 endpoint refuses unseen, by GOAWAY or by RST_STREAM, is sent again, whatever its method: a bounded number of times.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { ERROR, frame, FRAME, rstStream, uint32 } from '../../harness/http2-frames.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { FrameUpstream } from './frame-upstream.ts';
import { ask, gatewayTo, metric, statusesOf } from './http2-gateway.ts';
import { echo, finish, held, Http2Upstream } from './http2-upstream.ts';

describe('GOAWAY', { timeout: 60_000 }, () => {
  test('what is in flight is finished, what comes next goes elsewhere', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, held);
    const gateway = await gatewayTo(bed, upstream.port);
    const [first, second] = [await bed.client(gateway), await bed.client(gateway)];
    first.send(request('GET /'));
    const inFlight = await upstream.request(0);
    inFlight.session.close();
    upstream.script = echo;
    let asked = 0;
    while (upstream.sessions.length < 2) {
      assert.equal(await ask(second), 200);
      asked++;
    }
    assert.ok(asked <= 2);
    finish(inFlight);
    assert.deepEqual(await statusesOf([first]), [200]);
    await upstream.until('the first is closed', () => inFlight.session.destroyed || undefined);
    assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
  });

  test('every few requests, under load: no request fails, whatever its method', async (t) => {
    const bed = new TestBed(t);
    const perSession = new Map<unknown, number>();
    const upstream = await Http2Upstream.listen(bed, (stream, received) => {
      echo(stream, received);
      const count = (perSession.get(received.session) ?? 0) + 1;
      perSession.set(received.session, count);
      if (count === 20) received.session.close();
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const clients = await Promise.all(Array.from({ length: 8 }, () => bed.client(gateway)));
    const rounds = 50;
    await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < rounds; i++) {
          assert.equal(await ask(client, request('POST /', ['Content-Length: 5'], 'hello')), 200);
        }
      }),
    );
    assert.equal(gateway.loggedCount, clients.length * rounds);
    const { length } = upstream.sessions;
    assert.ok(length >= 10, `${length} sessions`);
    t.diagnostic(
      `${gateway.loggedCount} requests, 0 failed, over ${length} sessions, ${metric(gateway, 'upstreamRetries')} sent again`,
    );
  });

  for (const method of ['GET', 'POST']) {
    test(`a stream above the last one that it names is sent again, a ${method} too`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await FrameUpstream.listen(bed, {
        onRequest: (connection, stream) => {
          if (connection !== upstream.connections[0]) connection.answer(stream);
          else if (stream === 3) connection.send(frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(1), uint32(0)])));
        },
      });
      const gateway = await gatewayTo(bed, upstream.port);
      const [kept, refused] = [await bed.client(gateway), await bed.client(gateway)];
      kept.send(request('POST /', ['Content-Length: 5'], 'hello'));
      const connection = await upstream.connection(0);
      await upstream.until('a request', () => connection.of(FRAME.headers)[0]);
      refused.send(request(`${method} /`, ['Content-Length: 5'], 'hello'));
      assert.deepEqual(await statusesOf([refused]), [200]);
      assert.equal((await gateway.logged()).attempts, 2);
      const again = await upstream.connection(1);
      assert.equal(Buffer.concat(again.of(FRAME.data).map(({ payload }) => payload)).toString(), 'hello');
      connection.answer(1);
      assert.deepEqual(await statusesOf([kept]), [200]);
      await upstream.until('the first is closed', () => connection.isClosed || undefined);
    });
  }

  test('with an error: what it names is lost, what is above it is sent again', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => {
        if (connection !== upstream.connections[0]) connection.answer(stream);
        else if (stream === 3) connection.send(frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(1), uint32(2)])));
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const [lost, refused] = [await bed.client(gateway), await bed.client(gateway)];
    lost.send(request('POST /'));
    const connection = await upstream.connection(0);
    await upstream.until('a request', () => connection.of(FRAME.headers)[0]);
    refused.send(request('POST /'));
    assert.deepEqual(await statusesOf([lost, refused]), [503, 200]);
  });

  test('an endpoint that says nothing else: 503 after a few tries', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection) => {
        for (let i = 0; i < 20; i++) connection.send(frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(0), uint32(0)])));
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    assert.equal(await ask(await bed.client(gateway), request('POST /')), 503);
    const { flag, attempts } = await gateway.logged();
    assert.deepEqual([flag, attempts], ['UR', 5]);
    assert.equal(upstream.connections.length, 5);
    await upstream.until('all are closed', () => upstream.connections.every(({ isClosed }) => isClosed) || undefined);
  });
});

describe('REFUSED_STREAM', { timeout: 60_000 }, () => {
  test('the request is sent again, whatever its method, on a session with room', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => {
        if (connection === upstream.connections[0] && stream > 1) connection.send(rstStream(stream, ERROR.refused));
        else if (stream > 1 || connection !== upstream.connections[0]) connection.answer(stream);
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const first = (await bed.client(gateway)).send(request('GET /'));
    const connection = await upstream.connection(0);
    await upstream.until('a request', () => connection.of(FRAME.headers)[0]);
    const client = await bed.client(gateway);
    for (let i = 0; i < 3; i++) assert.equal(await ask(client, request('POST /', ['Content-Length: 5'], 'hello')), 200);
    assert.deepEqual([(await gateway.logged()).attempts, (await gateway.logged()).attempts], [2, 1]);
    assert.equal(upstream.connections.length, 2);
    assert.equal(connection.of(FRAME.headers).length, 2, 'what it takes is known now');
    connection.answer(1);
    assert.deepEqual(await statusesOf([first]), [200]);
  });

  test('of everything: 503 after a few tries, on new sessions', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => connection.send(rstStream(stream, ERROR.refused)),
    });
    const gateway = await gatewayTo(bed, upstream.port);
    assert.equal(await ask(await bed.client(gateway)), 503);
    const { flag, attempts } = await gateway.logged();
    assert.deepEqual([flag, attempts], ['UR', 5]);
    await upstream.until('all are closed', () => upstream.connections.every(({ isClosed }) => isClosed) || undefined);
    assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
  });
});
