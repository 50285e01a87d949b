// Upgrades: from the 101 on raw bytes both ways, each direction with an end of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Conditions } from '../../harness/deadline.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import type { RecordedConnection, Recorder } from '../../harness/recorder.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import type { EngineSetup, RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';
import { echoWebSocket } from './websocket-server.ts';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n';
const UPGRADE = request('GET /tunnel', ['Connection: upgrade', 'Upgrade: test']);

interface Tunnel {
  readonly gateway: RunningEngine;
  readonly upstream: Recorder;
  /** The upstream's end. */
  readonly far: RecordedConnection;
  readonly client: WireClient;
}

async function openTunnel(bed: TestBed, setup: EngineSetup = {}): Promise<Tunnel> {
  const upstream = await bed.upstream({ onRequest: (connection) => connection.write(SWITCH) });
  const gateway = await bed.gateway(upstream.port, {}, setup);
  const client = await bed.client(gateway);
  await client.send(UPGRADE).untilText('101');
  const [far] = upstream.connections;
  return { gateway, upstream, client, far: far ?? assert.fail() };
}

async function untilGot({ upstream, far }: Tunnel, text: string): Promise<void> {
  await upstream.until(text, () => far.bytes.includes(text, 0, 'latin1') || undefined);
}

/** The gateway has ended its side, or cut the connection. */
async function untilFarEnd({ upstream, far }: Tunnel): Promise<void> {
  await upstream.until('the end of the tunnel', () => far.end !== 'open' || undefined, 2_000);
}

/** The connection is gone whole, not only the other side's half of it. */
async function untilGone({ socket }: WireClient): Promise<void> {
  const conditions = new Conditions();
  socket.once('close', () => conditions.changed());
  await conditions.until('the client is cut', () => socket.closed || undefined);
}

describe('WebSocket', { timeout: 30_000 }, () => {
  test("Node's client and a server exchange messages of all lengths, and close in order", async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.gateway(await bed.server(echoWebSocket));
    const messages = [0, 1, 125, 126, 65_535, 65_536, 1_000_000, ...Array.from({ length: 100 }, (_, i) => i)].map(
      (length) => Buffer.alloc(length, `${length}!`),
    );
    const { socket, echoes } = await chat(gateway, messages);
    for (const [index, message] of messages.entries()) assert.ok(message.equals(echoes[index] ?? assert.fail()));
    socket.close(4_000, 'enough');
    const [{ code, reason, wasClean }] = (await once(socket, 'close')) as [CloseEvent];
    assert.deepEqual([code, reason, wasClean], [4_000, 'enough', true]);
    const { status, flag, path } = await gateway.logged();
    assert.deepEqual([status, flag, path], [101, undefined, '/chat']);
  });

  test('fifty at once', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.gateway(await bed.server(echoWebSocket));
    const chats = Array.from({ length: 50 }, async (_, i) => {
      const { socket, echoes } = await chat(gateway, [Buffer.from(`hello ${i}`)]);
      socket.close();
      await once(socket, 'close');
      return echoes.join();
    });
    assert.deepEqual(
      await Promise.all(chats),
      Array.from({ length: 50 }, (_, i) => `hello ${i}`),
    );
  });
});

/** Sends all messages at once, and waits for as many. */
async function chat(
  gateway: RunningEngine,
  messages: readonly Buffer<ArrayBuffer>[],
): Promise<{ readonly socket: WebSocket; readonly echoes: readonly Buffer[] }> {
  const { address, port } = gateway.address();
  const socket = new WebSocket(`ws://${address}:${port}/chat`);
  socket.binaryType = 'arraybuffer';
  await once(socket, 'open');
  const echoes: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.addEventListener('message', ({ data }: { readonly data: ArrayBuffer }) => {
    echoes.push(Buffer.from(data));
    if (echoes.length === messages.length) resolve();
  });
  for (const message of messages) socket.send(message);
  await promise;
  return { socket, echoes };
}

describe('tunnel', () => {
  test('raw bytes pass both ways, whatever they look like', async (t) => {
    const tunnel = await openTunnel(new TestBed(t));
    tunnel.client.send(`${request('GET /not-a-request')}\x00\xff`);
    await untilGot(tunnel, '/not-a-request HTTP/1.1\r\nHost: example.com\r\n\r\n\x00\xff');
    tunnel.far.write('HTTP/1.1 500 not an answer\r\n\r\n\x00\xff');
    await tunnel.client.untilText('not an answer\r\n\r\n\x00\xff');
    assert.equal(tunnel.upstream.connections.size, 1);
  });

  test('bytes that the upstream sends with its 101 come first', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({ onRequest: (connection) => connection.write(`${SWITCH}early`) });
    const client = await bed.client(await bed.gateway(upstream.port));
    await client.send(UPGRADE).untilText('\r\n\r\nearly');
  });

  test('bytes that the client sends before the 101 are passed on with it', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({});
    const client = await bed.client(await bed.gateway(upstream.port));
    client.send(`${UPGRADE}early`);
    const far = await upstream.until('the request', () =>
      [...upstream.connections].find(({ requestCount }) => requestCount === 1),
    );
    assert.ok(!far.bytes.includes('early'), 'they are nobody’s business yet');
    far.write(SWITCH);
    await upstream.until('early bytes', () => far.bytes.includes('early') || undefined);
  });

  test('the client ends its side: the upstream sees it, and can go on', async (t) => {
    const tunnel = await openTunnel(new TestBed(t));
    tunnel.client.send('last words').finish();
    await untilGot(tunnel, 'last words');
    await untilFarEnd(tunnel);
    assert.equal(tunnel.far.end, 'closed');
    tunnel.far.write('an answer to them');
    await tunnel.client.untilText('an answer to them');
    tunnel.far.finish();
    await tunnel.client.untilClosed();
    assert.equal(tunnel.client.end, 'closed');
    assert.deepEqual(await tunnel.gateway.logged().then(({ status, flag }) => [status, flag]), [101, undefined]);
  });

  test('the upstream ends its side: the client sees it, and can go on', async (t) => {
    const tunnel = await openTunnel(new TestBed(t));
    tunnel.far.write('last words');
    tunnel.far.finish();
    await tunnel.client.untilClosed();
    assert.ok(tunnel.client.received.includes('last words'));
    assert.equal(tunnel.client.end, 'closed');
    tunnel.client.send('an answer to them');
    await untilGot(tunnel, 'an answer to them');
    assert.equal(tunnel.far.end, 'open');
    tunnel.client.finish();
    await untilFarEnd(tunnel);
    assert.equal(tunnel.far.end, 'closed');
    assert.equal((await tunnel.gateway.logged()).flag, undefined);
  });

  for (const [who, cut] of [
    ['client', ({ client }: Tunnel) => client.reset()],
    ['upstream', ({ far }: Tunnel) => far.reset()],
  ] as const) {
    test(`the ${who} resets: the other side is cut`, async (t) => {
      const tunnel = await openTunnel(new TestBed(t));
      cut(tunnel);
      await untilFarEnd(tunnel);
      await untilGone(tunnel.client);
      assert.equal((await tunnel.gateway.logged()).flag, who === 'client' ? 'DC' : 'UC');
    });
  }

  test('a megabyte each way at once', async (t) => {
    const tunnel = await openTunnel(new TestBed(t));
    const size = 1_000_000;
    tunnel.client.send(Buffer.alloc(size, 'c')).send('END');
    tunnel.far.write(Buffer.alloc(size, 'u'));
    tunnel.far.write('END');
    await tunnel.client.untilText('END');
    await untilGot(tunnel, 'END');
    assert.ok(tunnel.client.received.includes(Buffer.alloc(size, 'u')));
    assert.ok(tunnel.far.bytes.includes(Buffer.alloc(size, 'c')));
  });

  test('a connection that was a tunnel is never used again', async (t) => {
    const bed = new TestBed(t);
    const tunnel = await openTunnel(bed);
    tunnel.client.finish();
    await untilFarEnd(tunnel);
    tunnel.far.finish();
    await tunnel.client.untilClosed();
    tunnel.upstream.forget();
    tunnel.upstream.useDefaultScript();
    const client = await bed.client(tunnel.gateway);
    assert.deepEqual((await client.send(request('GET /')).untilResponses(1)).map(statusOf), [200]);
    assert.equal([...tunnel.upstream.connections].at(-1)?.requestCount, 1);
  });

  describe('an upgrade that is not granted', () => {
    for (const status of [200, 400, 403, 426]) {
      test(`is a plain answer: ${status}`, async (t) => {
        const bed = new TestBed(t);
        const upstream = await bed.upstream({
          onRequest: (connection) => connection.write(`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nno`),
        });
        const client = await bed.client(await bed.gateway(upstream.port));
        const [response] = await client.send(UPGRADE).untilResponses(1);
        assert.equal(statusOf(response ?? assert.fail()), status);
        assert.equal(response?.body.toString(), 'no');
        assert.equal(valueOf(response ?? assert.fail(), 'upgrade'), undefined);
        upstream.useDefaultScript();
        await client.send(request('GET /')).untilResponses(2);
        assert.equal(upstream.connections.size, 1, 'both connections go on');
      });
    }

    for (const [what, answer] of [
      ['another protocol', SWITCH.replace('test', 'other')],
      ['no protocol', SWITCH.replace('Upgrade: test\r\n', '')],
    ] as const) {
      test(`a 101 to ${what} is 502`, async (t) => {
        const bed = new TestBed(t);
        const upstream = await bed.upstream({ onRequest: (connection) => connection.write(answer) });
        const client = await bed.client(await bed.gateway(upstream.port));
        assert.deepEqual((await client.send(UPGRADE).untilResponses(1)).map(statusOf), [502]);
      });
    }
  });

  test('of several protocols the client is told the one that the upstream chose', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({ onRequest: (connection) => connection.write(SWITCH) });
    const client = await bed.client(await bed.gateway(upstream.port));
    await client.send(request('GET /', ['Connection: upgrade', 'Upgrade: other, test'])).untilText('upgrade: test\r\n');
  });

  describe('timeouts', () => {
    const TUNNEL_IDLE_MS = 150;
    const timeouts = { tunnelIdleMs: TUNNEL_IDLE_MS };

    test('R12 one that is idle for too long is cut on both sides', async (t) => {
      const startMs = performance.now();
      const tunnel = await openTunnel(new TestBed(t), { timeouts });
      await untilFarEnd(tunnel);
      assert.ok(performance.now() - startMs >= TUNNEL_IDLE_MS - 10);
      await untilGone(tunnel.client);
      assert.equal((await tunnel.gateway.logged()).flag, 'SI');
    });

    for (const [who, finish] of [
      ['client', ({ client }: Tunnel) => client.finish()],
      ['upstream', ({ far }: Tunnel) => far.finish()],
    ] as const) {
      test(`also when the ${who} has ended its side`, async (t) => {
        const tunnel = await openTunnel(new TestBed(t), { timeouts });
        finish(tunnel);
        assert.equal((await tunnel.gateway.logged()).flag, 'SI');
        // That a connection which it ended before is cut is seen only by who writes to it.
        if (who === 'upstream') tunnel.client.send('x');
        await untilGone(tunnel.client);
      });
    }

    for (const who of ['client', 'upstream'] as const) {
      test(`bytes of the ${who} keep it open, past all timeouts of requests`, async (t) => {
        const bed = new TestBed(t);
        const upstream = await bed.upstream({ onRequest: (connection) => connection.write(SWITCH) });
        const gateway = await bed.gateway(
          upstream.port,
          { requestTimeoutMs: 100, backendRequestTimeoutMs: 100 },
          { timeouts: { ...timeouts, streamIdleMs: 60, bodyIdleMs: 60, headMs: 60, keepAliveIdleMs: 60 } },
        );
        const client = await bed.client(gateway);
        await client.send(UPGRADE).untilText('101');
        const [far] = upstream.connections;
        for (let i = 0; i < 8; i++) {
          await delay(TUNNEL_IDLE_MS / 2);
          if (who === 'client') client.send('x');
          else far?.write('x');
        }
        assert.equal(client.end, 'open');
        assert.equal(far?.end, 'open');
      });
    }
  });

  test('R12 a drain waits for it as long as the grace time, then cuts it', async (t) => {
    const tunnel = await openTunnel(new TestBed(t));
    const startMs = performance.now();
    const drained = tunnel.gateway.engine.drain(250);
    tunnel.client.send('still there');
    await untilGot(tunnel, 'still there');
    tunnel.far.write('so am I');
    await tunnel.client.untilText('so am I');
    await drained;
    assert.ok(performance.now() - startMs >= 240);
    await untilFarEnd(tunnel);
    await tunnel.client.untilClosed();
  });

  test('R12 a drain ends with it', async (t) => {
    const tunnel = await openTunnel(new TestBed(t));
    const drained = tunnel.gateway.engine.drain(10_000);
    tunnel.client.send('good bye').finish();
    await untilGot(tunnel, 'good bye');
    tunnel.far.finish();
    await drained;
  });

  test('R12 it is counted, and is not closed to make room for others', async (t) => {
    const bed = new TestBed(t);
    const tunnel = await openTunnel(bed, { limits: { maxConnections: 1 } });
    const { metrics } = tunnel.gateway;
    const active = metrics.activeRequests.cell({ listener: 'test/gateway/http', route: 'test/r' });
    assert.equal(active.value, 1);
    const refused = await bed.client(tunnel.gateway);
    await refused.untilClosed();
    assert.equal(metrics.connectionOverflows.cell({ address: '127.0.0.1:0' }).value, 1);
    tunnel.client.send('still there');
    await untilGot(tunnel, 'still there');
    tunnel.client.reset();
    await tunnel.gateway.logged();
    assert.equal(active.value, 0);
  });

  test('it survives that its route, cluster and listener are removed', async (t) => {
    const tunnel = await openTunnel(new TestBed(t));
    await tunnel.gateway.apply();
    tunnel.client.send('still there');
    await untilGot(tunnel, 'still there');
    tunnel.far.write('so am I');
    await tunnel.client.untilText('so am I');
  });

  test('a mirror of the upgrade request gets nothing of the tunnel', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({ onRequest: (connection) => connection.write(SWITCH) });
    const mirror = await bed.upstream({});
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port]),
      cluster('m', [mirror.port]),
      route('r', [
        { backends: ['a'], filters: [{ kind: 'requestMirror', cluster: 'cluster/m', numerator: 1, denominator: 1 }] },
      ]),
    ]);
    const client = await bed.client(gateway);
    await client.send(UPGRADE).untilText('101');
    client.send(request('POST /smuggled', ['Content-Length: 5'], 'hello'));
    const [far] = upstream.connections;
    await upstream.until('the bytes', () => far?.bytes.includes('hello') || undefined);
    client.finish();
    await upstream.until('the end', () => far?.end !== 'open' || undefined);
    const seen = await mirror.until('the copy', () =>
      [...mirror.connections].find(({ requestCount }) => requestCount > 0),
    );
    assert.equal(seen.requestCount, 1);
    assert.ok(!seen.bytes.includes('smuggled'));
    assert.ok(!seen.bytes.includes('upgrade'), 'a mirror is not asked to switch');
  });
});
