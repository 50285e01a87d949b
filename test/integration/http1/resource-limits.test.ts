// F24, F25 and R01–R09: limits on what one client may send, hold or keep waiting, each with its own answer.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startGateway, startGateways } from '../../harness/engine.ts';
import { assertCut, forwarded, refused, request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { quote } from '../../harness/referees.ts';
import { answering, okResponse } from '../../harness/recorder.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Gateway, Gateways } from '../../harness/engine.ts';
import type { Target } from '../../harness/http1-attack.ts';

const CHUNKED = 'Transfer-Encoding: chunked';

describe('limits on a head', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway({
      limits: { maxHeadBytes: 32_768, maxUriBytes: 8_192, maxHeaderCount: 100, maxBodyBytes: 1_000_000 },
    });
  });
  after(() => gateway.close());

  /** The stream is served, and takes not much longer than a harmless one of its size. */
  async function assertQuick(stream: string, harmless: string): Promise<void> {
    const client = await WireClient.open(gateway);
    const times: number[] = [];
    for (const text of [harmless, harmless, stream]) {
      const startMs = performance.now();
      const responses = await client.send(text).untilResponses(times.length + 1);
      times.push(performance.now() - startMs);
      assert.equal(statusOf(responses.at(-1) ?? assert.fail()), 200);
    }
    client.destroy();
    assert.equal(gateway.upstream.takeRequests().length, 3);
    const [, harmlessMs = 0, tookMs = 0] = times;
    assert.ok(tookMs < harmlessMs * 10 + 100, `${tookMs} ms, ${harmlessMs} ms for a harmless one`);
  }

  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `X-${index}: y`);

  describe('F24 too many fields are refused, never cut off', () => {
    for (const last of ['Content-Length: 5', CHUNKED, 'Host: example.com']) {
      test(`${last} behind 200 others`, async () => {
        await refused(gateway, request('POST /f', [...many(200), last], 'hello'), [431]);
      });
    }
    test('as many as allowed pass, whole', async () => {
      const seen = await forwarded(gateway, request('POST /f', [...many(98), 'Content-Length: 5'], 'hello'));
      assert.equal(valueOf(seen, 'x-97'), 'y');
      assert.equal(seen.body.toString(), 'hello');
    });
    test('one more is refused', () =>
      refused(gateway, request('POST /f', [...many(99), 'Content-Length: 5'], 'hello'), [431]));
    test('empty values count', () =>
      refused(
        gateway,
        request(
          'GET /f',
          Array.from({ length: 2_000 }, () => 'A:'),
        ),
        [431],
      ));
  });

  describe('F25 size of a head and of a target', () => {
    test('a large value', () => refused(gateway, request('GET /f', [`X: ${'y'.repeat(40_000)}`]), [431]));
    test('a large name', () => refused(gateway, request('GET /f', [`${'y'.repeat(40_000)}: x`]), [431]));
    test('a value without end', () =>
      refused(gateway, `GET /f HTTP/1.1\r\nHost: h\r\nX: ${'y'.repeat(200_000)}`, [431]));
    test('a target over the limit', () => refused(gateway, request(`GET /${'a'.repeat(8_192)}`), [414]));
    test('a query over the limit', () => refused(gateway, request(`GET /?${'a'.repeat(9_000)}`), [414]));
    test('an absolute target over the limit', () =>
      refused(gateway, request(`GET http://example.com/${'a'.repeat(9_000)}`), [414]));
    test('a target larger than a head', () => refused(gateway, request(`GET /${'a'.repeat(100_000)}`), [414]));
    test('a target without end', () => refused(gateway, `GET /${'a'.repeat(200_000)}`, [414]));
    test('a method without end', () => refused(gateway, 'A'.repeat(200_000), [400, 414, 431, 501]));
    test('a target at the limit passes', async () => {
      const target = `/${'a'.repeat(8_191)}`;
      assert.equal((await forwarded(gateway, request(`GET ${target}`))).startLine[1], target);
    });
    test('a value below the limit passes', async () => {
      const value = 'y'.repeat(30_000);
      assert.equal(valueOf(await forwarded(gateway, request('GET /f', [`X: ${value}`])), 'x'), value);
    });
  });

  describe('R06 shapes that cost a careless parser more than their size', () => {
    test('10 000 Accept-Encoding', () =>
      refused(
        gateway,
        request(
          'GET /f',
          Array.from({ length: 10_000 }, () => 'Accept-Encoding: gzip'),
        ),
        [431],
      ));
    for (const [name, fields] of [
      ['many cookies in one field', [`Cookie: ${'a=b; '.repeat(4_000)}`]],
      ['many list elements', [`Accept-Encoding: ${'a,'.repeat(12_000)}`]],
      ['many options of Connection', [`Connection: ${'a,'.repeat(12_000)}`]],
      ['many blanks in TE', [`TE: ${' '.repeat(28_000)}x`]],
      ['many blanks in Expect-like values', [`Keep-Alive: ${'\t '.repeat(14_000)}timeout`]],
      ['many commas in Upgrade', [`Upgrade: ${', '.repeat(14_000)}`, 'Connection: x']],
      ['many blanks before a value', [`X:${' '.repeat(30_000)}y`]],
      ['many blanks behind a value', [`X: y${' '.repeat(30_000)}`]],
      ['many blanks inside a value', [`X: y${' '.repeat(30_000)}z`]],
      ['many hops in Via', [`Via: ${'1.1 a, '.repeat(4_000)}1.1 b`]],
      ['many addresses in X-Forwarded-For', [`X-Forwarded-For: ${'1.1.1.1, '.repeat(3_000)}1.1.1.1`]],
    ] as const) {
      test(`${name}: served at once`, async () => {
        await assertQuick(request('GET /f', fields), request('GET /f', [`Y: ${'y'.repeat(30_000)}`]));
      });
    }
    for (const target of [
      `/f?${'a&'.repeat(4_000)}`,
      `/${'a/../'.repeat(1_600)}`,
      `/${'/'.repeat(8_000)}`,
      `/${'%2e/'.repeat(2_000)}`,
      `/${'%25'.repeat(2_700)}`,
    ]) {
      test(`${target.slice(0, 20)} many times: served at once`, () =>
        assertQuick(request(`GET ${target}`), request(`GET /${'y'.repeat(8_000)}`)));
    }
    test('a head that arrives byte by byte', async () => {
      const client = await WireClient.open(gateway);
      await client.sendPieces(
        Array.from(Buffer.from(request('GET /f', [`X: ${'y'.repeat(3_000)}`])), (byte) => Buffer.of(byte)),
      );
      await client.untilResponses(1);
      gateway.upstream.takeRequests();
      client.destroy();
    });
  });

  describe('body limit', () => {
    test('a declared length over it is 413 before a byte is forwarded', () =>
      refused(gateway, request('POST /f', ['Content-Length: 1000001'], 'x'), [413]));
    test('and with an expectation too', () =>
      refused(gateway, request('POST /f', ['Expect: 100-continue', 'Content-Length: 1000001']), [413]));
    test('chunks over it are cut', async () => {
      const client = await WireClient.open(gateway);
      const received = await client
        .send(request('POST /f', [CHUNKED], `${'10000\r\n'.concat('x'.repeat(65_536), '\r\n').repeat(20)}0\r\n\r\n`))
        .untilClosed();
      assert.match(received.toString('latin1'), /^HTTP\/1\.1 413 /);
      await assertCut(gateway.upstream);
      client.destroy();
    });
  });
});

const TIMEOUTS = { headMs: 300, bodyIdleMs: 300, keepAliveIdleMs: 300, writeStallMs: 300, lingerMs: 300 };

/** All at once: these tests only wait. Each has a target of its own. */
describe('limits on slowness', { concurrency: true }, () => {
  let gateways: Gateways;
  let used = 0;
  before(async () => {
    gateways = await startGateways(20, { timeouts: TIMEOUTS });
  });
  after(() => gateways[Symbol.asyncDispose]());

  const ownTarget = (): Target => gateways.targets[used++] ?? assert.fail('more targets are needed');

  /** A piece every 50 ms until the gateway closes: what a slow attacker does. */
  async function drip(client: WireClient, piece: string): Promise<void> {
    const startMs = performance.now();
    const timer = setInterval(() => client.send(piece), 50);
    try {
      await client.untilClosed(3_000);
    } finally {
      clearInterval(timer);
      client.destroy();
    }
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs > 200 && tookMs < 2_000, `${tookMs} ms`);
  }

  const TIMED_OUT = /^HTTP\/1\.1 408 [^]*\r\nconnection: close\r\n/i;

  for (const [start, piece] of [
    ['G', ''],
    ['GET / HTTP/1.1\r\nHost: h\r\n', ''],
    ['GET / HTTP/1.1\r\nHost: h\r\n', 'X: y\r\n'],
    ['GET / HTTP/1.1\r\nX: ', 'y'],
    ['GET /', 'a'],
  ] as const) {
    test(`R01 a head that takes too long is 408: ${JSON.stringify([start, piece])}`, async () => {
      const target = ownTarget();
      const client = await WireClient.open(target);
      await drip(client.send(start), piece);
      assert.match(client.received.toString('latin1'), TIMED_OUT);
      assert.equal(target.upstream.untakenBytes, 0);
    });
  }
  test('R01 a connection that says nothing is closed', async () => drip(await WireClient.open(ownTarget()), ''));

  for (const [name, start, piece, statuses] of [
    ['the second head too', 'GET /g HTTP/1.1\r\n', 'X: y\r\n', [200, 408]],
    ['empty lines do not keep a connection', '', '\r\n', [200]],
    ['a kept connection that says nothing is closed without an answer', '', '', [200]],
  ] as const) {
    test(`R01 ${name}`, async () => {
      const client = await WireClient.open(ownTarget());
      await client.send(request('GET /f')).untilResponses(1);
      await drip(client.send(start), piece);
      assert.deepEqual(client.responses().map(statusOf), statuses);
    });
  }

  for (const [field, part, piece] of [
    ['Content-Length: 10', 'hello', ''],
    ['Content-Length: 10', '', ''],
    [CHUNKED, '5\r\nhel', ''],
    [CHUNKED, '5', ''],
    [CHUNKED, '5\r\nhello\r\n0\r\n', ''],
    [CHUNKED, '5\r\nhello\r\n0\r\nX: y\r\n', ''],
    [CHUNKED, '5;', 'framing is no progress'],
    [CHUNKED, '0\r\n', 'X: y\r\n'],
  ] as const) {
    test(`R02 a body that stops is 408 and cut: ${JSON.stringify([field, part, piece])}`, async () => {
      const target = ownTarget();
      const client = await WireClient.open(target);
      await drip(client.send(request('POST /f', [field], part)), piece);
      assert.match(client.received.toString('latin1'), TIMED_OUT);
      await assertCut(target.upstream);
    });
  }
});

describe('limits on buffers', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway({ timeouts: TIMEOUTS });
  });
  afterEach(() => gateway.upstream.useDefaultScript());
  after(() => gateway.close());

  test('R03 a client that does not read is cut, and the gateway holds little of what it does not read', async () => {
    let taken = 0;
    gateway.upstream.script = {
      onRequest: (connection) => {
        connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
        const block = Buffer.alloc(64 * 1024);
        const more = (): void => {
          while (!connection.socket.destroyed && connection.socket.write(block)) taken += block.length;
        };
        connection.socket.on('drain', more);
        more();
      },
    };
    const client = await WireClient.open(gateway);
    client.socket.pause();
    client.send(request('GET /f'));
    const connection = await gateway.upstream.until('the request', () =>
      [...gateway.upstream.connections].find(({ bytes }) => bytes.length > 0),
    );
    await gateway.upstream.until('the cut', () => connection.end !== 'open' || undefined, 5_000);
    // Loopback sockets of both hops buffer several megabytes in the kernel; the gateway itself adds less than one.
    assert.ok(taken < 40_000_000, `${taken} bytes were taken from the upstream`);
    gateway.upstream.take();
    client.destroy();
  });

  test('R03 an upstream that does not read is cut, and the gateway holds little of what it does not read', async () => {
    gateway.upstream.script = { onHead: (connection) => void connection.socket.pause() };
    const client = await WireClient.open(gateway);
    client.send(request('POST /f', ['Content-Length: 1000000000']));
    const block = Buffer.alloc(64 * 1024);
    let sent = 0;
    const more = (): void => {
      while (client.end === 'open' && client.socket.write(block)) sent += block.length;
    };
    client.socket.on('drain', more);
    more();
    const received = await client.untilClosed();
    assert.match(received.toString('latin1'), /^HTTP\/1\.1 50[234] /);
    assert.ok(sent < 40_000_000, `${sent} bytes were taken from the client`);
    gateway.upstream.forget();
    client.destroy();
  });

  test('R03 a response that is read slowly, but read, is not cut', async () => {
    const size = 6_000_000;
    const response = `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`;
    gateway.upstream.script = answering(response);
    const client = await WireClient.open(gateway);
    let received = 0;
    client.socket.on('data', (chunk) => (received += chunk.length));
    const timer = setInterval(() => (client.socket.isPaused() ? client.socket.resume() : client.socket.pause()), 20);
    try {
      await client.send(request('GET /f')).until('all of it', () => received > size || undefined, 10_000);
    } finally {
      clearInterval(timer);
    }
    client.socket.resume();
    const [whole] = await client.untilResponses(1);
    assert.equal(whole?.body.length, size);
    gateway.upstream.takeRequests();
    client.destroy();
  });
});

describe('limits on connections', () => {
  test('R05 beyond the cap the connection that was idle longest makes room', async () => {
    const gateway = await startGateway({ limits: { maxConnections: 10 } });
    const clients: WireClient[] = [];
    for (let index = 0; index < 30; index++) {
      const client = await WireClient.open(gateway);
      clients.push(client);
      const [response] = await client.send(request('GET /f')).untilResponses(1);
      assert.equal(statusOf(response ?? assert.fail()), 200);
    }
    await Promise.all(clients.slice(0, 20).map((client) => client.untilClosed()));
    assert.deepEqual(
      clients.slice(20).map(({ end }) => end),
      Array.from({ length: 10 }, () => 'open'),
    );
    const last = clients.at(-1) ?? assert.fail();
    await last.send(request('GET /g')).untilResponses(2);
    for (const client of clients) client.destroy();
    await gateway.close();
  });

  test('R05 connections that are in use are never closed to make room', async () => {
    const gateway = await startGateway({ limits: { maxConnections: 5 } });
    gateway.upstream.script = {};
    const busy = await Promise.all(Array.from({ length: 5 }, () => WireClient.open(gateway)));
    for (const client of busy) client.send(request('GET /wait'));
    const waiting = await gateway.upstream.until('five requests', () => {
      const connections = [...gateway.upstream.connections].filter(({ requestCount }) => requestCount > 0);
      return connections.length === 5 ? connections : undefined;
    });
    const late = await WireClient.open(gateway).catch(() => undefined);
    late?.send(request('GET /late'));
    if (late !== undefined)
      await late.until('503 or the close', () => late.end !== 'open' || late.responses().length > 0 || undefined);
    for (const [index, connection] of waiting.entries()) connection.write(okResponse(index));
    for (const client of busy)
      assert.equal(statusOf((await client.untilResponses(1))[0] ?? assert.fail()), 200, quote(client.received));
    for (const client of busy) client.destroy();
    late?.destroy();
    await gateway.close();
  });
});

describe('R09 the access log', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway();
  });
  after(() => gateway.close());

  for (const stream of [
    request('GET /%0d%0a%7b%22status%22:200%7d'),
    request('GET /"},{"status":"200'),
    request('GET /f?"\\n\\u0000</script>', ['User-Agent: a"b\\c\x80\x85\x9b\xe2\x80\xa8\xff']),
    request('GET /f', ['User-Agent: \x1b[31m']),
    request('GET /f', ['Host: ex"ample']),
    request('GET /f', [`User-Agent: ${'u'.repeat(20_000)}`, `Referer: ${'r'.repeat(5_000)}`]),
    '\x1b]0;title\x07\r\n\r\n',
    'GET /\n{"status":200} HTTP/1.1\r\n\r\n',
  ]) {
    test(`one JSON line: ${JSON.stringify(stream.slice(0, 70))}`, async () => {
      const client = await WireClient.open(gateway);
      await client.send(stream).untilResponses(1);
      client.destroy();
      const [entry] = await gateway.takeLog(1);
      const { line } = entry ?? assert.fail();
      assert.ok(line.length < 8_192, `${line.length} characters`);
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u2028\u2029]/, 'control characters are escaped');
      gateway.upstream.take();
    });
  }
});
