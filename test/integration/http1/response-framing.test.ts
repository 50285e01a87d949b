// F22: what an upstream answers. A response that can be read in two ways becomes 502, and its connection never carries another request.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startGateway } from '../../harness/engine.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, summaryOf, valueOf } from '../../harness/http1-message.ts';
import { quote, readResponsesAlike } from '../../harness/referees.ts';
import { answering, okResponse } from '../../harness/recorder.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Gateway } from '../../harness/engine.ts';
import type { RecordedConnection, Script } from '../../harness/recorder.ts';

describe('response framing', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.upstream.useDefaultScript());
  after(() => gateway.close());

  const OK = 'HTTP/1.1 200 OK\r\n';
  const GET = request('GET /f');

  /** One request under the script; then every upstream connection that was used must be gone, and the next request must be answered well. */
  async function answers(script: Script, stream = GET, method = 'GET'): Promise<WireClient> {
    const { upstream } = gateway;
    upstream.script = script;
    const client = await WireClient.open(gateway);
    await client
      .send(stream)
      .until('an answer', () =>
        client.end !== 'open' || client.responses([method]).some((r) => statusOf(r) >= 200) ? true : undefined,
      );
    const used = [...upstream.connections].filter(({ bytes }) => bytes.length > 0);
    assert.ok(used.length > 0, 'the upstream was asked');
    await upstream.until('the connection is dropped', () => used.every(({ end }) => end !== 'open') || undefined);
    upstream.take();
    upstream.useDefaultScript();
    const next = await WireClient.open(gateway);
    const [response] = await next.send(request('GET /next')).untilResponses(1);
    assert.equal(response?.body.toString(), 'ok', quote(next.received));
    assert.deepEqual(upstream.takeRequests().map(summaryOf), ['GET /next']);
    next.destroy();
    return client;
  }

  async function badGateway(script: Script, stream = GET, method = 'GET', statuses = [502]): Promise<void> {
    const client = await answers(script, stream, method);
    const { messages } = readResponsesAlike(client.received, { methods: [method], closed: client.end === 'closed' });
    const finals = messages.map(statusOf).filter((status) => status >= 200);
    assert.ok(finals.length === 1 && statuses.includes(finals[0] ?? 0), quote(client.received.subarray(0, 1_000)));
    client.destroy();
  }

  describe('F22 responses that are refused with 502', () => {
    const FIVE = 'Content-Length: 5\r\n';
    const CHUNKED = 'Transfer-Encoding: chunked\r\n';
    const chunks = '5\r\nhello\r\n0\r\n\r\n';
    const bad = [
      `${OK}${FIVE}${CHUNKED}\r\n${chunks}`,
      `${OK}${CHUNKED}${FIVE}\r\n${chunks}`,
      `${OK}${FIVE}${FIVE}\r\nhello`,
      `${OK}${FIVE}Content-Length: 6\r\n\r\nhello!`,
      ...['5, 5', '+5', '-5', '0x5', '', '5_0', '99999999999999999999', '5 5', '5,'].map(
        (value) => `${OK}Content-Length: ${value}\r\n\r\nhello`,
      ),
      // oxfmt-ignore
      ...[
        'gzip, chunked', 'gzip', 'identity', ',chunked', 'xchunked', 'chunked, chunked', '\x0bchunked',
        'chunked, identity', '',
      ].map((value) => `${OK}Transfer-Encoding: ${value}\r\n\r\n${chunks}`),
      `${OK}${CHUNKED}${CHUNKED}\r\n${chunks}`,
      `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n${chunks}`,
      `${OK}Transfer-Encoding : chunked\r\n\r\n${chunks}`,
      `${OK}Content-Length : 5\r\n\r\nhello`,
      `${OK} ${FIVE}\r\nhello`,
      `${OK}X: a\r\n b\r\n${FIVE}\r\nhello`,
      `${OK}X: a\nY: b\r\n${FIVE}\r\nhello`,
      `${OK}X: a\rY: b\r\n${FIVE}\r\nhello`,
      `${OK}X: a\x00b\r\n${FIVE}\r\nhello`,
      `${OK}: a\r\n${FIVE}\r\nhello`,
      `${OK}X\r\n${FIVE}\r\nhello`,
      `${OK}X\x85: a\r\n${FIVE}\r\nhello`,
      `HTTP/1.1 200 OK\n${FIVE}\r\nhello`,
      `HTTP/1.1 200 OK\nContent-Length: 5\n\nhello`,
      // oxfmt-ignore
      ...[
        'HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 099 X', 'HTTP/1.1 000 X', 'HTTP/1.1 600 X', 'HTTP/1.1 +20 X',
        'HTTP/1.1  200 OK', 'HTTP/1.1 2e2 OK', 'HTTP/1.1 -20 X', 'HTTP/1.1\t200 OK',
      ].map((line) => `${line}\r\n${FIVE}\r\nhello`),
      // oxfmt-ignore
      ...[
        'HTTP/2.0 200 OK', 'HTTP/2 200 OK', 'HTTP/0.9 200 OK', 'HTTP/1.2 200 OK', 'http/1.1 200 OK', 'ICY 200 OK',
        'HTTPS/1.1 200 OK', ' HTTP/1.1 200 OK', 'GET / HTTP/1.1', 'HTTP/1.1 200 O\x00K',
      ].map((line) => `${line}\r\n${FIVE}\r\nhello`),
      `\r\n\r\n\r\n${OK}${FIVE}\r\nhello`,
      `\x00${OK}${FIVE}\r\nhello`,
      'hello\r\n\r\n',
      '\x15\x03\x03\x00\x02\x02\x28\r\n\r\n',
      'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 101 Switching\r\n\r\n',
      `HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello${okResponse(1)}`,
      `HTTP/1.1 103 Early\n\n${okResponse(1)}`,
      'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(2_000) + okResponse(1),
      `${OK}${'X-Many: y\r\n'.repeat(5_000)}${FIVE}\r\nhello`,
      `${OK}X-Large: ${'y'.repeat(400_000)}\r\n${FIVE}\r\nhello`,
    ];
    for (const stream of bad)
      test(quote(Buffer.from(stream.slice(0, 120), 'latin1')), () => badGateway(answering(stream)));

    test('204 with a body', async () => {
      for (const framing of [FIVE, CHUNKED]) {
        const client = await answers(answering(`HTTP/1.1 204 N\r\n${framing}\r\n${chunks}`));
        const { messages } = readResponsesAlike(client.received, { closed: client.end === 'closed' });
        assert.equal(messages.length, 1, quote(client.received));
        assert.ok([204, 502].includes(statusOf(messages[0] ?? assert.fail())));
        client.destroy();
      }
    });
  });

  describe('F22 an upstream that closes', () => {
    const closing = (bytes: string, how: 'finish' | 'reset' = 'finish'): Script => ({
      onRequest: (connection: RecordedConnection) => {
        connection.write(bytes);
        if (how === 'finish') connection.finish();
        else connection.socket.write('', () => setImmediate(() => connection.reset()));
      },
    });
    for (const bytes of ['', 'H', OK, `${OK}Content-Length: 5\r\n`, 'HTTP/1.1 100 Continue\r\n\r\n']) {
      for (const how of ['finish', 'reset'] as const) {
        test(`${how} after ${JSON.stringify(bytes)} is 502 or 503`, () =>
          badGateway(closing(bytes, how), request('POST /f', ['Content-Length: 2'], 'ab'), 'POST', [502, 503]));
      }
    }
    for (const bytes of [
      `${OK}Content-Length: 500\r\n\r\nhello`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n50\r\nhello`,
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`,
    ]) {
      for (const how of ['finish', 'reset'] as const) {
        test(`${how} inside the body is not a complete answer: ${JSON.stringify(bytes)}`, async () => {
          const client = await answers(closing(bytes, how));
          const { messages } = readResponsesAlike(await client.untilClosed(), { closed: client.end === 'closed' });
          assert.deepEqual(
            messages.map(statusOf).filter((status) => status !== 502),
            [],
            quote(client.received),
          );
          client.destroy();
        });
      }
    }
    test('a body delimited by the close is relayed whole', async () => {
      const client = await answers(closing(`${OK}\r\nhello`));
      const { messages } = readResponsesAlike(client.received, { closed: client.end === 'closed' });
      assert.equal(messages[0]?.body.toString(), 'hello');
      client.destroy();
    });
    test('a body delimited by the close that ends in a reset is not complete', async () => {
      const client = await answers(closing(`${OK}\r\nhello`, 'reset'));
      await client.until('the end', () => client.end !== 'open' || undefined);
      const { messages } = readResponsesAlike(client.received, { closed: client.end === 'closed' });
      assert.deepEqual(
        messages.map(statusOf).filter((status) => status !== 502),
        [],
        quote(client.received),
      );
      client.destroy();
    });
  });

  describe('F22 chunked responses that break', () => {
    // oxfmt-ignore
    for (const body of [
      'zz\r\nhello\r\n', '5\r\nhelloX0\r\n\r\n', '5\nhello\r\n0\r\n\r\n', '0x5\r\nhello\r\n0\r\n\r\n',
      'ffffffffffffffffff\r\nhello', ' 5\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\n\n',
      '5\r\nhello\r\n0\r\nA : b\r\n\r\n', '5;\x00\r\nhello\r\n0\r\n\r\n', '-1\r\n\r\n',
    ]) {
      test(JSON.stringify(body), async () => {
        const client = await answers(answering(`${OK}Transfer-Encoding: chunked\r\n\r\n${body}`));
        await client.untilClosed();
        const { messages } = readResponsesAlike(client.received, { closed: client.end === 'closed' });
        assert.deepEqual(
          messages.map(statusOf).filter((status) => status !== 502),
          [],
          quote(client.received),
        );
        client.destroy();
      });
    }
  });

  describe('F22 bytes that nobody asked for', () => {
    const extra = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Upstream: 0\r\n\r\npoison';
    const cases: [string, string, string, string][] = [
      ['GET', okResponse(1) + extra, 'GET /f', 'after a response'],
      ['GET', `${okResponse(1)}\r\n`, 'GET /f', 'an empty line after a response'],
      ['GET', `${okResponse(1)}x`, 'GET /f', 'a byte after a response'],
      ['GET', `HTTP/1.1 204 N\r\n\r\n${extra}`, 'GET /f', 'after 204'],
      ['GET', `HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n${extra}`, 'GET /f', 'after 304'],
      ['HEAD', `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello`, 'HEAD /f', 'a body after HEAD'],
      [
        'HEAD',
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
        'HEAD /f',
        'chunks after HEAD',
      ],
      ['GET', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${extra}`, 'GET /f', 'after chunks'],
    ];
    for (const [method, stream, line, name] of cases) {
      test(`${name}: at once`, async () => {
        const client = await answers(answering(stream), request(line), method);
        assert.ok(!client.received.includes('poison') && !client.received.includes('hello'), quote(client.received));
        client.destroy();
      });
    }
    test('on an idle connection, later', async () => {
      const { upstream } = gateway;
      const client = await WireClient.open(gateway);
      await client.send(GET).untilResponses(1);
      const connection = [...upstream.connections].find(({ requestCount }) => requestCount > 0);
      connection?.write(extra);
      await upstream.until('the idle connection is dropped', () => connection?.end !== 'open' || undefined);
      upstream.take();
      const responses = await client.send(request('GET /next')).untilResponses(2);
      assert.deepEqual(
        responses.map((response) => response.body.toString()),
        ['ok', 'ok'],
      );
      upstream.takeRequests();
      client.destroy();
    });
    test('before a request, on a new connection', async () => {
      const { upstream } = gateway;
      for (const connection of upstream.connections) connection.socket.destroy();
      upstream.take();
      upstream.script = { onConnection: (connection) => connection.write(extra) };
      const client = await WireClient.open(gateway);
      const [response] = await client.send(request('POST /f', ['Content-Length: 2'], 'ab')).untilResponses(1);
      assert.ok(response !== undefined);
      // The bytes may be there before the request or after it; only then they pass for its answer.
      upstream.useDefaultScript();
      const next = await WireClient.open(gateway);
      const [second] = await next.send(request('GET /next')).untilResponses(1);
      assert.equal(
        valueOf(second ?? assert.fail(), 'x-upstream') === '0',
        false,
        'poison never answers the next request',
      );
      upstream.take();
      client.destroy();
      next.destroy();
    });
  });

  describe('what is relayed', () => {
    for (const [stream, method, status, body] of [
      [`${OK}Content-Length: 005\r\n\r\nhello`, 'GET', 200, 'hello'],
      [`${OK}Transfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n`, 'GET', 200, 'hello'],
      ['HTTP/1.1 200\x20\r\nContent-Length: 0\r\n\r\n', 'GET', 200, ''],
      ['HTTP/1.1 304 N\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n', 'GET', 304, ''],
      ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD', 200, ''],
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'HEAD', 200, ''],
      ['HTTP/1.1 204 N\r\n\r\n', 'GET', 204, ''],
      ['HTTP/1.1 205 R\r\nContent-Length: 0\r\n\r\n', 'GET', 205, ''],
      ['HTTP/1.1 599 \xff\r\nContent-Length: 0\r\nX: \xa0\xff\r\n\r\n', 'GET', 599, ''],
    ] as const) {
      test(`${method} ${JSON.stringify(stream)}`, async () => {
        gateway.upstream.script = answering(stream);
        const client = await WireClient.open(gateway);
        await client.send(request(`${method} /f`)).untilResponses(1, [method]);
        const { messages, rest } = readResponsesAlike(client.received, { methods: [method] });
        assert.deepEqual([messages.map(statusOf), messages[0]?.body.toString(), rest], [[status], body, 'nothing']);
        assert.deepEqual(messages[0]?.chunkExtensions, []);
        gateway.upstream.takeRequests();
        client.destroy();
      });
    }
    test('an HTTP/1.0 response is relayed, and its connection not used again', async () => {
      const client = await answers(answering('HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'));
      assert.match(client.received.toString('latin1'), /^HTTP\/1\.1 200 [^]*\r\n\r\nhello$/);
      client.destroy();
    });
    test('trailers reach a client that accepts them, without those of framing and authentication', async () => {
      gateway.upstream.script = answering(
        `${OK}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\nContent-Length: 1\r\nSet-Cookie: a=b\r\n\r\n`,
      );
      const client = await WireClient.open(gateway);
      const [response] = await client.send(request('GET /f', ['TE: trailers', 'Connection: TE'])).untilResponses(1);
      assert.deepEqual(
        response?.trailers.map(([name, value]) => [name.toLowerCase(), value]),
        [['x-sum', '7']],
      );
      const [second] = (await client.send(request('GET /f')).untilResponses(2)).slice(1);
      assert.deepEqual(second?.trailers, [], 'and no other');
      gateway.upstream.takeRequests();
      client.destroy();
    });
  });
});
