// Whoever goes away takes the other side along, at once; a cut answer is never taken for a whole one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import type { RecordedConnection, Recorder, Script } from '../../harness/recorder.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';

/** Generous for a busy machine, and far below every timeout of the engine. */
const AT_ONCE_MS = 1_000;

async function untilEnd(upstream: Recorder): Promise<void> {
  await upstream.until(
    'the end of the upstream connection',
    () => [...upstream.connections].every(({ end }) => end !== 'open') || undefined,
    AT_ONCE_MS,
  );
}

const LEAVE: Readonly<Record<string, (client: WireClient) => void>> = {
  'closes its side': (client) => client.finish(),
  closes: (client) => client.destroy(),
  resets: (client) => client.reset(),
};

const SITUATIONS: readonly {
  readonly when: string;
  readonly sent: string;
  readonly script: Script;
  /** The answer's status, or 499 where there is none. */
  readonly status: number;
}[] = [
  { when: 'while it waits for an answer', sent: request('GET /'), script: {}, status: 499 },
  {
    when: 'in the middle of its body',
    sent: request('POST /', ['Content-Length: 10'], 'abc'),
    script: {},
    status: 499,
  },
  {
    when: 'in the middle of a chunk',
    sent: request('POST /', ['Transfer-Encoding: chunked'], 'a\r\nabc'),
    script: {},
    status: 499,
  },
  {
    when: 'in the middle of the answer',
    sent: request('GET /'),
    script: { onHead: (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc') },
    status: 200,
  },
];

describe('a client that goes away', () => {
  for (const { when, sent, script, status } of SITUATIONS) {
    for (const [how, leave] of Object.entries(LEAVE)) {
      test(`${how} ${when}: the upstream's connection ends at once`, async (t) => {
        const bed = new TestBed(t);
        const upstream = await bed.upstream(script);
        const gateway = await bed.gateway(upstream.port);
        const client = await bed.client(gateway);
        client.send(sent);
        await upstream.until('the request', () => upstream.untakenBytes > 0 || undefined);
        if (status === 200) await client.untilText('abc');
        leave(client);
        await untilEnd(upstream);
        for (const { messages } of upstream.take()) {
          assert.equal(messages.length, sent.startsWith('POST') ? 0 : 1, 'an unfinished request stays unfinished');
        }
        const logged = await gateway.logged();
        assert.deepEqual([logged.status, logged.flag], [status, 'DC']);
        assert.equal(gateway.metrics.upstreamActiveConnections.cell({ cluster: 'test/a' }).value, 0);
      });
    }
  }

  test('between requests costs nothing: the upstream’s connection is kept', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port);
    for (const leave of Object.values(LEAVE)) {
      const client = await bed.client(gateway);
      await client.send(request('GET /')).untilResponses(1);
      leave(client);
    }
    const client = await bed.client(gateway);
    await client.send(request('GET /')).untilResponses(1);
    assert.equal(upstream.connections.size, 1);
  });
});

describe('an upstream that goes away in the middle of its answer', () => {
  const AWAY: Readonly<Record<string, (connection: RecordedConnection) => void>> = {
    closes: (connection) => connection.finish(),
    resets: (connection) => connection.reset(),
  };
  const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
  const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\n\r\nhello';

  for (const [what, bytes, sent] of [
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello', request('GET /')],
    ['chunks', CHUNKED, request('GET /')],
    ['a chunk', CHUNKED.slice(0, -3), request('GET /')],
    ['chunks, towards an HTTP/1.0 client', CHUNKED, request('GET / HTTP/1.0', ['Host: h'])],
  ] as const) {
    for (const [how, goAway] of Object.entries(AWAY)) {
      test(`${how} inside ${what}: the client's connection is cut`, async (t) => {
        const bed = new TestBed(t);
        const upstream = await bed.upstream({ onRequest: (connection) => connection.write(bytes) });
        const gateway = await bed.gateway(upstream.port);
        const client = await bed.client(gateway);
        await client.send(sent).untilText('hell');
        for (const connection of upstream.connections) goAway(connection);
        await client.until('the cut', () => client.end !== 'open' || undefined, AT_ONCE_MS);
        assert.equal(client.end, 'reset', 'an end that nobody takes for the end of the answer');
        assert.ok(!client.received.toString('latin1').endsWith('0\r\n\r\n'));
        const { status, flag } = await gateway.logged();
        assert.deepEqual([status, flag], [200, 'UC']);
      });
    }
  }

  test('resets inside an answer that ends with the connection: cut as well', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({ onRequest: (connection) => connection.write(UNTIL_CLOSE) });
    const gateway = await bed.gateway(upstream.port);
    const client = await bed.client(gateway);
    await client.send(request('GET /')).untilText('hello');
    for (const connection of upstream.connections) connection.reset();
    await client.until('the cut', () => client.end !== 'open' || undefined, AT_ONCE_MS);
    assert.equal(client.end, 'reset');
  });
});
