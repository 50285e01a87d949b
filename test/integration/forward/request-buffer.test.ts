// Buffers that clients are read into again and again: whatever of a request is still wanted is never written over.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { StreamRoute } from '../../../src/ir/route.ts';
import { request } from '../../harness/http1-attack.ts';
import { backend, cluster, listener, route, virtualHost, VIRTUAL_HOST } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { digest, distinctBody, slowDigest } from './distinct-body.ts';

const BODY_BYTES = 8 * 1024 * 1024;
const BODIES = [1, 2, 3].map((seed) => distinctBody(seed, BODY_BYTES));
const DIGESTS = BODIES.map(digest);
/** Few enough to be kept for a retry. */
const REPLAYED = distinctBody(4, 60_000);
/** Few enough to wait for a mirror. */
const MIRRORED = distinctBody(5, 200_000);
/** Not so small that a part of the buffer is copied, and no multiple of anything. */
const PIECE_BYTES = 3_001;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function httpServer(bed: TestBed, answer: Answer): Promise<number> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  bed.atEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** Answers with the digest of the body. */
async function digester(bed: TestBed): Promise<number> {
  return await httpServer(bed, (incoming, response) => void slowDigest(incoming).then((hash) => response.end(hash)));
}

async function upload(gateway: RunningEngine, body: Buffer, pieceBytes: number, isChunked: boolean): Promise<string> {
  const headers = isChunked ? {} : { 'content-length': body.length };
  const outgoing = httpRequest({ ...gateway.address(), host: '127.0.0.1', method: 'POST', agent: false, headers });
  const answered = once(outgoing, 'response');
  for (let start = 0; start < body.length; start += pieceBytes) {
    if (!outgoing.write(body.subarray(start, start + pieceBytes))) await once(outgoing, 'drain');
  }
  outgoing.end();
  const [response] = (await answered) as [IncomingMessage];
  return await text(response);
}

/** Each piece in a read of its own. */
async function sendSlowly(socket: Socket, body: Buffer): Promise<void> {
  for (let start = 0; start < body.length; start += PIECE_BYTES) {
    socket.write(body.subarray(start, start + PIECE_BYTES));
    await delay(1);
  }
}

describe('what clients send arrives as it was sent', { timeout: 60_000 }, () => {
  for (const isChunked of [false, true]) {
    test(`${isChunked ? 'in chunks' : 'with a length'}, several at a time, to a slow endpoint`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await bed.gateway(await digester(bed));
      for (let round = 0; round < 2; round++) {
        const digests = await Promise.all(BODIES.map((body) => upload(gateway, body, 50_021, isChunked)));
        assert.deepEqual(digests, DIGESTS);
      }
    });
  }

  test('and the buffers that it comes in are used again', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.gateway(await digester(bed));
    const allocate = t.mock.method(Buffer, 'allocUnsafeSlow');
    const [body = assert.fail()] = BODIES;
    assert.equal(await upload(gateway, body, 50_021, false), DIGESTS[0]);
    const allocated = allocate.mock.calls.reduce((sum, { arguments: [bytes] }) => sum + bytes, 0);
    assert.ok(allocated < BODY_BYTES / 4, `${allocated} bytes`);
  });

  test('when it is sent again', async (t) => {
    const bed = new TestBed(t);
    let tries = 0;
    const port = await httpServer(bed, (incoming, response) => {
      void slowDigest(incoming).then((hash) => response.writeHead(++tries === 1 ? 503 : 200).end(hash));
    });
    const gateway = await bed.gateway(port, { retry: { attempts: 2, codes: [503], backoffMs: 1 } });
    const client = await bed.client(gateway);
    client.send(request('PUT /', [`Content-Length: ${REPLAYED.length}`]));
    await sendSlowly(client.socket, REPLAYED);
    const [answer] = await client.untilResponses(1);
    assert.deepEqual([answer?.body.toString(), tries], [digest(REPLAYED), 2]);
  });

  test('when it waits for a connection', async (t) => {
    const bed = new TestBed(t);
    const held = Promise.withResolvers<void>();
    const port = await httpServer(bed, (incoming, response) => {
      if (incoming.method === 'GET') void held.promise.then(() => response.end());
      else void slowDigest(incoming).then((hash) => response.end(hash));
    });
    const gateway = await bed.engine([
      listener(),
      cluster('a', [port], { maxConnections: 1 }),
      route('r', [{ backends: ['a'] }]),
    ]);
    const first = await bed.client(gateway);
    first.send(request('GET /'));
    const client = await bed.client(gateway);
    client.send(request('POST /', [`Content-Length: ${REPLAYED.length}`]));
    await sendSlowly(client.socket, REPLAYED);
    held.resolve();
    const [answer] = await client.untilResponses(1);
    assert.equal(answer?.body.toString(), digest(REPLAYED));
  });

  test('to a mirror that is busy while the endpoint is not', async (t) => {
    const bed = new TestBed(t);
    const held = Promise.withResolvers<void>();
    const copy = Promise.withResolvers<string>();
    const mirrorPort = await httpServer(bed, (incoming, response) => {
      if (incoming.method === 'GET') void held.promise.then(() => response.end());
      else void slowDigest(incoming).then(copy.resolve);
    });
    const ALL = { numerator: 1, denominator: 1 };
    const gateway = await bed.engine([
      listener(),
      cluster('a', [await digester(bed)]),
      cluster('m', [mirrorPort], { maxConnections: 1 }),
      route('r', [{ backends: ['a'], filters: [{ kind: 'requestMirror', cluster: 'cluster/m', ...ALL }] }]),
    ]);
    const first = await bed.client(gateway);
    await first.send(request('GET /')).untilResponses(1);
    const client = await bed.client(gateway);
    client.send(request('POST /', [`Content-Length: ${MIRRORED.length}`]));
    await sendSlowly(client.socket, MIRRORED);
    const [answer] = await client.untilResponses(1);
    assert.equal(answer?.body.toString(), digest(MIRRORED));
    held.resolve();
    assert.equal(await copy.promise, digest(MIRRORED));
  });

  test('pipelined, while the answer before is on its way', async (t) => {
    const bed = new TestBed(t);
    const port = await httpServer(bed, (incoming, response) => {
      void slowDigest(incoming).then(async (hash) => {
        await delay(3);
        response.end(hash);
      });
    });
    const client = await bed.client(await bed.gateway(port));
    const bodies = Array.from({ length: 30 }, (_, index) => distinctBody(100 + index, 4_004));
    const head = Buffer.from(request('POST /', ['Content-Length: 4004']));
    await sendSlowly(client.socket, Buffer.concat(bodies.flatMap((body) => [head, body])));
    const answers = await client.untilResponses(bodies.length);
    assert.deepEqual(
      answers.map(({ body }) => body.toString()),
      bodies.map(digest),
    );
  });

  test('in a head of many pieces', async (t) => {
    const bed = new TestBed(t);
    const port = await httpServer(bed, (incoming, response) => {
      incoming.resume();
      response.end(digest(Buffer.from(String(incoming.headers['x-long']))));
    });
    const client = await bed.client(await bed.gateway(port));
    const long = distinctBody(6, 6_000).toString('hex');
    // The first head comes before the reader does.
    for (let round = 0; round < 2; round++) {
      await sendSlowly(client.socket, Buffer.from(request('GET /', [`X-Long: ${long}`])));
      const answers = await client.untilResponses(round + 1);
      assert.equal(answers.at(-1)?.body.toString(), digest(Buffer.from(long)));
    }
  });

  test('through a tunnel, with bytes that come before it is open', async (t) => {
    const bed = new TestBed(t);
    const [body = assert.fail()] = BODIES;
    const received = Promise.withResolvers<string>();
    const server = createServer();
    server.on('upgrade', (_request, socket: Socket, head: Buffer) => {
      void delay(20).then(() => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n');
        if (head.length > 0) socket.unshift(head);
        void slowDigest(socket).then((hash) => {
          received.resolve(hash);
          socket.end();
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    bed.atEnd(() => new Promise((resolve) => server.close(resolve)));
    const client = await bed.client(await bed.gateway((server.address() as AddressInfo).port));
    client.send(request('GET /', ['Connection: upgrade', 'Upgrade: test']));
    await sendSlowly(client.socket, body.subarray(0, 20_000));
    client.send(body.subarray(20_000));
    client.finish();
    assert.equal(await received.promise, digest(body));
    await client.untilClosed();
  });

  test('through a TCP session, from before it has an endpoint to its end', async (t) => {
    const bed = new TestBed(t);
    const digests: string[] = [];
    const port = await bed.server((socket) => {
      void slowDigest(socket).then((hash) => {
        digests.push(hash);
        socket.end(hash);
      });
    });
    const tcpRoute: StreamRoute = {
      kind: 'streamRoute',
      key: 'route/TCPRoute/test/t',
      name: 'test/t',
      createdAtMs: 0,
      attachments: [{ virtualHost: VIRTUAL_HOST, hostnames: [{ served: '*', declared: '*' }] }],
      backends: [backend('a')],
    };
    const gateway = await bed.engine([
      listener({ protocol: 'TCP', virtualHosts: [virtualHost({ traffic: 'stream' })] }),
      cluster('a', [port]),
      tcpRoute,
    ]);
    const answers = await Promise.all(
      [...BODIES, Buffer.from('little, and the end at once'), Buffer.alloc(0)].map(async (body) => {
        const socket = connect({ ...gateway.address(), host: '127.0.0.1', allowHalfOpen: true });
        socket.end(body);
        return await text(socket);
      }),
    );
    assert.deepEqual(answers.slice(0, BODIES.length), DIGESTS);
    assert.deepEqual(answers.slice(BODIES.length), [
      digest(Buffer.from('little, and the end at once')),
      digest(Buffer.alloc(0)),
    ]);
    assert.equal(digests.length, answers.length);
  });
});
