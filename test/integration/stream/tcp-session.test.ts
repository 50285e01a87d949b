import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { TestBed } from '../../harness/test-bed.ts';
import { CONNECT_TIMEOUT_MS, ending, IDLE_MS, inTurn, readAll, STALL_MS, StreamGateway } from './stream-gateway.ts';
import type { StreamSetup } from './stream-gateway.ts';

const MIB = 1024 * 1024;

/** More than all buffers of the kernel between two ends of a connection. */
const MUCH = 24 * MIB;

/** Less than a socket takes before it says that it is full. */
const SMALL = 16 * 1024;

/** What the process itself may hold of one direction: what a socket reads ahead, what waits to be written, and one read. */
const MAX_HELD_BYTES = 256 * 1024;

test('carries 100 MiB there and back unchanged', async (t) => {
  const bed = new TestBed(t);
  const echo = await bed.server((socket) => socket.pipe(socket));
  const gateway = await StreamGateway.open(bed, { ports: [echo] });
  const client = await gateway.connect();
  const sent = createHash('sha256');
  const received = createHash('sha256');
  let bytes = 0;
  client.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    received.update(chunk);
  });
  const block = randomBytes(MIB + 17);
  for (let i = 0; i < 100; i++) {
    block.writeUInt32LE(i, (i * 1_009) % MIB);
    const chunk = Buffer.from(block);
    sent.update(chunk);
    if (!client.write(chunk)) await once(client, 'drain');
  }
  client.end();
  await once(client, 'end');
  assert.equal(bytes, 100 * (MIB + 17));
  assert.equal(received.digest('hex'), sent.digest('hex'));
  const session = await gateway.finished();
  assert.deepEqual([session.failure, session.bytesReceived, session.bytesSent], [undefined, bytes, bytes]);
});

test('the end of one direction is passed on, and the other goes on', async (t) => {
  const bed = new TestBed(t);
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const gateway = await StreamGateway.open(bed, { ports: [await bed.server(resolve)] });
  const client = await gateway.connect();
  client.end('question');
  const upstream = await accepted;
  assert.equal((await readAll(upstream)).toString(), 'question');
  upstream.write('answer, ');
  await once(client, 'readable');
  upstream.end('later');
  assert.equal((await readAll(client)).toString(), 'answer, later');
  assert.equal((await gateway.finished()).failure, undefined);
});

test('an endpoint that ends first still gets what the client says', async (t) => {
  const bed = new TestBed(t);
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const gateway = await StreamGateway.open(bed, { ports: [await bed.server(resolve)] });
  const client = await gateway.connect();
  const upstream = await accepted;
  upstream.end('greeting');
  assert.equal((await readAll(client)).toString(), 'greeting');
  client.write('after ');
  client.end('the end');
  assert.equal((await readAll(upstream)).toString(), 'after the end');
  assert.equal((await gateway.finished()).failure, undefined);
});

test('a client that is done with both directions is not cut off while the endpoint still reads', async (t) => {
  const bed = new TestBed(t);
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const gateway = await StreamGateway.open(bed, { ports: [await bed.server(resolve)] });
  const client = await gateway.connect();
  const upstream = await accepted;
  upstream.end();
  client.resume();
  const [session] = await gateway.until('the session begins', () => gateway.sessions);
  let sent = 0;
  // Until some of it waits in the process, but so little that the end behind it is read.
  while (gateway.upstreams[0]?.writableLength === 0) {
    client.write(Buffer.alloc(SMALL));
    sent += SMALL;
    await gateway.until('all is read', () => session?.bytesReceived === sent || undefined);
  }
  client.end();
  await gateway.until('the client is gone', () => gateway.downstreams[0]?.closed || undefined);
  assert.equal((await readAll(upstream)).length, sent);
  assert.equal((await gateway.finished()).failure, undefined);
});

test('a connection without a byte ends like any other', async (t) => {
  const bed = new TestBed(t);
  const gateway = await StreamGateway.open(bed, { ports: [await bed.server((socket) => socket.resume().end())] });
  const client = await gateway.connect();
  client.end();
  assert.equal((await readAll(client)).length, 0);
  const session = await gateway.finished();
  assert.deepEqual([session.failure, session.bytesReceived, session.bytesSent], [undefined, 0, 0]);
});

for (const slow of ['endpoint', 'client'] as const) {
  test(`R04 a slow ${slow} slows the sender; little is held for it`, async (t) => {
    const bed = new TestBed(t);
    const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
    const gateway = await StreamGateway.open(bed, { ports: [await bed.server(resolve)] });
    const client = await gateway.connect();
    const upstream = await accepted;
    const [sender, receiver] = slow === 'endpoint' ? [client, upstream] : [upstream, client];
    receiver.pause();
    const [to, from] = await gateway.until('both sides are connected', () => {
      const [up] = gateway.upstreams;
      const [down] = gateway.downstreams;
      if (up === undefined || down === undefined) return undefined;
      return slow === 'endpoint' ? [up, down] : [down, up];
    });
    let held = 0;
    let probes = 0;
    const data = randomBytes(MUCH);
    sender.end(data);
    await gateway.until('the sender is held up', () => {
      const before = held;
      held = to.writableLength + from.readableLength;
      probes = to.writableNeedDrain && held === before ? probes + 1 : 0;
      return probes > 10 || undefined;
    });
    assert.ok(held <= MAX_HELD_BYTES, `${held} bytes`);
    assert.ok(sender.writableLength > 0, 'the sender has bytes left');
    assert.ok((await readAll(receiver)).equals(data));
    (slow === 'endpoint' ? upstream : client).end();
    assert.equal((await gateway.finished()).failure, undefined);
  });
}

for (const side of ['client', 'endpoint'] as const) {
  test(`a reset by the ${side} reaches the other side as one`, async (t) => {
    const bed = new TestBed(t);
    const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
    const gateway = await StreamGateway.open(bed, { ports: [await bed.server(resolve)] });
    const client = await gateway.connect();
    const upstream = await accepted;
    upstream.write('hello');
    await once(client, 'readable');
    const [from, to] = side === 'client' ? [client, upstream] : [upstream, client];
    from.resetAndDestroy();
    assert.equal(await ending(to), 'reset');
    assert.equal((await gateway.finished()).failure, side === 'client' ? 'downstream_closed' : 'upstream_reset');
    assert.equal(gateway.cells.activeSessions.value, 0);
  });
}

test('an endpoint that refuses is passed over; the client notices nothing', async (t) => {
  const bed = new TestBed(t);
  const dead = await bed.closedPort();
  const live = await bed.server((socket) => socket.pipe(socket));
  const gateway = await StreamGateway.open(bed, { ports: [dead, live] });
  const client = await gateway.connect();
  client.end('ping');
  assert.equal((await readAll(client)).toString(), 'ping');
  const { failure, tries, endpoint } = await gateway.finished();
  assert.deepEqual([failure, tries, endpoint], [undefined, 2, `127.0.0.1:${live}`]);
  assert.equal(gateway.connectFailures.length, 1);
});

test('where all endpoints refuse, the client is reset; each was tried once', async (t) => {
  const bed = new TestBed(t);
  const gateway = await StreamGateway.open(bed, { ports: [await bed.closedPort(), await bed.closedPort()] });
  assert.equal(await ending(await gateway.connect()), 'reset');
  const { failure, tries } = await gateway.finished();
  assert.deepEqual([failure, tries], ['upstream_connect_failed', 2]);
  assert.equal(gateway.connectFailures.length, 2);
});

test('at most three endpoints are tried', async (t) => {
  const bed = new TestBed(t);
  const dead = await Promise.all(Array.from({ length: 5 }, () => bed.closedPort()));
  const gateway = await StreamGateway.open(bed, { ports: dead });
  assert.equal(await ending(await gateway.connect()), 'reset');
  assert.equal((await gateway.finished()).tries, 3);
});

test('no other endpoint is tried once one was connected', async (t) => {
  const bed = new TestBed(t);
  let connections = 0;
  const brief = await bed.server((socket) => socket.on('data', () => socket.resetAndDestroy()));
  const other = await bed.server(() => connections++);
  const gateway = await StreamGateway.open(bed, { ports: [brief, other] });
  const client = await gateway.connect();
  client.write('hello');
  assert.equal(await ending(client), 'reset');
  const { failure, tries } = await gateway.finished();
  assert.deepEqual([failure, tries, connections], ['upstream_reset', 1, 0]);
});

test('an endpoint that does not answer in time is passed over', async (t) => {
  const bed = new TestBed(t);
  const live = await bed.server((socket) => socket.pipe(socket));
  const silent = new Socket();
  const gateway = await StreamGateway.open(bed, {
    endpoints: (of) => inTurn([of.faulty(() => silent), of.endpoint(live)]),
  });
  const client = await gateway.connect();
  await gateway.until('the session begins', () => gateway.sessions[0]);
  gateway.pass(CONNECT_TIMEOUT_MS + 100);
  assert.ok(silent.destroyed);
  client.end('ping');
  assert.equal((await readAll(client)).toString(), 'ping');
  assert.deepEqual(gateway.connectFailures, ['timeout']);
});

test('a full endpoint is passed over; where all are full, the client is reset', async (t) => {
  const bed = new TestBed(t);
  const gateway = await StreamGateway.open(bed, {
    endpoints: (of) => inTurn([0, 1].map(() => of.faulty(() => undefined))),
  });
  assert.equal(await ending(await gateway.connect()), 'reset');
  const { failure, tries } = await gateway.finished();
  assert.deepEqual([failure, tries], ['upstream_overflow', 2]);
});

test('a client that nobody is there for is reset', async (t) => {
  const bed = new TestBed(t);
  for (const endpoints of ['route_not_found', 'no_backend', { select: () => undefined }] as const) {
    const gateway = await StreamGateway.open(bed, { endpoints: () => endpoints });
    assert.equal(await ending(await gateway.connect()), 'reset');
    const expected = typeof endpoints === 'string' ? endpoints : 'no_healthy_upstream';
    const { failure, tries } = await gateway.finished();
    assert.deepEqual([failure, tries], [expected, 0]);
  }
});

test('a session without a byte in either direction ends', async (t) => {
  const bed = new TestBed(t);
  const echo = await bed.server((socket) => socket.pipe(socket));
  const gateway = await StreamGateway.open(bed, { ports: [echo] });
  const client = await gateway.connect();
  const [session] = await gateway.until('the session begins', () => gateway.sessions);
  for (let i = 0; i < 3; i++) {
    client.write('still here');
    await once(client, 'data');
    gateway.pass(IDLE_MS - 1_000);
    assert.equal(session?.failure, undefined);
  }
  gateway.pass(2_000);
  assert.equal(await ending(client), 'reset');
  assert.equal((await gateway.finished()).failure, 'stream_idle');
});

test('R03 a receiver that takes nothing is given up, though the other direction is busy', async (t) => {
  const bed = new TestBed(t);
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const gateway = await StreamGateway.open(bed, { ports: [await bed.server(resolve)] });
  const client = await gateway.connect();
  const upstream = await accepted;
  upstream.pause();
  client.write(Buffer.alloc(MUCH));
  await gateway.until('the client is held up', () => gateway.downstreams[0]?.isPaused() || undefined);
  gateway.pass(STALL_MS - 1_000);
  upstream.write('busy');
  await once(client, 'data');
  assert.equal(gateway.sessions[0]?.failure, undefined);
  gateway.pass(2_000);
  assert.equal((await gateway.finished()).failure, 'stream_idle');
  assert.equal(await ending(client), 'reset');
});

test('a receiver that takes a rest and goes on loses nothing', async (t) => {
  const bed = new TestBed(t);
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const gateway = await StreamGateway.open(bed, { ports: [await bed.server(resolve)] });
  const client = await gateway.connect();
  const upstream = await accepted;
  upstream.pause();
  client.write(Buffer.alloc(MUCH));
  await gateway.until('the client is held up', () => gateway.downstreams[0]?.isPaused() || undefined);
  gateway.pass(STALL_MS - 1_000);
  upstream.resume();
  await gateway.until('all arrives', () => upstream.bytesRead === MUCH || undefined);
  gateway.pass(STALL_MS + 1_000);
  client.end();
  upstream.end();
  assert.equal((await gateway.finished()).failure, undefined);
});

test('what was read before the session began comes first', async (t) => {
  const bed = new TestBed(t);
  const echo = await bed.server((socket) => socket.pipe(socket));
  const prepare = async (socket: Socket): Promise<Socket> => {
    await once(socket, 'readable');
    const peeked = socket.read() as Buffer;
    socket.unshift(peeked);
    return socket;
  };
  const gateway = await StreamGateway.open(bed, { ports: [echo], prepare });
  const client = await gateway.connect();
  client.write('first ');
  await gateway.until('the session begins', () => gateway.sessions[0]);
  client.end('and then');
  assert.equal((await readAll(client)).toString(), 'first and then');
});

test('what the client says while its endpoint is connected comes whole, and so does its end', async (t) => {
  const bed = new TestBed(t);
  const echo = await bed.server((socket) => socket.pipe(socket));
  const pending = Promise.withResolvers<Socket>();
  const gateway = await StreamGateway.open(bed, {
    endpoints: (of) =>
      inTurn([
        of.faulty((_preamble, onread) => {
          const socket = new Socket({ onread, allowHalfOpen: true });
          pending.resolve(socket);
          return socket;
        }),
      ]),
  });
  const client = await gateway.connect();
  const endpoint = await pending.promise;
  const pieces = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(5_000));
  let sent = 0;
  for (const piece of pieces) {
    client.write(piece);
    sent += piece.length;
    await gateway.until('the piece is read', () => (gateway.downstreams[0]?.bytesRead ?? 0) >= sent || undefined);
  }
  client.end();
  await gateway.until('the end is read', () => gateway.downstreams[0]?.readableEnded || undefined);
  endpoint.connect(echo, '127.0.0.1');
  assert.equal((await readAll(client)).toString(), pieces.join(''));
  assert.equal((await gateway.finished()).failure, undefined);
});

test('what an endpoint does not take at once is not written over', async (t) => {
  const bed = new TestBed(t);
  const full = Promise.withResolvers<void>();
  const received = Promise.withResolvers<Buffer>();
  const port = await bed.server((socket) => {
    socket.end();
    void full.promise.then(() => readAll(socket)).then(received.resolve);
  });
  const gateway = await StreamGateway.open(bed, { ports: [port] });
  const client = await gateway.connect();
  const sent: Buffer[] = [];
  // Pieces that fill neither the buffer that is read into nor the one that is written from.
  while (!client.writableNeedDrain) {
    const piece = Buffer.alloc(20_000, sent.length % 251);
    sent.push(piece);
    client.write(piece);
    await new Promise(setImmediate);
  }
  full.resolve();
  client.end();
  assert.ok(Buffer.concat(sent).equals(await received.promise));
});

test('destroying cuts both sides and says so', async (t) => {
  const bed = new TestBed(t);
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const gateway = await StreamGateway.open(bed, { ports: [await bed.server(resolve)] });
  const client = await gateway.connect();
  const upstream = await accepted;
  upstream.write('hello');
  await once(client, 'data');
  gateway.sessions[0]?.drain();
  client.write('goes on');
  await once(upstream, 'data');
  gateway.sessions[0]?.destroy();
  assert.deepEqual(await Promise.all([ending(client), ending(upstream)]), ['reset', 'reset']);
  assert.equal((await gateway.finished()).failure, 'drain_expired');
});

test('a client that leaves while an endpoint is connected ends the session', async (t) => {
  const bed = new TestBed(t);
  const silent = new Socket();
  const gateway = await StreamGateway.open(bed, {
    endpoints: (of) => inTurn([of.faulty(() => silent)]),
  });
  const client = await gateway.connect();
  await gateway.until('the session begins', () => gateway.sessions[0]);
  client.resetAndDestroy();
  assert.equal((await gateway.finished()).failure, 'downstream_closed');
  assert.ok(silent.destroyed);
});

test('whatever throws ends one session, and is told', async (t) => {
  const bed = new TestBed(t);
  const echo = await bed.server((socket) => socket.pipe(socket));
  const boom = (): never => {
    throw new Error('boom');
  };
  const faults: readonly NonNullable<StreamSetup['endpoints']>[] = [
    () => ({ select: boom }),
    (of) => inTurn([of.faulty(boom)]),
    (of) => inTurn([of.faulty(() => new Socket().destroy(), boom)]),
  ];
  for (const endpoints of faults) {
    const gateway = await StreamGateway.open(bed, { endpoints });
    assert.equal(await ending(await gateway.connect()), 'reset');
    assert.equal((await gateway.finished()).failure, 'internal');
    assert.equal(gateway.defects.length, 1);
  }
  const gateway = await StreamGateway.open(bed, { ports: [echo], onSessionDone: boom });
  const client = await gateway.connect();
  client.end();
  await readAll(client);
  await gateway.finished();
  assert.equal(gateway.defects.length, 1);
});
