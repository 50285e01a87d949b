// Connections to endpoints: kept, reused, bounded, and never trusted for longer than they deserve.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, summaryOf, valueOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import type { RecordedConnection, Recorder, Script } from '../../harness/recorder.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';

/** Sends one request and returns the status of its answer. */
async function ask(client: WireClient, text = request('GET /')): Promise<number> {
  const before = client.responses().length;
  const responses = await client.send(text).untilResponses(before + 1);
  return statusOf(responses.at(-1) ?? assert.fail());
}

/** The connection that carried the latest request. */
class Latest implements Script {
  connection: RecordedConnection | undefined;
  onRequest(connection: RecordedConnection): void {
    this.connection = connection;
    connection.write(okResponse(connection.requestCount));
  }
}

/** Holds requests until the test answers them. */
class Held implements Script {
  readonly connections: RecordedConnection[] = [];
  onRequest(connection: RecordedConnection): void {
    this.connections.push(connection);
  }
}

function untilHeld(upstream: Recorder, held: Held, count: number): Promise<true> {
  return upstream.until(`${count} requests`, () => held.connections.length >= count || undefined);
}

describe('connection pool', () => {
  test('requests of several clients share a kept connection', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port);
    for (let i = 0; i < 5; i++) {
      const client = await bed.client(gateway);
      for (let j = 0; j < 3; j++) assert.equal(await ask(client), 200);
    }
    assert.equal(upstream.connections.size, 1);
    assert.equal(upstream.takeRequests().length, 15);
  });

  test('of several idle connections the one used last is used first', async (t) => {
    const bed = new TestBed(t);
    const held = new Held();
    const upstream = await bed.upstream(held);
    const gateway = await bed.gateway(upstream.port);
    const clients: WireClient[] = [];
    for (let i = 0; i < 3; i++) {
      clients.push((await bed.client(gateway)).send(request('GET /')));
      await untilHeld(upstream, held, i + 1);
    }
    for (const i of [1, 0, 2]) {
      held.connections[i]?.write(okResponse(1));
      await clients[i]?.untilResponses(1);
    }
    const [first, second, third] = held.connections;
    const latest = new Latest();
    upstream.script = latest;
    const client = await bed.client(gateway);
    for (let i = 0; i < 3; i++) {
      assert.equal(await ask(client), 200);
      assert.equal(latest.connection, third);
    }
    assert.deepEqual([first?.requestCount, second?.requestCount, third?.requestCount], [1, 1, 4]);
  });

  test('beyond maxConnections requests wait, beyond maxPendingRequests they are 503', async (t) => {
    const bed = new TestBed(t);
    const held = new Held();
    const upstream = await bed.upstream(held);
    const limits = { maxConnections: 2, maxPendingRequests: 2 };
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port], limits),
      route('r', [{ backends: ['a'] }]),
    ]);
    const clients = await Promise.all(Array.from({ length: 5 }, () => bed.client(gateway)));
    for (const client of clients) client.send(request('GET /'));
    // Two are at the upstream, two wait; one is told at once.
    const overflown = await Promise.race(
      clients.map(async (client) => {
        const [response] = await client.untilResponses(1);
        return { client, status: statusOf(response ?? assert.fail()) };
      }),
    );
    assert.equal(overflown.status, 503);
    assert.equal((await gateway.logged()).flag, 'UO');
    await untilHeld(upstream, held, 2);
    assert.equal(upstream.connections.size, 2);

    for (let i = 0; i < 4; i++) {
      await untilHeld(upstream, held, i + 1);
      held.connections[i]?.write(okResponse(i));
    }
    const others = clients.filter((client) => client !== overflown.client);
    for (const client of others) assert.deepEqual((await client.untilResponses(1)).map(statusOf), [200]);
    assert.equal(upstream.connections.size, 2);
    const { upstreamOverflows, upstreamPendingRequests, upstreamActiveConnections } = gateway.metrics;
    const labels = { cluster: 'test/a' };
    assert.deepEqual(
      [upstreamOverflows, upstreamPendingRequests, upstreamActiveConnections].map(
        (family) => family.cell(labels).value,
      ),
      [1, 0, 0],
    );
  });

  test('a request that waits goes with its client', async (t) => {
    const bed = new TestBed(t);
    const held = new Held();
    const upstream = await bed.upstream(held);
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port], { maxConnections: 1 }),
      route('r', [{ backends: ['a'] }]),
    ]);
    const first = await bed.client(gateway);
    first.send(request('GET /first'));
    await untilHeld(upstream, held, 1);
    const leaver = await bed.client(gateway);
    leaver.send(request('POST /given-up', ['Content-Length: 5'], 'hello'));
    leaver.finish();
    assert.deepEqual(await gateway.logged().then(({ path, flag }) => [path, flag]), ['/given-up', 'DC']);
    held.connections[0]?.write(okResponse(1));
    await first.untilResponses(1);
    upstream.useDefaultScript();
    assert.equal(await ask(first), 200);
    assert.deepEqual(upstream.takeRequests().map(summaryOf), ['GET /first', 'GET /']);
  });

  test('a connection that a waiting request gets after a failure is a new one', async (t) => {
    const bed = new TestBed(t);
    const held = new Held();
    const upstream = await bed.upstream(held);
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port], { maxConnections: 1 }),
      route('r', [{ backends: ['a'] }]),
    ]);
    const [first, second] = [await bed.client(gateway), await bed.client(gateway)];
    first.send(request('GET /1'));
    await untilHeld(upstream, held, 1);
    second.send(request('GET /2'));
    upstream.useDefaultScript();
    held.connections[0]?.reset();
    assert.deepEqual((await first.untilResponses(1)).map(statusOf), [503]);
    assert.deepEqual((await second.untilResponses(1)).map(statusOf), [200]);
  });

  test('a connection that is not used for idleTimeoutMs is closed', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port], { idleTimeoutMs: 150 }),
      route('r', [{ backends: ['a'] }]),
    ]);
    const client = await bed.client(gateway);
    const startMs = performance.now();
    assert.equal(await ask(client), 200);
    const [connection] = upstream.connections;
    await upstream.until('the close', () => connection?.end !== 'open' || undefined, 1_000);
    assert.ok(performance.now() - startMs >= 140, 'not before its time');
    assert.equal(gateway.metrics.upstreamIdleConnections.cell({ cluster: 'test/a' }).value, 0);
    assert.equal(await ask(client), 200);
  });

  test('a connection in use is not idle, however long it takes', async (t) => {
    const bed = new TestBed(t);
    const held = new Held();
    const upstream = await bed.upstream(held);
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port], { idleTimeoutMs: 40 }),
      route('r', [{ backends: ['a'] }]),
    ]);
    const client = await bed.client(gateway);
    client.send(request('GET /'));
    await untilHeld(upstream, held, 1);
    await delay(150);
    held.connections[0]?.write(okResponse(1));
    assert.deepEqual((await client.untilResponses(1)).map(statusOf), [200]);
  });

  test('F22 an idle connection that says something unasked is destroyed', async (t) => {
    const bed = new TestBed(t);
    const latest = new Latest();
    const upstream = await bed.upstream(latest);
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    assert.equal(await ask(client), 200);
    const poisoned = latest.connection ?? assert.fail();
    poisoned.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned');
    await upstream.until('its end', () => poisoned.end !== 'open' || undefined);
    assert.equal(await ask(client), 200);
    assert.notEqual(latest.connection, poisoned);
    assert.ok(!client.received.includes('poisoned'));
  });

  describe('a kept connection that the upstream closes in the moment of its reuse', () => {
    /** Answers the first request of each connection, and closes when a second one comes. */
    class ClosesOnReuse implements Script {
      onRequest(connection: RecordedConnection): void {
        if (connection.requestCount === 1) connection.write(okResponse(1));
        else connection.reset();
      }
    }

    for (const text of [
      request('GET /stale'),
      request('HEAD /stale'),
      request('OPTIONS /stale'),
      request('DELETE /stale'),
      request('PUT /stale', ['Content-Length: 5'], 'hello'),
      request('PUT /stale', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    ]) {
      test(`${text.split('\r\n', 1)[0]} is sent once more, on a fresh connection`, async (t) => {
        const bed = new TestBed(t);
        const upstream = await bed.upstream(new ClosesOnReuse());
        const gateway = await bed.gateway(upstream.port);
        const client = await bed.client(gateway);
        await client.send(request('GET /')).untilResponses(1);
        await gateway.logged();
        const method = text.split(' ', 1)[0] ?? '';
        const [, response] = await client.send(text).untilResponses(2, ['GET', method]);
        assert.equal(statusOf(response ?? assert.fail()), 200);
        const [first, second, ...more] = upstream.takeRequests().slice(1).map(summaryOf);
        assert.equal(first, second, 'the same request, whole');
        assert.deepEqual(more, []);
        assert.equal((await gateway.logged()).attempts, 2);
        assert.equal(gateway.metrics.upstreamRetries.cell({ cluster: 'test/a' }).value, 1);
      });
    }
    for (const text of [
      request('POST /stale'),
      request('POST /stale', ['Content-Length: 5'], 'hello'),
      request('PATCH /stale', ['Content-Length: 5'], 'hello'),
    ]) {
      test(`${text.split('\r\n', 1)[0]} is not: 503`, async (t) => {
        const bed = new TestBed(t);
        const upstream = await bed.upstream(new ClosesOnReuse());
        const gateway = await bed.gateway(upstream.port);
        const client = await bed.client(gateway);
        assert.equal(await ask(client), 200);
        assert.equal(await ask(client, text), 503);
        assert.equal(upstream.takeRequests().length, 2);
      });
    }
    test('a body too large to keep is not sent again: 503', async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const gateway = await bed.gateway(upstream.port);
      const client = await bed.client(gateway);
      assert.equal(await ask(client), 200);
      upstream.script = new ClosesOnReuse();
      const body = 'x'.repeat(200_000);
      assert.equal(await ask(client, request('PUT /large', [`Content-Length: ${body.length}`], body)), 503);
      assert.equal(upstream.takeRequests().length, 2);
    });
    test('the other idle connections are not trusted either', async (t) => {
      const bed = new TestBed(t);
      const held = new Held();
      const upstream = await bed.upstream(held);
      const gateway = await bed.gateway(upstream.port);
      const clients = await Promise.all([bed.client(gateway), bed.client(gateway), bed.client(gateway)]);
      for (const client of clients) client.send(request('GET /'));
      await untilHeld(upstream, held, 3);
      for (const connection of held.connections) connection.write(okResponse(1));
      for (const client of clients) await client.untilResponses(1);
      // A restart: whoever gets the next request takes all others with it.
      upstream.script = {
        onRequest: (connection) => {
          upstream.script = new Latest();
          connection.reset();
          for (const other of upstream.connections) other.reset();
        },
      };
      assert.equal(await ask(clients[0] ?? assert.fail()), 200);
    });
    test('the answer had begun: it is cut, and nothing is sent again', async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const gateway = await bed.gateway(upstream.port);
      const client = await bed.client(gateway);
      assert.equal(await ask(client), 200);
      upstream.script = {
        onRequest: (connection) => {
          connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
          connection.finish();
        },
      };
      client.send(request('GET /cut'));
      await client.untilClosed();
      assert.equal(client.end, 'reset');
      assert.equal(upstream.takeRequests().length, 2);
    });
  });

  test('a fresh connection that closes without an answer is no reason to try again', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({ onRequest: (connection) => connection.reset() });
    const gateway = await bed.gateway(upstream.port);
    assert.equal(await ask(await bed.client(gateway)), 503);
    assert.equal((await gateway.logged()).flag, 'UC');
    assert.equal(upstream.takeRequests().length, 1);
  });

  for (const [what, answer] of [
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['Keep-Alive: timeout=0', 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok'],
  ] as const) {
    test(`a connection is not used again after ${what}`, async (t) => {
      const bed = new TestBed(t);
      const used: RecordedConnection[] = [];
      const upstream = await bed.upstream({
        onRequest: (connection) => {
          used.push(connection);
          connection.write(answer);
        },
      });
      const gateway = await bed.gateway(upstream.port);
      const client = await bed.client(gateway);
      for (let i = 0; i < 3; i++) assert.equal(await ask(client), 200);
      assert.equal(new Set(used).size, 3);
    });
  }

  test('Keep-Alive: timeout=N is respected, with a margin of a second', async (t) => {
    const bed = new TestBed(t);
    const used: RecordedConnection[] = [];
    let seconds = 30;
    const upstream = await bed.upstream({
      onRequest: (connection) => {
        used.push(connection);
        connection.write(`HTTP/1.1 200 OK\r\nKeep-Alive: timeout=${seconds}\r\nContent-Length: 2\r\n\r\nok`);
      },
    });
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    assert.equal(await ask(client), 200);
    await delay(60);
    seconds = 1;
    assert.equal(await ask(client), 200);
    assert.equal(used[0], used[1], 'still good for almost 30 seconds');
    await delay(60);
    const [response] = (await client.send(request('GET /')).untilResponses(3)).slice(-1);
    assert.equal(valueOf(response ?? assert.fail(), 'keep-alive'), undefined, 'it is a matter of one hop');
    assert.notEqual(used[1], used[2], 'in its last second');
  });
});
