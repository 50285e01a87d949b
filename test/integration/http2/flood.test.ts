// H01–H08: what one connection may cost, whatever frames it sends. Every case also shows that others are served meanwhile.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { headerList, Http2Endpoint } from '../../harness/http2-endpoint.ts';
import type { EndpointSetup, RecordedExchange } from '../../harness/http2-endpoint.ts';
import {
  data,
  END_STREAM,
  ERROR,
  frame,
  FRAME,
  headerBlock,
  headers,
  PREFACE,
  requestFields,
  rstStream,
  SETTING,
  settings,
  uint32,
  windowUpdate,
} from '../../harness/http2-frames.ts';
import type { FrameClient } from '../../harness/http2-frames.ts';

let current: Http2Endpoint;

async function start(t: TestContext, setup: EndpointSetup = {}): Promise<Http2Endpoint> {
  current = await Http2Endpoint.start(t, setup);
  return current;
}

/** Never answers, but to `/good`. */
function holdsBack(recorded: RecordedExchange): void {
  if (recorded.exchange.request.path === '/good') recorded.answer();
}

/** Sends in batches until the server closes or there are that many. */
async function flood(client: FrameClient, count: number, make: (i: number) => Uint8Array): Promise<void> {
  for (let i = 0; i < count && !client.isClosed;) {
    const batch: Uint8Array[] = [];
    for (const end = Math.min(i + 100, count); i < end; i++) batch.push(make(i));
    client.send(...batch);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

const idOf = (i: number): number => 2 * i + 1;

describe('one connection', () => {
  afterEach(async () => {
    const client = await current.frames();
    client.send(headers(1, requestFields('GET', '/good')));
    assert.equal(await client.status(1), 200, 'another client is served');
  });

  describe('H01 more streams than allowed', () => {
    test('those beyond 100 are refused, the others go on', async (t) => {
      const endpoint = await start(t, { script: holdsBack });
      const client = await endpoint.silent();
      // It can't know of the limit before it acknowledges the settings.
      client.send(PREFACE, settings([SETTING.headerTableSize, 0]));
      for (let i = 0; i < 110; i++) client.send(headers(idOf(i), requestFields('GET', '/')));
      assert.equal(await client.resetCode(idOf(109)), ERROR.refused);
      assert.equal(endpoint.exchanges.length, 100);
      assert.equal(client.isClosed, false);
      endpoint.exchanges[0]?.answer();
      assert.equal(await client.status(1), 200);
      client.send(headers(idOf(110), requestFields('GET', '/good')));
      assert.equal(await client.status(idOf(110)), 200);
    });

    test('a client that knows the limit is closed', async (t) => {
      const endpoint = await start(t, { script: holdsBack });
      const client = await endpoint.frames();
      await client.roundTrip();
      for (let i = 0; i < 101; i++) client.send(headers(idOf(i), requestFields('GET', '/')));
      assert.equal(await client.goawayCode(), ERROR.protocol);
      await client.untilClosed();
      await endpoint.until(
        'all aborted',
        () => endpoint.exchanges.every(({ aborts }) => aborts.length === 1) || undefined,
      );
    });

    test('a client that does not want to know the limit is closed', async (t) => {
      const endpoint = await start(t, { script: holdsBack });
      const client = await endpoint.silent();
      client.send(PREFACE, settings([SETTING.headerTableSize, 0]));
      await flood(client, 3_000, (i) => headers(idOf(i), requestFields('GET', '/')));
      assert.equal(await client.goawayCode(), ERROR.enhanceYourCalm);
      await client.untilClosed();
      assert.equal(endpoint.exchanges.length, 100);
    });

    test('a client that goes on is closed', async (t) => {
      const endpoint = await start(t, { script: holdsBack });
      const client = await endpoint.frames();
      await flood(client, 3_000, (i) => headers(idOf(i), requestFields('GET', '/')));
      await client.untilClosed();
      assert.equal(endpoint.exchanges.length, 100);
      await endpoint.until(
        'all aborted',
        () => endpoint.exchanges.every(({ aborts }) => aborts.length === 1) || undefined,
      );
    });
  });

  for (const [what, method, flags] of [
    ['without a body', 'GET', undefined],
    ['with a body to come', 'POST', 0],
  ] as const) {
    test(`H02 rapid reset ${what}: fewer than 200 requests, all aborted, and the connection closed`, async (t) => {
      const endpoint = await start(t, { script: holdsBack });
      const client = await endpoint.frames();
      await flood(client, 5_000, (i) =>
        Buffer.concat([headers(idOf(i), requestFields(method, '/'), flags), rstStream(idOf(i), ERROR.cancel)]),
      );
      await client.untilClosed();
      assert.ok(client.first(FRAME.goaway), 'GOAWAY');
      assert.ok(endpoint.exchanges.length <= 200, `${endpoint.exchanges.length} requests`);
      await endpoint.until(
        'all aborted',
        () => endpoint.exchanges.every(({ aborts }) => aborts.length === 1) || undefined,
      );
    });
  }

  test('H02 resets of requests that waited are no flood', async (t) => {
    const endpoint = await start(t, { script: holdsBack });
    const client = await endpoint.frames();
    for (let round = 0; round < 3; round++) {
      const ids = Array.from({ length: 100 }, (_, i) => idOf(round * 100 + i));
      client.send(...ids.map((id) => headers(id, requestFields('GET', '/'))));
      await endpoint.until('all are there', () => endpoint.exchanges.length === (round + 1) * 100 || undefined);
      await new Promise((resolve) => setTimeout(resolve, 150));
      client.send(...ids.map((id) => rstStream(id, ERROR.cancel)));
      await endpoint.until(
        'all aborted',
        () => endpoint.exchanges.every(({ aborts }) => aborts.length === 1) || undefined,
      );
    }
    assert.equal(client.isClosed, false);
  });

  describe('H03 making the server reset', () => {
    const variants: readonly (readonly [string, (id: number) => Uint8Array])[] = [
      ['WINDOW_UPDATE of 0', (id) => windowUpdate(id, 0)],
      ['WINDOW_UPDATE beyond the maximum', (id) => windowUpdate(id, 2 ** 31 - 1)],
      ['DATA behind the end', (id) => Buffer.concat([data(id, 'x', END_STREAM), data(id, 'x')])],
      ['PRIORITY of a wrong length', (id) => frame(FRAME.priority, 0, id, Buffer.alloc(4))],
      ['more DATA than announced', (id) => data(id, 'xxxx')],
    ];
    for (const [what, provoke] of variants) {
      test(what, async (t) => {
        const endpoint = await start(t, { script: holdsBack });
        const client = await endpoint.frames();
        await flood(client, 3_000, (i) =>
          Buffer.concat([headers(idOf(i), requestFields('POST', '/', ['content-length', '3']), 0), provoke(idOf(i))]),
        );
        await client.untilClosed();
        assert.ok(endpoint.exchanges.length <= 200, `${endpoint.exchanges.length} requests`);
        await endpoint.until(
          'all aborted',
          () => endpoint.exchanges.every(({ aborts }) => aborts.length === 1) || undefined,
        );
      });
    }
  });

  test('H03 HEADERS without end on a stream that was reset', async (t) => {
    const endpoint = await start(t, { script: holdsBack });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('POST', '/'), 0), windowUpdate(1, 0));
    await flood(client, 3_000, () => headers(1, [['x', 'y']], 0));
    assert.equal(await client.goawayCode(), ERROR.enhanceYourCalm);
    await client.untilClosed();
  });

  test('H04 PRIORITY of streams that depend on themselves', async (t) => {
    const endpoint = await start(t);
    const client = await endpoint.frames();
    await flood(client, 20_000, (i) =>
      frame(FRAME.priority, 0, idOf(i), Buffer.concat([uint32(idOf(i)), Buffer.of(1)])),
    );
    await client.roundTrip();
    assert.equal(endpoint.exchanges.length, 0);
    assert.ok(client.isClosed, 'closed');
  });

  describe('H05 CONTINUATION without end', () => {
    for (const [what, block] of [
      ['full of fields', headerBlock([['x', 'y'.repeat(1_000)]])],
      ['empty', Buffer.alloc(0)],
    ] as const) {
      test(what, async (t) => {
        const endpoint = await start(t);
        const client = await endpoint.frames();
        client.send(frame(FRAME.headers, END_STREAM, 1, headerBlock(requestFields('GET', '/'))));
        await flood(client, 20_000, () => frame(FRAME.continuation, 0, 1, block));
        await client.untilClosed();
        assert.ok(client.first(FRAME.goaway), 'GOAWAY');
        assert.equal(endpoint.exchanges.length, 0);
      });
    }
  });

  describe('H06 frames that ask for an answer and bring nothing', () => {
    const variants: readonly (readonly [string, (i: number) => Uint8Array])[] = [
      ['PING', () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
      ['SETTINGS', () => settings()],
      ['SETTINGS that change something', (i) => settings([SETTING.initialWindowSize, 1_000 + i])],
    ];
    for (const [what, make] of variants) {
      test(`20 000 ${what}`, async (t) => {
        const endpoint = await start(t);
        const client = await endpoint.frames();
        await flood(client, 20_000, make);
        await client.untilClosed();
        assert.equal(await client.goawayCode(), ERROR.enhanceYourCalm);
        assert.ok(client.frames.length < 2_500, `${client.frames.length} frames were answered`);
        assert.deepEqual(endpoint.protocolErrors, ['bad_request']);
        await endpoint.untilConnectionsClosed(1);
      });
    }

    test('20 000 PING of a client that does not read', async (t) => {
      const endpoint = await start(t, { timeoutsMs: { linger: 100 } });
      const client = await endpoint.frames();
      client.socket.pause();
      await flood(client, 20_000, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
      await endpoint.untilConnectionsClosed(1);
    });

    test('PING beside requests is no flood', async (t) => {
      const endpoint = await start(t);
      const client = await endpoint.frames();
      for (let i = 0; i < 30; i++) {
        await flood(client, 100, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
        client.send(headers(idOf(i), requestFields('GET', '/')));
        assert.equal(await client.status(idOf(i)), 200);
      }
    });

    test('20 000 empty DATA', async (t) => {
      const endpoint = await start(t, { script: holdsBack });
      const client = await endpoint.frames();
      client.send(headers(1, requestFields('POST', '/'), 0));
      await flood(client, 20_000, () => data(1, ''));
      await client.untilClosed();
      assert.equal(endpoint.exchanges[0]?.aborts.length, 1);
    });
  });

  describe('H07 an answer that nobody reads', () => {
    test('many without a body: no more are asked for than are taken', async (t) => {
      const field = 'x'.repeat(8_000);
      const endpoint = await start(t, {
        script: (recorded) => {
          if (recorded.exchange.request.path === '/good') recorded.answer();
          else recorded.answer(200, 'ok', 'x-field', field);
        },
      });
      const client = await endpoint.frames();
      const other = await endpoint.frames();
      client.socket.pause();
      const total = 6_000;
      await flood(client, total, (i) => headers(idOf(i), requestFields('HEAD', '/')));
      // As many turns of the event loop as it would take to read all of them.
      for (let i = 0; i < 200; i++) await other.roundTrip();
      // The kernel takes some megabytes.
      assert.ok(endpoint.exchanges.length < total * (2 / 3), `${endpoint.exchanges.length} requests were answered`);
      client.socket.resume();
      await client.until('all answers', () => client.of(FRAME.headers).length === total || undefined, 20_000);
    });

    const body = Buffer.alloc(200_000, 'x');
    const answers = ({ exchange }: RecordedExchange): void => {
      exchange.respond({ status: 200, headers: headerList() }, 'chunked');
      exchange.writeResponse(body);
      if (exchange.request.path === '/good' || exchange.request.path === '/ended') exchange.endResponse();
    };

    test('a window of zero: the stream is reset and the handler told', async (t) => {
      const endpoint = await start(t, { script: answers, timeoutsMs: { writeStall: 100 } });
      const client = await endpoint.frames([SETTING.initialWindowSize, 0]);
      client.send(headers(1, requestFields('GET', '/')));
      assert.equal(await client.resetCode(1), ERROR.cancel);
      const recorded = await endpoint.exchange();
      assert.equal(recorded.aborts.length, 1);
      assert.equal(client.body(1).length, 0);
      assert.equal(client.isClosed, false);
    });

    test('also when the answer is complete already', async (t) => {
      const endpoint = await start(t, { script: answers, timeoutsMs: { writeStall: 100 } });
      const client = await endpoint.frames([SETTING.initialWindowSize, 10]);
      client.send(headers(1, requestFields('GET', '/ended')));
      assert.equal(await client.resetCode(1), ERROR.cancel);
      assert.equal(client.body(1).length, 10);
      assert.equal((await endpoint.exchange()).aborts.length, 0);
      await endpoint.until('the stream is gone', () => endpoint.connections[0]?.isIdle || undefined);
    });

    test('a socket that nobody reads', async (t) => {
      const large = Buffer.alloc(1_000_000);
      const endpoint = await start(t, {
        timeoutsMs: { writeStall: 100, keepAliveIdle: 100, linger: 100 },
        script: (recorded) => {
          const { exchange } = recorded;
          if (exchange.request.path === '/good') {
            recorded.answer();
            return;
          }
          const pump = (): void => {
            while (exchange.writeResponse(large));
          };
          recorded.onDrain = pump;
          exchange.respond({ status: 200, headers: headerList() }, 'chunked');
          pump();
        },
      });
      const client = await endpoint.frames([SETTING.initialWindowSize, 2 ** 31 - 1]);
      client.send(windowUpdate(0, 2 ** 31 - 1 - 65_535), headers(1, requestFields('GET', '/')));
      await client.status(1);
      client.socket.pause();
      const recorded = await endpoint.exchange();
      await endpoint.until('the abort', () => recorded.aborts.length === 1 || undefined);
      await endpoint.untilConnectionsClosed(1);
    });
  });

  describe('what is no HTTP/2', () => {
    for (const bytes of [
      'GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxx',
      '\0'.repeat(100),
    ]) {
      test(`H17 ${JSON.stringify(bytes.slice(0, 16))} is closed`, async (t) => {
        const endpoint = await start(t);
        const client = await endpoint.silent();
        client.send(Buffer.from(bytes, 'latin1'));
        await client.untilClosed();
        assert.equal(endpoint.exchanges.length, 0);
        assert.deepEqual(endpoint.protocolErrors, ['bad_request']);
      });
    }

    test('H16 push: PUSH_PROMISE closes, and the setting is off', async (t) => {
      const endpoint = await start(t);
      const client = await endpoint.frames();
      client.send(frame(5, 0x4, 1, Buffer.concat([uint32(2), headerBlock(requestFields('GET', '/'))])));
      await client.untilClosed();
      const entries = client.first(FRAME.settings)?.payload ?? Buffer.alloc(0);
      const values = new Map<number, number>();
      for (let i = 0; i < entries.length; i += 6) values.set(entries.readUInt16BE(i), entries.readUInt32BE(i + 2));
      // ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE, ENABLE_CONNECT_PROTOCOL
      assert.deepEqual(
        [2, 3, 4, 6, 8].map((id) => values.get(id)),
        [0, 100, 65_536, 64_640, 1],
      );
    });

    test('the window of the connection is wider than that of a stream', async (t) => {
      const endpoint = await start(t);
      const client = await endpoint.frames();
      const update = await client.until('WINDOW_UPDATE', () => client.first(FRAME.windowUpdate, 0));
      assert.equal(update.payload.readUInt32BE() + 65_535, 1024 * 1024);
    });

    test('frames of unknown types are ignored', async (t) => {
      const endpoint = await start(t);
      const client = await endpoint.frames();
      client.send(frame(0xfa, 0xff, 0, Buffer.alloc(100)), frame(0x0a, 0, 0, Buffer.alloc(100)));
      client.send(headers(1, requestFields('GET', '/')));
      assert.equal(await client.status(1), 200);
    });

    test('random bytes behind a preface end nothing but their connection', async (t) => {
      const endpoint = await start(t);
      let seed = 1;
      const random = (): number => (seed = (seed * 48_271) % 2_147_483_647);
      for (let round = 0; round < 200; round++) {
        const client = await endpoint.silent();
        const frames = Array.from({ length: 8 }, () =>
          frame(
            random() % 11,
            random() & 0xff,
            random() % 6,
            Buffer.from(Array.from({ length: random() % 40 }, () => random() & 0xff)),
          ),
        );
        client.send(PREFACE, settings(), headers(1, requestFields('POST', '/'), 0), ...frames);
        client.socket.end();
        await client.untilClosed();
      }
      await endpoint.untilConnectionsClosed(200);
    });
  });
});
