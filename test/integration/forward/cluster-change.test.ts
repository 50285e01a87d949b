// What a change of the configuration leaves alone: connections to endpoints that stay, and requests on their way.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import type { RecordedConnection, Recorder } from '../../harness/recorder.ts';
import { certificate, cluster, listener, route } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';

async function ask(client: WireClient, text = request('GET /')): Promise<number> {
  const count = client.responses().length + 1;
  return statusOf((await client.send(text).untilResponses(count)).at(-1) ?? assert.fail());
}

async function untilClosed(upstream: Recorder, connection: RecordedConnection): Promise<void> {
  await upstream.until('the close', () => connection.end !== 'open' || undefined);
}

describe('an apply', () => {
  test('that changes only routes leaves the pools alone', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const common = [listener(), cluster('a', [upstream.port])];
    const gateway = await bed.engine([...common, route('r', [{ backends: ['a'] }])]);
    const client = await bed.client(gateway);
    for (let i = 0; i < 5; i++) {
      await gateway.apply(
        ...common,
        route('r', [{ path: i % 2 === 0 ? '/' : '/x', backends: ['a'] }]),
        route(`${i}`, []),
      );
      assert.equal(await ask(client, request('GET /x')), 200);
    }
    assert.equal(upstream.connections.size, 1);
    assert.equal(gateway.metrics.upstreamConnects.cell({ cluster: 'test/a' }).value, 1);
  });

  test('that adds an endpoint, or makes the same cluster anew, leaves the pools of the others alone', async (t) => {
    const bed = new TestBed(t);
    const [a, b] = [await bed.upstream(), await bed.upstream()];
    const common = [listener(), route('r', [{ backends: ['a'] }])];
    const gateway = await bed.engine([...common, cluster('a', [a.port])]);
    const client = await bed.client(gateway);
    assert.equal(await ask(client), 200);
    await gateway.apply(...common, cluster('a', [a.port]));
    assert.equal(await ask(client), 200);
    await gateway.apply(...common, cluster('a', [a.port, b.port]));
    for (let i = 0; i < 4; i++) assert.equal(await ask(client), 200);
    assert.deepEqual([a.connections.size, b.connections.size], [1, 1]);
  });

  test('that removes an endpoint closes its idle connections, and no others', async (t) => {
    const bed = new TestBed(t);
    const [a, b] = [await bed.upstream(), await bed.upstream()];
    const common = [listener(), route('r', [{ backends: ['a'] }])];
    const gateway = await bed.engine([...common, cluster('a', [a.port, b.port])]);
    const client = await bed.client(gateway);
    for (let i = 0; i < 2; i++) assert.equal(await ask(client), 200);
    const [[kept = assert.fail()], [removed = assert.fail()]] = [[...a.connections], [...b.connections]];
    await gateway.apply(...common, cluster('a', [a.port]));
    await untilClosed(b, removed);
    assert.equal(kept.end, 'open');
    for (let i = 0; i < 4; i++) assert.equal(await ask(client), 200);
    assert.deepEqual([a.connections.size, b.connections.size], [1, 1]);
    assert.equal(gateway.metrics.upstreamIdleConnections.cell({ cluster: 'test/a' }).value, 1);
  });

  test('that changes how connections are made makes new ones', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const common = [listener(), route('r', [{ backends: ['a'] }])];
    const gateway = await bed.engine([...common, cluster('a', [upstream.port])]);
    const client = await bed.client(gateway);
    assert.equal(await ask(client), 200);
    const [old = assert.fail()] = upstream.connections;
    await gateway.apply(...common, cluster('a', [upstream.port], { idleTimeoutMs: 1_234 }));
    await untilClosed(upstream, old);
    assert.equal(await ask(client), 200);
    assert.equal(upstream.connections.size, 2);
  });

  for (const [what, after] of [
    ['its endpoint', (port: number) => [listener(), cluster('a', [port]), route('r', [{ backends: ['a'] }])]],
    ['its cluster', (port: number) => [listener(), cluster('b', [port]), route('r', [{ backends: ['b'] }])]],
    ['its route', () => [listener()]],
    ['its listener', () => []],
  ] as const) {
    test(`a request on its way is completed when ${what} is removed`, async (t) => {
      const bed = new TestBed(t);
      let answer = (): void => assert.fail('no request yet');
      const upstream = await bed.upstream({
        onRequest: (connection) => {
          connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
          answer = () => connection.write('world');
        },
      });
      const other = await bed.upstream();
      const gateway = await bed.gateway(upstream.port);
      const client = await bed.client(gateway);
      await client.send(request('POST /', ['Content-Length: 5'], 'hello')).untilText('hello');
      await gateway.apply(...after(other.port));
      answer();
      const [response = assert.fail()] = await client.untilResponses(1);
      assert.deepEqual([statusOf(response), response.body.toString()], [200, 'helloworld']);
      assert.equal((await gateway.logged()).flag, undefined);
      const [connection = assert.fail()] = upstream.connections;
      // The connection of an endpoint that is gone goes with its last request.
      if (what !== 'its route') await untilClosed(upstream, connection);
    });
  }

  test('a request that has only begun to arrive is completed with the configuration that it started with', async (t) => {
    const bed = new TestBed(t);
    const [a, b] = [await bed.upstream(), await bed.upstream()];
    const resources = [listener(), cluster('a', [a.port]), cluster('b', [b.port])];
    const gateway = await bed.engine([...resources, route('r', [{ backends: ['a'] }])]);
    const client = await bed.client(gateway);
    client.send(request('POST /', ['Content-Length: 10'], 'hello'));
    await a.until('its beginning', () => a.untakenBytes > 0 || undefined);
    await gateway.apply(...resources, route('r', [{ backends: ['b'] }]));
    client.send('world');
    assert.deepEqual((await client.untilResponses(1)).map(statusOf), [200]);
    assert.equal(a.takeRequests()[0]?.body.toString(), 'helloworld');
    assert.equal(await ask(client), 200);
    assert.equal(b.takeRequests().length, 1);
  });

  test('that can not be compiled leaves everything as it is, and the next one works', async (t) => {
    const bed = new TestBed(t);
    const [a, b] = [await bed.upstream(), await bed.upstream()];
    const good = [listener(), cluster('a', [a.port]), route('r', [{ backends: ['a'] }])];
    const gateway = await bed.engine(good);
    const client = await bed.client(gateway);
    assert.equal(await ask(client), 200);
    const secure = listener({
      key: 'listener/b',
      protocol: 'TLS',
      virtualHosts: [
        { name: 'test/gateway/tls', hostname: '*', traffic: 'http', certificates: ['certificate/test/bad'] },
      ],
    });
    const bad = certificate('bad', { chain: 'no PEM', key: 'no PEM' });
    await assert.rejects(gateway.tryApply(secure, bad, cluster('a', [b.port])));
    for (let i = 0; i < 3; i++) assert.equal(await ask(client), 200);
    assert.equal(a.connections.size, 1, 'its pool lives on');
    await gateway.apply(...good.slice(0, 1), cluster('a', [b.port]), route('r', [{ backends: ['a'] }]));
    assert.equal(await ask(client), 200);
    assert.equal(b.connections.size, 1);
    const [old = assert.fail()] = a.connections;
    await untilClosed(a, old);
  });

  test('that is one of many at once takes its turn: the last one counts', async (t) => {
    const bed = new TestBed(t);
    const upstreams = await Promise.all(Array.from({ length: 5 }, () => bed.upstream()));
    const gateway = await bed.engine([listener()]);
    await Promise.all(
      upstreams.map(({ port }) => gateway.apply(listener(), cluster('a', [port]), route('r', [{ backends: ['a'] }]))),
    );
    assert.equal(await ask(await bed.client(gateway)), 200);
    assert.deepEqual(
      upstreams.map(({ connections }) => connections.size),
      [0, 0, 0, 0, 1],
    );
  });

  test('does not move connections of one upstream to another cluster with the same address', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({
      onRequest: (connection) => connection.write(okResponse(connection.requestCount)),
    });
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port]),
      cluster('b', [upstream.port]),
      route('r', [
        { path: '/a', backends: ['a'] },
        { path: '/b', backends: ['b'] },
      ]),
    ]);
    const client = await bed.client(gateway);
    for (const path of ['/a', '/b', '/a', '/b']) assert.equal(await ask(client, request(`GET ${path}`)), 200);
    assert.equal(upstream.connections.size, 2);
    assert.deepEqual(
      client.responses().map((response) => valueOf(response, 'x-upstream')),
      ['1', '1', '2', '2'],
    );
  });
});
