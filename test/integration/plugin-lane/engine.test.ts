// The lane between the engine's own codec and its own stages: a client and an upstream on real sockets, and every request on the way
// from the one to the other through Fastify.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { Exchange } from '../../../src/dataplane/exchange.ts';
import type * as connectionModule from '../../../src/dataplane/listener/http-connection.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, summaryOf, valueOf } from '../../harness/http1-message.ts';
import { answering } from '../../harness/recorder.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { loadSource } from '../../harness/source.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { compressing, load } from './lane-bed.ts';

const { HttpConnection } = await loadSource<typeof connectionModule>('dataplane/listener/http-connection.ts');

const GZIP = 'Accept-Encoding: gzip';

/** An engine all of whose exchanges pass the lane before its own stages take them. */
async function laneGateway(
  t: TestContext,
  bed: TestBed,
  port: number,
  register: Parameters<typeof load>[1] = compressing,
): Promise<RunningEngine> {
  const lane = await load(t, register);
  const forward = Reflect.get(HttpConnection.prototype, 'onExchange');
  t.mock.method(HttpConnection.prototype, 'onExchange', function (this: object, exchange: Exchange) {
    lane.handle(exchange, (forwarded) => Reflect.apply(forward, this, [forwarded]));
  });
  return await bed.gateway(port);
}

describe('on the wire', { timeout: 30_000 }, () => {
  test('answers are compressed, in order, on one connection; the upstream sees plain requests', async (t) => {
    const bed = new TestBed(t);
    const text = 'the same words again and again. '.repeat(2_000);
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n`;
    const upstream = await bed.upstream({
      onRequest: (connection, { startLine: [method] }) => connection.write(method === 'HEAD' ? head : head + text),
    });
    const gateway = await laneGateway(t, bed, upstream.port);
    const client = await bed.client(gateway);
    const fields = ['Content-Length: 5', 'X-A: 1', 'X-A: 2'];
    client.send(request('GET /a?b=c', [GZIP]) + request('POST /d', fields, 'hello') + request('HEAD /e', [GZIP]));
    const [first, second, third] = await client.untilResponses(3, ['GET', 'POST', 'HEAD']);
    assert.deepEqual([first?.framing, first && valueOf(first, 'content-encoding')], ['chunked', 'gzip']);
    assert.equal(gunzipSync(first?.body ?? assert.fail()).toString(), text);
    assert.deepEqual([second?.framing, second?.body.toString()], ['length', text]);
    assert.equal(third && valueOf(third, 'content-encoding'), 'gzip');
    const requests = upstream.takeRequests();
    assert.deepEqual(requests.map(summaryOf), ['GET /a?b=c', 'POST /d hello', 'HEAD /e']);
    assert.equal(requests[1] && valueOf(requests[1], 'x-a'), '1, 2');
    assert.equal(requests[1]?.framing, 'length');
    assert.equal(upstream.connections.size, 1);
    const { status, flag } = await gateway.logged();
    assert.deepEqual([status, flag], [200, undefined]);
  });

  test('trailers and informational answers, both ways', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({
      onHead: (connection) => connection.write('HTTP/1.1 100 Continue\r\n\r\n'),
      onRequest: (connection) =>
        connection.write(
          'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n' +
            'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nChecksum: b\r\n\r\n',
        ),
    });
    const client = await bed.client(await laneGateway(t, bed, upstream.port));
    const fields = ['Expect: 100-continue', 'Transfer-Encoding: chunked', 'TE: trailers', 'Connection: te', GZIP];
    await client.send(request('POST /', fields)).untilText('100 Continue\r\n\r\n');
    client.send('5\r\nhello\r\n0\r\nChecksum: a\r\n\r\n');
    const responses = await client.untilResponses(1);
    assert.deepEqual(responses.map(statusOf), [100, 103, 200]);
    const answer = responses.at(-1) ?? assert.fail();
    assert.equal(gunzipSync(answer.body).toString(), 'ok');
    assert.deepEqual(answer.trailers, [['checksum', 'b']]);
    const [seen] = upstream.takeRequests();
    assert.deepEqual([seen?.framing, seen?.body.toString(), seen?.trailers], ['chunked', 'hello', [['checksum', 'a']]]);
  });

  test('an upstream that answers for long is read no faster than the client reads', async (t) => {
    const bed = new TestBed(t);
    const total = 64 * 1024 * 1024;
    const block = randomBytes(64 * 1024);
    const sent = { bytes: 0 };
    const port = await bed.server((socket) => {
      const more = (): void => {
        while (sent.bytes < total) {
          sent.bytes += block.length;
          if (!socket.write(block)) return;
        }
      };
      socket.on('drain', more);
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${total}\r\n\r\n`);
        more();
      });
    });
    const client = await bed.client(await laneGateway(t, bed, port));
    client.socket.pause();
    client.send(request('GET /', ['Connection: close']));
    for (let last = -1; last !== sent.bytes || last === 0; await delay(150)) last = sent.bytes;
    t.diagnostic(`${(sent.bytes / 2 ** 20).toFixed(1)} MiB fit into the buffers of two sockets and the lane`);
    assert.ok(sent.bytes < total / 2, `${sent.bytes} bytes written to nobody`);
    client.socket.resume();
    const received = await client.untilClosed();
    const body = createHash('sha256').update(received.subarray(received.indexOf('\r\n\r\n') + 4));
    const expected = createHash('sha256');
    for (let i = 0; i < total; i += block.length) expected.update(block);
    assert.equal(body.digest('hex'), expected.digest('hex'));
  });

  test('a client that leaves takes the upstream connection with it', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream(
      answering('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 90\r\n\r\nhalf of the text'),
    );
    const gateway = await laneGateway(t, bed, upstream.port);
    const client = await bed.client(gateway);
    await client.send(request('GET /', [GZIP])).untilText('\0\0\xff\xff');
    client.reset();
    const [connection] = upstream.connections;
    await upstream.until('the upstream is cut', () => connection?.end !== 'open' || undefined);
    assert.equal((await gateway.logged()).flag, 'DC');
  });

  test('an upstream that breaks off cuts the client off', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream(
      answering('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 90\r\n\r\nhalf of the text'),
    );
    const gateway = await laneGateway(t, bed, upstream.port);
    const client = await bed.client(gateway);
    await client.send(request('GET /', [GZIP])).untilText('\0\0\xff\xff');
    for (const connection of upstream.connections) connection.reset();
    await client.untilClosed();
    assert.equal(client.end, 'reset');
    assert.equal((await gateway.logged()).flag, 'UC');
  });

  test('a failure of forwarding is answered as on the fast lane', async (t) => {
    const bed = new TestBed(t);
    const gateway = await laneGateway(t, bed, await bed.closedPort());
    const client = await bed.client(gateway);
    const [answer] = await client.send(request('GET /')).untilResponses(1);
    assert.equal(answer && statusOf(answer), 503);
    assert.match(answer?.body.toString() ?? '', /could not be reached/);
  });

  test('a plugin that throws: one 500, and the connection goes on', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await laneGateway(t, bed, upstream.port, (app) =>
      app.get('/fails', () => {
        throw new Error('the password is hunter2');
      }),
    );
    const client = await bed.client(gateway);
    client.send(request('GET /fails') + request('GET /'));
    assert.deepEqual((await client.untilResponses(2)).map(statusOf), [500, 200]);
    assert.doesNotMatch(client.received.toString(), /hunter2|FST_/);
  });

  test('a tunnel opens behind the hooks of plugins', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({
      onRequest: (connection) =>
        connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\nearly'),
    });
    const client = await bed.client(await laneGateway(t, bed, upstream.port));
    await client.send(request('GET /', ['Connection: upgrade', 'Upgrade: test'])).untilText('early');
    const [far] = upstream.connections;
    client.send('ping');
    await upstream.until('ping', () => far?.bytes.includes('ping') || undefined);
    far?.write('pong');
    await client.untilText('pong');
    far?.finish();
    client.finish();
    await client.untilClosed();
    assert.equal(client.end, 'closed');
  });
});
