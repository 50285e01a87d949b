// How long connections live: timeouts while nothing comes, bounds on their use, and draining without losing a request.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { headerList, Http2Endpoint } from '../../harness/http2-endpoint.ts';
import {
  ACK,
  data,
  END_STREAM,
  ERROR,
  frame,
  FRAME,
  headerBlock,
  headers,
  PREFACE,
  requestFields,
} from '../../harness/http2-frames.ts';
import type { FrameClient } from '../../harness/http2-frames.ts';

/** From which age on a connection is told to go while the process drains; a little more than that. */
const MIN_AGE_MS = 1_010;

function lastStream(client: FrameClient): number | undefined {
  return client.of(FRAME.goaway).at(-1)?.payload.readUInt32BE();
}

const MAX_STREAM_ID = 2 ** 31 - 1;

/** The server learns that the client has read everything up to here. */
async function answerPing(client: FrameClient): Promise<void> {
  const { payload } = await client.until('PING', () => client.of(FRAME.ping).find(({ flags }) => flags === 0));
  client.send(frame(FRAME.ping, ACK, 0, payload));
}

describe('clients that keep the server waiting', { concurrency: true }, () => {
  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['half a preface', PREFACE.subarray(0, 10)],
    ['a preface without SETTINGS', PREFACE],
  ] as const) {
    test(`${what}: closed when the head is due`, async (t) => {
      const endpoint = await Http2Endpoint.start(t, { timeoutsMs: { head: 100 } });
      const client = await endpoint.silent();
      client.send(bytes);
      await client.untilClosed();
      await endpoint.untilConnectionsClosed(1);
    });
  }

  test('no request: GOAWAY, and closed though the client does not close', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { timeoutsMs: { keepAliveIdle: 100, linger: 100 } });
    const client = await endpoint.frames();
    assert.equal(await client.goawayCode(), ERROR.none);
    await endpoint.untilConnectionsClosed(1);
  });

  test('a request restarts the wait', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      timeoutsMs: { keepAliveIdle: 300, linger: 100 },
      script: () => {},
    });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('GET', '/')));
    const recorded = await endpoint.exchange();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(client.first(FRAME.goaway), undefined);
    recorded.answer();
    assert.equal(await client.status(1), 200);
    await client.untilClosed();
  });

  test('half a head', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { timeoutsMs: { keepAliveIdle: 100, linger: 100 } });
    const client = await endpoint.frames();
    client.send(frame(FRAME.headers, END_STREAM, 1, headerBlock(requestFields('GET', '/'))));
    await endpoint.untilConnectionsClosed(1);
    assert.equal(endpoint.exchanges.length, 0);
  });

  test('R02 a body that stops arriving is 408, and only that stream', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { timeoutsMs: { bodyIdle: 100 } });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('POST', '/'), 0), data(1, 'x'));
    assert.equal(await client.status(1), 408);
    assert.equal(await client.resetCode(1), ERROR.none);
    assert.deepEqual(endpoint.protocolErrors, ['request_timeout']);
    client.send(headers(3, requestFields('GET', '/')));
    assert.equal(await client.status(3), 200);
  });

  test('a body that is paused is not waited for', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      timeoutsMs: { bodyIdle: 100 },
      script: (recorded) => {
        recorded.exchange.pauseRequest();
        recorded.onEnd = () => recorded.answer();
      },
    });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('POST', '/'), 0), data(1, 'x'));
    const recorded = await endpoint.exchange();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(recorded.errors.length, 0);
    client.send(data(1, '', END_STREAM));
    recorded.exchange.resumeRequest();
    assert.equal(await client.status(1), 200);
  });

  test('a tunnel has no deadline for its bytes', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      timeoutsMs: { bodyIdle: 50, keepAliveIdle: 50, head: 50 },
      script: ({ exchange }) => exchange.respond({ status: 101, headers: headerList() }, undefined),
    });
    const client = await endpoint.frames();
    client.send(headers(1, [...requestFields('CONNECT', '/'), [':protocol', 'websocket']], 0), data(1, 'x'));
    await client.status(1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.send(data(1, 'y'));
    const recorded = await endpoint.exchange();
    await endpoint.until('all bytes', () => recorded.body.toString() === 'xy' || undefined);
  });
});

describe('H18 draining', () => {
  test('a first GOAWAY, and when the client has heard of it a second one that names the last stream that is served', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: () => {}, timeoutsMs: { linger: 5_000 } });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('GET', '/')), headers(3, requestFields('POST', '/'), 0));
    await endpoint.exchange(1);
    endpoint.connections[0]?.drain();
    endpoint.connections[0]?.drain();
    assert.equal(await client.goawayCode(), ERROR.none);
    assert.equal(lastStream(client), MAX_STREAM_ID);
    await answerPing(client);
    await client.until('the second GOAWAY', () => client.of(FRAME.goaway)[1]);
    assert.equal(await client.goawayCode(), ERROR.none);
    assert.equal(lastStream(client), 3);
    client.send(headers(5, requestFields('GET', '/')), data(3, 'body', END_STREAM));
    const second = await endpoint.exchange(1);
    await endpoint.until('the body', () => second.ends === 1 || undefined);
    for (const recorded of endpoint.exchanges) recorded.answer(200, 'x'.repeat(30_000));
    await client.until(
      'both answers',
      () => (client.body(1).length === 30_000 && client.body(3).length === 30_000) || undefined,
    );
    await client.untilClosed();
    client.destroy();
    await endpoint.untilConnectionsClosed(1);
    assert.equal(endpoint.exchanges.length, 2);
    assert.deepEqual(
      endpoint.exchanges.map(({ aborts }) => aborts.length),
      [0, 0],
    );
  });

  test('requests that are on their way are served, then the connection closes', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { timeoutsMs: { linger: 5_000 } });
    const client = await endpoint.frames();
    await client.roundTrip();
    endpoint.connections[0]?.drain();
    for (const id of [1, 3]) {
      client.send(headers(id, requestFields('GET', '/')));
      assert.equal(await client.status(id), 200);
    }
    assert.equal(client.isClosed, false);
    await answerPing(client);
    await client.untilClosed();
    assert.equal(await client.goawayCode(), ERROR.none);
    assert.equal(lastStream(client), 3);
  });

  test('a client that does not answer PING has a moment', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: () => {}, timeoutsMs: { linger: 100 } });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('GET', '/')));
    const recorded = await endpoint.exchange();
    endpoint.connections[0]?.drain();
    await client.until('the second GOAWAY', () => client.of(FRAME.goaway)[1]);
    assert.equal(lastStream(client), 1);
    recorded.answer();
    assert.equal(await client.status(1), 200);
    await client.untilClosed();
  });

  test('an idle connection closes when no request comes', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { timeoutsMs: { linger: 100 } });
    const client = await endpoint.frames();
    await client.roundTrip();
    endpoint.connections[0]?.drain();
    assert.equal(await client.goawayCode(), ERROR.none);
    await endpoint.untilConnectionsClosed(1);
  });

  test('one that has said nothing yet closes at once', async (t) => {
    const endpoint = await Http2Endpoint.start(t);
    const client = await endpoint.silent();
    await endpoint.until('accepted', () => endpoint.connections[0]);
    endpoint.connections[0]?.drain();
    await client.untilClosed();
  });

  test('while the process drains, the next request is told that it should be the last', async (t) => {
    const endpoint = await Http2Endpoint.start(t);
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('GET', '/')));
    assert.equal(await client.status(1), 200);
    endpoint.isDraining = true;
    await delay(MIN_AGE_MS);
    client.send(headers(3, requestFields('GET', '/')));
    assert.equal(await client.status(3), 200);
    await client.until('GOAWAY', () => client.first(FRAME.goaway));
    await answerPing(client);
    await client.untilClosed();
    assert.equal(await client.goawayCode(), ERROR.none);
    assert.equal(lastStream(client), 3);
  });

  test('while the process drains, a connection that is new serves more than one request', async (t) => {
    const endpoint = await Http2Endpoint.start(t);
    endpoint.isDraining = true;
    const client = await endpoint.frames();
    for (const id of [1, 3]) {
      client.send(headers(id, requestFields('GET', '/')));
      assert.equal(await client.status(id), 200);
    }
    await client.roundTrip();
    assert.equal(client.first(FRAME.goaway), undefined);
  });

  test('what came along with the last request is served as well', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { limits: { maxRequestsPerConnection: 1 } });
    const client = await endpoint.frames();
    client.send(...[1, 3, 5].map((id) => headers(id, requestFields('GET', '/'))));
    for (const id of [1, 3, 5]) assert.equal(await client.status(id), 200);
    await answerPing(client);
    await client.untilClosed();
    assert.equal(await client.goawayCode(), ERROR.none);
    assert.equal(lastStream(client), 5);
  });

  test('so many requests a connection', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { limits: { maxRequestsPerConnection: 2 } });
    const client = await endpoint.frames();
    for (const id of [1, 3]) {
      client.send(headers(id, requestFields('GET', '/')));
      assert.equal(await client.status(id), 200);
    }
    await answerPing(client);
    await client.untilClosed();
    assert.equal(await client.goawayCode(), ERROR.none);
    assert.equal(lastStream(client), 3);
  });

  test('a client that never stops asking loses no request', async (t) => {
    // As an upstream's answer, each comes a turn later than its request.
    const endpoint = await Http2Endpoint.start(t, { script: (recorded) => setImmediate(() => recorded.answer()) });
    let [asked, answered, connections] = [0, 0, 0];
    while (connections < 20) {
      const client = endpoint.client();
      connections++;
      while (!client.closed) {
        asked++;
        const stream = client.request({ ':path': '/' });
        const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
        if (head[':status'] === 200) answered++;
        stream.resume();
        await once(stream, 'close');
        if (asked % 10 === 0) for (const connection of endpoint.connections) connection.drain();
      }
    }
    assert.equal(answered, asked);
    assert.ok(asked >= 200);
  });
});

describe('over TLS', () => {
  let authority: CertificateAuthority;
  before(() => {
    authority = new CertificateAuthority();
  });
  after(() => authority.remove());

  test('H18 draining while an answer is stuck, idle timeouts and floods end no process', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      tls: authority.issue('localhost'),
      timeoutsMs: { writeStall: 200, linger: 100, keepAliveIdle: 100, head: 100 },
      script: (recorded) => recorded.answer(200, 'x'.repeat(3_000_000)),
    });
    const stuck = await endpoint.frames([4, 2 ** 31 - 1]);
    stuck.send(headers(1, requestFields('GET', '/')));
    await stuck.status(1);
    stuck.socket.pause();
    const idle = await endpoint.frames();
    await idle.roundTrip();
    const silent = await endpoint.silent();
    const flooding = await endpoint.frames();
    for (let i = 0; i < 2_000; i++) flooding.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
    for (const connection of endpoint.connections) connection.drain();
    await flooding.untilClosed();
    await silent.untilClosed();
    await endpoint.untilConnectionsClosed(4);
  });
});
