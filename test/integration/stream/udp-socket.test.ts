import assert from 'node:assert/strict';
import { Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { MAX_QUEUED_BYTES } from '../../../src/dataplane/forward/udp-session.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { UDP_IDLE_MS, UdpGateway, UdpPeer } from './udp-gateway.ts';

/** UDP over IPv4 can't carry more. */
const MAX_DATAGRAM_BYTES = 65_507;

const HAS_IPV6 = Object.values(networkInterfaces()).some((entries) =>
  entries?.some(({ address }) => address === '::1'),
);

test('datagrams of each client come back to it alone', async (t) => {
  const bed = new TestBed(t);
  const echo = await UdpPeer.echo(bed);
  const gateway = await UdpGateway.open(bed, [echo.port]);
  const clients = await Promise.all(Array.from({ length: 5 }, () => UdpPeer.open(bed)));
  for (const round of ['a', 'b']) {
    for (const [i, client] of clients.entries()) client.send(`${round}${i}`, gateway);
    for (const [i, client] of clients.entries()) assert.equal(await client.nextText(), `${round}${i}`);
  }
  assert.equal(gateway.socket.sessionCount, 5);
  assert.equal(new Set(echo.received.map(({ from }) => from.port)).size, 5, 'each client has one port of its own');
  assert.equal(gateway.cells.activeSessions.value, 5);
});

test('an empty datagram and the largest pass unchanged', async (t) => {
  const bed = new TestBed(t);
  const gateway = await UdpGateway.open(bed, [(await UdpPeer.echo(bed)).port]);
  const client = await UdpPeer.open(bed);
  for (const size of [0, 1, 1_472, 9_000, MAX_DATAGRAM_BYTES]) {
    const data = Buffer.alloc(size, size);
    client.send(data, gateway);
    assert.deepEqual((await client.next()).data, data);
  }
});

test('both families, also one in front of the other', { skip: !HAS_IPV6 && 'no IPv6' }, async (t) => {
  const bed = new TestBed(t);
  const four = await UdpPeer.echo(bed, '4:');
  const six = await UdpPeer.echo(bed, '6:', '::1');
  for (const bindAddress of ['127.0.0.1', '::1']) {
    const gateway = await UdpGateway.open(bed, [], { bindAddress });
    for (const [name, address, { port }] of [
      ['4:', '127.0.0.1', four],
      ['6:', '::1', six],
    ] as const) {
      gateway.route([gateway.endpoint(address, port)]);
      const client = await UdpPeer.open(bed, bindAddress);
      client.send('x', { port: gateway.socket.port, address: bindAddress });
      assert.equal(await client.nextText(), `${name}x`);
    }
  }
});

for (const bindAddress of HAS_IPV6 ? ['0.0.0.0', '::'] : ['0.0.0.0']) {
  test(`bound to ${bindAddress}, it answers from the address that was asked`, async (t) => {
    const bed = new TestBed(t);
    const gateway = await UdpGateway.open(bed, [(await UdpPeer.echo(bed)).port], { bindAddress });
    const addresses = bindAddress === '::' ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
    for (const address of addresses) {
      const client = await UdpPeer.open(bed, address);
      client.send('who', { port: gateway.socket.port, address });
      const { from } = await client.next();
      assert.deepEqual([from.address, from.port], [address, gateway.socket.port]);
    }
    // What is not asked for stays free.
    if (bindAddress === '0.0.0.0' && HAS_IPV6) await UdpPeer.open(bed, '::1', gateway.socket.port);
  });
}

test('a port that is taken is an error with its code, and leaves nothing bound', async (t) => {
  const bed = new TestBed(t);
  const taken = await UdpPeer.open(bed);
  const gateway = await UdpGateway.open(bed, []);
  const { UdpSocket } = await import('../../../src/dataplane/listener/udp-socket.ts');
  const { TimerWheel } = await import('../../../src/lib/timeout-queue.ts');
  const socket = new UdpSocket(gateway.socket.current.snapshot, gateway.socket.current.listener, {
    bindAddress: '0.0.0.0',
    bindPort: taken.port,
    metrics: gateway.metrics,
    wheel: new TimerWheel(() => {}),
    maxSessions: 1,
    idleMs: 1,
    routing: () => undefined,
    onSessionDone: () => {},
    onDefect: () => {},
  });
  await assert.rejects(socket.listen(), { code: 'EADDRINUSE' });
  socket.destroy();
});

test('a session that is silent both ways ends; the next datagram starts another', async (t) => {
  const bed = new TestBed(t);
  const echo = await UdpPeer.echo(bed);
  const gateway = await UdpGateway.open(bed, [echo.port]);
  const client = await UdpPeer.open(bed);
  for (let i = 0; i < 3; i++) {
    client.send('x', gateway);
    await client.next();
    gateway.pass(UDP_IDLE_MS - 1_000);
  }
  assert.equal(gateway.finished.length, 0);
  gateway.pass(2_000);
  const [session] = gateway.finished;
  assert.deepEqual([session?.failure, session?.bytesReceived, session?.bytesSent], [undefined, 3, 3]);
  client.send('again', gateway);
  assert.equal(await client.nextText(), 'again');
  assert.equal(new Set(echo.received.map(({ from }) => from.port)).size, 2);
});

test('what the client says alone keeps a session', async (t) => {
  const bed = new TestBed(t);
  const server = await UdpPeer.open(bed);
  const gateway = await UdpGateway.open(bed, [server.port]);
  const client = await UdpPeer.open(bed);
  for (let i = 0; i < 3; i++) {
    client.send(`event ${i}`, gateway);
    assert.equal(await server.nextText(), `event ${i}`);
    gateway.pass(UDP_IDLE_MS - 1_000);
  }
  assert.equal(gateway.finished.length, 0);
});

test('replies alone keep a session', async (t) => {
  const bed = new TestBed(t);
  const server = await UdpPeer.open(bed);
  const gateway = await UdpGateway.open(bed, [server.port]);
  const client = await UdpPeer.open(bed);
  client.send('subscribe', gateway);
  const { from } = await server.next();
  for (let i = 0; i < 3; i++) {
    gateway.pass(UDP_IDLE_MS - 1_000);
    server.send(`event ${i}`, from);
    assert.equal(await client.nextText(), `event ${i}`);
  }
  assert.equal(gateway.finished.length, 0);
});

test('R09 10 000 sessions, then the one that was silent the longest makes room', async (t) => {
  const bed = new TestBed(t);
  const maxSessions = process.env['SLUICE_TEST_DEPTH'] === 'quick' ? 500 : 10_000;
  const echo = await UdpPeer.echo(bed);
  const gateway = await UdpGateway.open(bed, [echo.port], { maxSessions });
  const first = await UdpPeer.open(bed);
  const second = await UdpPeer.open(bed);
  for (const client of [first, second]) await client.send('hello', gateway).next();
  for (let i = 2; i < maxSessions; i++) {
    // The kernel would give a port that was closed to the next.
    const client = await UdpPeer.open(bed, `127.1.${i >> 8}.${i & 255}`);
    await client.send('hello', gateway).next();
    client.close();
  }
  assert.equal(gateway.socket.sessionCount, maxSessions);
  assert.equal(gateway.finished.length, 0);
  // It is the second that was silent the longest now.
  await first.send('still here', gateway).next();
  await (await UdpPeer.open(bed)).send('one more', gateway).next();
  assert.equal(gateway.socket.sessionCount, maxSessions);
  assert.deepEqual(
    gateway.finished.map(({ client, failure }) => [client.key.split(' ')[1], failure]),
    [[String(second.port), 'upstream_overflow']],
  );
  assert.equal(gateway.metrics.connectionOverflows.cell({ address: '127.0.0.1:0/udp' }).value, 1);
  await first.send('and still', gateway).next();
  await second.send('back again', gateway).next();
});

test('an endpoint where nobody listens ends the session; the next datagram tries the next endpoint', async (t) => {
  const bed = new TestBed(t);
  const echo = await UdpPeer.echo(bed);
  const dead = await UdpPeer.open(bed);
  const deadPort = dead.port;
  dead.close();
  const gateway = await UdpGateway.open(bed, [deadPort, echo.port]);
  const client = await UdpPeer.open(bed);
  client.send('lost', gateway);
  await gateway.untilFinished(1);
  assert.equal(gateway.finished[0]?.failure, 'upstream_connect_failed');
  assert.equal(gateway.connectFailures.length, 1);
  client.send('found', gateway);
  assert.equal(await client.nextText(), 'found');
});

for (const reason of ['route_not_found', 'no_backend', 'no_healthy_upstream'] as const) {
  test(`datagrams that have nowhere to go are dropped and counted: ${reason}`, async (t) => {
    const bed = new TestBed(t);
    const gateway = await UdpGateway.open(bed, reason === 'no_healthy_upstream' ? [] : reason);
    const client = await UdpPeer.open(bed);
    client.send('x', gateway).send('y', gateway);
    await gateway.untilDropped(reason, 2);
    assert.equal(gateway.socket.sessionCount, 0);
    gateway.route([(await UdpPeer.echo(bed)).port]);
    client.send('now', gateway);
    assert.equal(await client.nextText(), 'now');
  });
}

test('a session keeps its endpoint while that is configured; new clients follow the new configuration', async (t) => {
  const bed = new TestBed(t);
  const a = await UdpPeer.echo(bed, 'a:');
  const b = await UdpPeer.echo(bed, 'b:');
  const gateway = await UdpGateway.open(bed, [a.port]);
  const old = await UdpPeer.open(bed);
  await old.send('1', gateway).next();
  gateway.route([b.port, a.port]);
  const young = await UdpPeer.open(bed);
  assert.equal(await young.send('2', gateway).nextText(), 'b:2');
  assert.equal(await old.send('3', gateway).nextText(), 'a:3');
  gateway.route([b.port]);
  assert.equal(await old.send('4', gateway).nextText(), 'b:4');
  assert.equal(await young.send('5', gateway).nextText(), 'b:5');
  assert.deepEqual(
    gateway.finished.map(({ endpoint, failure }) => [endpoint, failure]),
    [[`127.0.0.1:${a.port}`, undefined]],
  );
});

test('draining: sessions go on, nobody new is taken, silence ends it', async (t) => {
  const bed = new TestBed(t);
  const gateway = await UdpGateway.open(bed, [(await UdpPeer.echo(bed)).port]);
  const client = await UdpPeer.open(bed);
  await client.send('before', gateway).next();
  let isDrained = false;
  const drained = gateway.socket.drain().then(() => (isDrained = true));
  assert.equal(await client.send('during', gateway).nextText(), 'during');
  const late = await UdpPeer.open(bed);
  late.send('too late', gateway);
  await client.send('after it', gateway).next();
  assert.equal(gateway.cells.droppedDatagrams.value('draining'), 1);
  assert.equal(isDrained, false);
  gateway.pass(6_000);
  await drained;
  assert.equal(gateway.finished[0]?.failure, undefined);
  assert.equal(gateway.cells.activeSessions.value, 0);
});

test('destroying ends all sessions and says so', async (t) => {
  const bed = new TestBed(t);
  const gateway = await UdpGateway.open(bed, [(await UdpPeer.echo(bed)).port]);
  const client = await UdpPeer.open(bed);
  await client.send('x', gateway).next();
  gateway.socket.destroy();
  gateway.socket.destroy();
  assert.deepEqual(
    gateway.finished.map(({ failure }) => failure),
    ['drain_expired'],
  );
});

test('no datagram and no fault of a part ends more than its session', async (t) => {
  const bed = new TestBed(t);
  const boom = (): never => {
    throw new Error('boom');
  };
  const echo = await UdpPeer.echo(bed);
  const gateway = await UdpGateway.open(bed, [echo.port], { onSessionDone: boom });
  const client = await UdpPeer.open(bed);
  const sound = gateway.endpoint('127.0.0.1', echo.port);
  // No such address; port 0; an endpoint of which nothing is sound; a routing that throws.
  const faulty = [
    gateway.endpoint('not an address', 1),
    gateway.endpoint('127.0.0.1', 0),
    { ...gateway.endpoint('127.0.0.1', 1), onConnectFailed: boom },
  ];
  for (const [index, endpoint] of faulty.entries()) {
    gateway.route([endpoint]);
    client.send('x', gateway);
    await gateway.untilFinished(index + 1);
  }
  gateway.route([
    {
      ...sound,
      get port(): number {
        return boom();
      },
    },
  ]);
  client.send('x', gateway);
  await gateway.untilFinished(faulty.length + 1);
  gateway.route([sound]);
  assert.equal(await client.send('fine', gateway).nextText(), 'fine');
  assert.ok(gateway.defects.length > faulty.length);
  assert.equal(gateway.socket.sessionCount, 1);
});

test('what waits for the network is bounded; beyond it datagrams are dropped and counted', async (t) => {
  const bed = new TestBed(t);
  const server = await UdpPeer.open(bed);
  const gateway = await UdpGateway.open(bed, [server.port]);
  const client = await UdpPeer.open(bed);
  client.send('before', gateway);
  const { from } = await server.next();
  // Loopback takes everything at once: only a mock has a queue.
  const queue = t.mock.method(Socket.prototype, 'getSendQueueSize', () => MAX_QUEUED_BYTES + 1);
  client.send('lost', gateway);
  await gateway.untilDropped('queue_full', 1);
  server.send('lost', from);
  await gateway.untilDropped('queue_full', 2);
  queue.mock.restore();
  client.send('after', gateway);
  assert.equal(await server.nextText(), 'after');
  server.send('this too', from);
  assert.equal(await client.nextText(), 'this too');
});

for (const [near, far] of HAS_IPV6
  ? ([
      ['127.0.0.1', '::1'],
      ['::1', '127.0.0.1'],
    ] as const)
  : []) {
  test(`a datagram that is too large for the other family is dropped alone: ${near}, ${far}`, async (t) => {
    const bed = new TestBed(t);
    const large = Buffer.alloc(MAX_DATAGRAM_BYTES + 20);
    const server = await UdpPeer.open(bed, far);
    const gateway = await UdpGateway.open(bed, [], { bindAddress: near });
    gateway.route([gateway.endpoint(far, server.port)]);
    const client = await UdpPeer.open(bed, near);
    const to = { port: gateway.socket.port, address: near };
    client.send('hello', to);
    const { from } = await server.next();
    const receiver = far === '::1' ? client : server;
    if (receiver === client) server.send(large, from).send('small', from);
    else client.send(large, to).send('small', to);
    assert.equal(await receiver.nextText(), 'small');
    await gateway.untilDropped('send_failed', 1);
    assert.equal(gateway.socket.sessionCount, 1);
  });
}
