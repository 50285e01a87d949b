// Listening sockets: bound or reported, both families, bounded, and taken down without harm to who is on them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import { ADDRESS, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';

async function ask(client: WireClient): Promise<number> {
  const count = client.responses().length + 1;
  return statusOf((await client.send(request('GET /')).untilResponses(count)).at(-1) ?? assert.fail());
}

describe('binding', () => {
  test('a port that is taken is reported, all else is served, and the next apply tries again', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const occupier = createServer().listen(0, ADDRESS);
    await once(occupier, 'listening');
    const { port } = occupier.address() as AddressInfo;
    const other = listener({
      key: 'listener/taken',
      bindPort: port,
      virtualHosts: [virtualHost({ name: 'test/gateway/taken' })],
    });
    const routes = [
      route('r', [{ backends: ['a'] }]),
      route('s', [{ backends: ['a'] }], { virtualHost: 'test/gateway/taken' }),
    ];
    const resources = [listener(), other, cluster('a', [upstream.port]), ...routes];

    const gateway = await bed.engine([]);
    for (let i = 0; i < 2; i++) {
      const { failures } = await gateway.tryApply(...resources);
      assert.deepEqual(failures, [{ key: 'listener/taken', port, code: 'EADDRINUSE' }]);
      assert.equal(await ask(await bed.client(gateway)), 200);
    }
    assert.deepEqual(
      gateway.engine.addresses().map(({ key }) => key),
      ['listener/a'],
    );

    await new Promise((resolve) => occupier.close(resolve));
    await gateway.apply(...resources);
    assert.equal(await ask(await bed.client({ address: ADDRESS, port })), 200);
  });

  test('what could not be bound leaves no metrics behind', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.engine([]);
    const address = '192.0.2.1:8080';
    await gateway.tryApply(listener({ bindAddress: '192.0.2.1', bindPort: 8080 }));
    await gateway.apply();
    assert.ok(!gateway.metrics.registry.expose().includes(address));
  });

  test('an address that is not of this machine is reported', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.engine([]);
    const { failures } = await gateway.tryApply(listener({ bindAddress: '192.0.2.1' }));
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['EADDRNOTAVAIL'],
    );
  });

  test('two of the same address and port: one is bound, the other reported', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.engine([listener()]);
    const { port } = gateway.address();
    const twin = listener({ key: 'listener/twin', bindPort: port, virtualHosts: [virtualHost({ name: 'test/b' })] });
    const { failures } = await gateway.tryApply(listener(), twin);
    assert.deepEqual(
      failures.map(({ key, code }) => [key, code]),
      [['listener/twin', 'EADDRINUSE']],
    );
  });

  for (const [bindAddress, reachable, forwardedFor] of [
    ['::', ['127.0.0.1', '::1'], ['127.0.0.1', '::1']],
    ['::1', ['::1'], ['::1']],
    ['127.0.0.2', ['127.0.0.2'], ['127.0.0.1']],
  ] as const) {
    test(`${bindAddress} serves ${reachable.join(' and ')}`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const gateway = await bed.engine([
        listener({ bindAddress }),
        cluster('a', [upstream.port]),
        route('r', [{ backends: ['a'] }]),
      ]);
      for (const address of reachable) {
        const client = await bed.client({ address, port: gateway.address().port });
        assert.equal(await ask(client), 200);
      }
      const seen = upstream.takeRequests().map((request) => valueOf(request, 'x-forwarded-for'));
      // From 127.0.0.1 to 127.0.0.2 the kernel's choice of a source differs by system.
      if (bindAddress !== '127.0.0.2') assert.deepEqual(seen, forwardedFor, 'IPv4 as IPv4');
    });
  }
});

describe('connections of one listener', () => {
  test('R05 beyond the cap the oldest idle one makes room, also when many come at once', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port, {}, { limits: { maxConnections: 8 } });
    const early: WireClient[] = [];
    for (let i = 0; i < 8; i++) {
      early.push(await bed.client(gateway));
      assert.equal(await ask(early[i] as WireClient), 200);
    }
    const late = await Promise.all(Array.from({ length: 40 }, () => bed.client(gateway)));
    const all = [...early, ...late];
    await Promise.all(all.slice(0, 40).map((client) => client.untilClosed()));
    for (const client of late.slice(32)) assert.equal(await ask(client), 200);
    const labels = { address: '127.0.0.1:0' };
    assert.equal(gateway.metrics.activeConnections.cell(labels).value, 8);
    assert.equal(gateway.metrics.connectionOverflows.cell(labels).value, 0, 'nobody was refused');
  });

  test('R05 many old busy connections hide no idle ones', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({});
    const resources = [cluster('a', [upstream.port], { maxConnections: 200 }), route('r', [{ backends: ['a'] }])];
    const gateway = await bed.engine([listener(), ...resources], { limits: { maxConnections: 200 } });
    const busy = await Promise.all(Array.from({ length: 150 }, () => bed.client(gateway)));
    for (const client of busy) client.send(request('GET /'));
    await upstream.until('150 requests', () => upstream.connections.size === 150 || undefined);
    upstream.useDefaultScript();
    for (let i = 0; i < 50; i++) assert.equal(await ask(await bed.client(gateway)), 200);
    // One may meet none but busy ones; whoever comes next goes on behind them.
    const refused = await bed.client(gateway);
    await refused.untilClosed();
    for (let i = 0; i < 40; i++) assert.equal(await ask(await bed.client(gateway)), 200);
  });

  test('where all are busy the newcomer is refused, and nobody else', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({});
    const gateway = await bed.gateway(upstream.port, {}, { limits: { maxConnections: 3 } });
    const busy = await Promise.all(Array.from({ length: 3 }, () => bed.client(gateway)));
    for (const client of busy) client.send(request('GET /'));
    await upstream.until('three requests', () => upstream.connections.size === 3 || undefined);
    const newcomer = await bed.client(gateway);
    newcomer.send(request('GET /'));
    await newcomer.untilClosed();
    assert.equal(newcomer.received.length, 0);
    assert.equal(gateway.metrics.connectionOverflows.cell({ address: '127.0.0.1:0' }).value, 1);
    for (const connection of upstream.connections) connection.write(okResponse(1));
    for (const client of busy) assert.deepEqual((await client.untilResponses(1)).map(statusOf), [200]);
  });
});

describe('a listener that is removed', () => {
  test('accepts nothing more, closes idle connections, and busy ones after their answer', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port);
    const address = gateway.address();
    const idle = await bed.client(gateway);
    assert.equal(await ask(idle), 200);
    upstream.script = {};
    const busy = await bed.client(gateway);
    busy.send(request('GET /') + request('GET /pipelined'));
    await upstream.until(
      'a request',
      () => [...upstream.connections].some(({ requestCount }) => requestCount === 2) || undefined,
    );

    await gateway.apply();
    await idle.untilClosed();
    await assert.rejects(bed.client(address));
    assert.equal(busy.end, 'open');
    for (const connection of upstream.connections) connection.write(okResponse(1));
    await busy.untilClosed();
    const [response = assert.fail(), ...more] = busy.responses();
    assert.deepEqual([statusOf(response), valueOf(response, 'connection')], [200, 'close']);
    assert.deepEqual(more, []);
  });

  test('an answer that had begun ends its connection all the same', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({
      onRequest: (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'),
    });
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    await client.send(request('GET /')).untilText('hello');
    await gateway.apply();
    for (const connection of upstream.connections) connection.write('world');
    await client.untilClosed();
    assert.equal(client.end, 'closed');
    assert.equal(client.responses()[0]?.body.toString(), 'helloworld');
  });

  test('what is left after its time is cut', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({});
    const gateway = await bed.gateway(upstream.port, {}, { timeouts: { listenerDrainMs: 100 } });
    const client = await bed.client(gateway);
    client.send(request('GET /'));
    await upstream.until('the request', () => upstream.untakenBytes > 0 || undefined);
    await gateway.apply();
    await client.untilClosed();
    assert.equal(client.received.length, 0);
  });

  test('its address can be bound again at once, while its connections finish', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({});
    const gateway = await bed.gateway(upstream.port);
    const { port } = gateway.address();
    const busy = await bed.client(gateway);
    busy.send(request('GET /'));
    await upstream.until('the request', () => upstream.untakenBytes > 0 || undefined);
    await gateway.apply();
    const [held = assert.fail()] = upstream.connections;
    upstream.useDefaultScript();
    await gateway.apply(listener({ bindPort: port }), cluster('a', [upstream.port]), route('r', [{ backends: ['a'] }]));
    assert.equal(await ask(await bed.client({ address: ADDRESS, port })), 200);
    held.write(okResponse(1));
    await busy.untilClosed();
    assert.deepEqual(busy.responses().map(statusOf), [200]);
  });

  test('closing the engine cuts what still drains', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({});
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    client.send(request('GET /'));
    await upstream.until('the request', () => upstream.untakenBytes > 0 || undefined);
    await gateway.apply();
    await gateway.engine.close();
    await client.untilClosed();
  });
});
