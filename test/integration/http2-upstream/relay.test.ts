// HTTP/1.1 clients, HTTP/2 endpoints: what arrives on either side is what was sent on the other, and nothing of a connection.
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import {
  data,
  END_HEADERS,
  END_STREAM,
  ERROR,
  frame,
  FRAME,
  headerBlock,
  headers,
  rstStream,
  uint32,
} from '../../harness/http2-frames.ts';
import type { Fields } from '../../harness/http2-frames.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { FrameUpstream } from './frame-upstream.ts';
import type { FrameConnection } from './frame-upstream.ts';
import { ask, gatewayTo, metric } from './http2-gateway.ts';
import { echo, Http2Upstream } from './http2-upstream.ts';
import type { ReceivedRequest } from './http2-upstream.ts';

function valuesOf({ raw }: ReceivedRequest, name: string): string[] {
  return raw.filter((_, i) => i % 2 === 1 && raw[i - 1] === name);
}

describe('HTTP/1.1 to HTTP/2: the request', { timeout: 60_000 }, () => {
  for (const [what, text, expected] of [
    ['GET', request('GET /p?a=1'), { ':method': 'GET', ':path': '/p?a=1', 'content-length': undefined }],
    ['POST without a body', request('POST /'), { ':method': 'POST', 'content-length': '0' }],
    ['POST of a length', request('POST /', ['Content-Length: 5'], 'hello'), { 'content-length': '5' }],
    [
      'POST in chunks',
      request('POST /', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
      { 'content-length': undefined, 'transfer-encoding': undefined },
    ],
    ['OPTIONS', request('OPTIONS /'), { ':method': 'OPTIONS', ':scheme': 'http', ':authority': 'example.com' }],
    ['TE: trailers', request('GET /', ['TE: trailers', 'Connection: te']), { te: 'trailers', connection: undefined }],
    ['TE: gzip', request('GET /', ['TE: gzip', 'Connection: te']), { te: undefined }],
    [
      'fields of the connection',
      request('GET /', ['Connection: x-hop, keep-alive', 'X-Hop: 1', 'Keep-Alive: 3', 'Proxy-Authorization: x']),
      { connection: undefined, 'x-hop': undefined, 'keep-alive': undefined, 'proxy-authorization': undefined },
    ],
    ['no other host', request('GET /'), { host: undefined }],
  ] as const) {
    test(what, async (t) => {
      const bed = new TestBed(t);
      const upstream = await Http2Upstream.listen(bed);
      const gateway = await gatewayTo(bed, upstream.port);
      assert.equal(await ask(await bed.client(gateway), text), 200);
      const { headers, body } = upstream.requests[0] ?? assert.fail();
      const seen = Object.fromEntries(Object.keys(expected).map((name) => [name, headers[name]]));
      assert.deepEqual(seen, expected);
      assert.equal(body, text.includes('hello') ? 'hello' : '');
      assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
    });
  }

  test('fields keep their order, repetition and bytes', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed);
    const gateway = await gatewayTo(bed, upstream.port);
    const fields = ['User-Agent: a', 'X-A: 1', 'User-Agent: b', 'X-A: \xe4\xff', 'X-A: 3', '__proto__: x'];
    const text = request('GET /', fields.slice(0, 5));
    assert.equal(await ask(await bed.client(gateway), text), 200);
    const received = upstream.requests[0] ?? assert.fail();
    assert.deepEqual(valuesOf(received, 'x-a'), ['1', '\xe4\xff', '3']);
    assert.deepEqual(valuesOf(received, 'user-agent'), ['a', 'b']);
  });

  test('what a filter sets of the connection is not sent', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed);
    const set = ['connection', 'te', 'upgrade', 'transfer-encoding'].map((name) => ({ name, value: 'x' }));
    const gateway = await gatewayTo(bed, upstream.port, {
      rule: {
        filters: [{ kind: 'requestHeaderModifier', set: [...set, { name: 'x-a', value: '1' }], add: [], remove: [] }],
      },
    });
    assert.equal(await ask(await bed.client(gateway)), 200);
    const { headers } = upstream.requests[0] ?? assert.fail();
    assert.equal(headers['x-a'], '1');
    for (const { name } of set) assert.equal(headers[name], undefined, name);
  });

  test('trailers', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed);
    const gateway = await gatewayTo(bed, upstream.port);
    const body = '5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\nAuthorization: no\r\n\r\n';
    assert.equal(await ask(await bed.client(gateway), request('POST /', ['Transfer-Encoding: chunked'], body)), 200);
    const received = upstream.requests[0] ?? assert.fail();
    assert.equal(received.body, 'hello');
    assert.deepEqual(received.trailers, ['x-sum', '1', 'x-sum', '2']);
  });

  test('Expect: 100-continue waits for the endpoint', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, (stream, received) => {
      assert.equal(received.headers.expect, '100-continue');
      stream.additionalHeaders({ ':status': 100 });
      echo(stream, received);
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    client.send(request('POST /', ['Content-Length: 5', 'Expect: 100-continue']));
    await client.untilText('HTTP/1.1 100 ');
    const responses = await client.send('hello').untilResponses(1);
    assert.deepEqual(responses.map(statusOf), [100, 200]);
    assert.equal(responses[1]?.body.toString(), 'hello');
  });

  test('a client that leaves takes its stream along, and no other', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, () => {});
    const gateway = await gatewayTo(bed, upstream.port);
    const [leaver, stayer] = [await bed.client(gateway), await bed.client(gateway)];
    leaver.send(request('POST /a', ['Content-Length: 500'], 'some'));
    const left = await upstream.request(0);
    stayer.send(request('GET /b'));
    const kept = await upstream.request(1);
    leaver.reset();
    await upstream.until('the reset', () => left.stream.closed || undefined);
    assert.equal(left.stream.rstCode, constants.NGHTTP2_CANCEL);
    kept.stream.respond({ ':status': 204 }, { endStream: true });
    assert.deepEqual((await stayer.untilResponses(1)).map(statusOf), [204]);
    assert.equal(upstream.sessions.length, 1);
    assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
  });

  for (const framing of ['Content-Length: 500', 'Transfer-Encoding: chunked']) {
    test(`half a request never looks like a whole one: ${framing}`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await FrameUpstream.listen(bed, {});
      const gateway = await gatewayTo(bed, upstream.port);
      const client = await bed.client(gateway);
      client.send(request('POST /', [framing], '5\r\nhello\r\n'));
      const connection = await upstream.connection(0);
      await upstream.until('the body', () => connection.of(FRAME.data)[0]);
      client.reset();
      const [{ payload } = assert.fail()] = await upstream.until('the reset', () => {
        const resets = connection.of(FRAME.rstStream, 1);
        return resets.length > 0 ? resets : undefined;
      });
      assert.equal(payload.readUInt32BE(0), ERROR.cancel);
      for (const { flags } of connection.of(FRAME.data)) assert.equal(flags & END_STREAM, 0);
    });
  }

  test('a mirror gets its copy', async (t) => {
    const bed = new TestBed(t);
    const [upstream, mirror] = [await Http2Upstream.listen(bed), await Http2Upstream.listen(bed)];
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port], { protocol: 'http2' }),
      cluster('m', [mirror.port], { protocol: 'http2' }),
      route('r', [
        { backends: ['a'], filters: [{ kind: 'requestMirror', cluster: 'cluster/m', numerator: 1, denominator: 1 }] },
      ]),
    ]);
    assert.equal(await ask(await bed.client(gateway), request('POST /', ['Content-Length: 5'], 'hello')), 200);
    const copy = await mirror.request(0);
    await mirror.until('the body', () => copy.isComplete || undefined);
    assert.equal(copy.body, 'hello');
  });
});

describe('HTTP/2 to HTTP/1.1: the response', { timeout: 60_000 }, () => {
  test('fields, a length and a body', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, (stream) => {
      stream.respond(['content-length', '5', 'set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-bytes', '\xe4\xff'] as never);
      stream.end('hello');
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    const [response = assert.fail()] = await client.send(request('GET /')).untilResponses(1);
    assert.equal(response.body.toString(), 'hello');
    assert.equal(valueOf(response, 'content-length'), '5');
    assert.equal(valueOf(response, 'x-bytes'), '\xe4\xff');
    assert.ok(client.received.includes('set-cookie: a=1\r\nset-cookie: b=2\r\n'));
  });

  for (const [what, line, status, fields, length] of [
    ['HEAD', 'HEAD /', 200, { 'content-length': '7' }, '7'],
    ['HEAD without a length', 'HEAD /', 200, {}, undefined],
    ['204', 'GET /', 204, {}, undefined],
    ['304 with a length', 'GET /', 304, { 'content-length': '7' }, '7'],
    ['an empty 200', 'GET /', 200, {}, '0'],
    ['421', 'GET /', 421, {}, '0'],
    ['599', 'GET /', 599, {}, '0'],
  ] as const) {
    test(`${what} has no body`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await Http2Upstream.listen(bed, (stream) =>
        stream.respond({ ':status': status, ...fields }, { endStream: true }),
      );
      const gateway = await gatewayTo(bed, upstream.port);
      const client = await bed.client(gateway);
      const method = line.slice(0, line.indexOf(' '));
      const text = request(line);
      const responses = await client.send(text + text).untilResponses(2, [method, method]);
      for (const response of responses) {
        assert.equal(statusOf(response), status);
        assert.equal(valueOf(response, 'content-length'), length);
        assert.equal(response.body.length, 0);
      }
    });
  }

  test('informational responses and trailers', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1', 'set-cookie': 'no=1' }));
      stream.end('hello');
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    client.send(request('GET /', ['TE: trailers', 'Connection: te']));
    const [hints, response] = await client.untilResponses(1);
    assert.equal(statusOf(hints ?? assert.fail()), 103);
    assert.equal(valueOf(hints ?? assert.fail(), 'link'), '</a>');
    assert.equal(response?.body.toString(), 'hello');
    assert.ok(client.received.includes('x-sum: 1\r\n'));
    assert.ok(!client.received.includes('no=1'));
  });

  test('an answer before the request is whole ends the upload', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, (stream) => {
      stream.respond({ ':status': 413 });
      stream.end('no');
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    client.send(request('POST /', ['Content-Length: 500000'], 'some'));
    const [response] = await client.untilResponses(1);
    assert.equal(statusOf(response ?? assert.fail()), 413);
    await upstream.until('the reset', () => upstream.requests[0]?.stream.closed || undefined);
    await client.untilClosed();
  });

  const PIECE = 'x'.repeat(1_000);
  for (const [what, cut] of [
    ['RST_STREAM without an error', (connection) => connection.send(rstStream(1, ERROR.none))],
    ['RST_STREAM with CANCEL', (connection) => connection.send(rstStream(1, ERROR.cancel))],
    ['RST_STREAM with INTERNAL_ERROR', (connection) => connection.send(rstStream(1, ERROR.internal))],
    ['RST_STREAM with REFUSED_STREAM', (connection) => connection.send(rstStream(1, ERROR.refused))],
    ['a FIN', ({ socket }) => socket.end()],
    ['a reset of the connection', ({ socket }) => socket.resetAndDestroy()],
    ['GOAWAY and a FIN', ({ socket }) => socket.end(goaway(1, ERROR.none))],
    ['GOAWAY and a reset', ({ socket }) => socket.write(goaway(1, ERROR.none), () => socket.resetAndDestroy())],
    ['GOAWAY with an error', (connection) => connection.send(goaway(1, ERROR.internal))],
    ['GOAWAY for what came before', (connection) => connection.send(goaway(0, ERROR.none))],
    ['a frame on stream 0', (connection) => connection.send(data(0, 'x'))],
  ] satisfies [string, (connection: FrameConnection) => void][]) {
    test(`cut by ${what}: the client can't take it for whole`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await FrameUpstream.listen(bed, {
        onRequest: (connection, stream) =>
          connection.send(headers(stream, [[':status', '200']], 0), data(stream, PIECE)),
      });
      const gateway = await gatewayTo(bed, upstream.port);
      const client = await bed.client(gateway);
      client.send(request('GET /'));
      await client.untilText(PIECE);
      cut(await upstream.connection(0));
      const received = await client.untilClosed();
      assert.equal(client.end, 'reset');
      assert.ok(!received.includes('\r\n0\r\n'));
      const { status, attempts } = await gateway.logged();
      assert.deepEqual([status, attempts], [200, 1]);
      assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
    });
  }

  for (const [what, fields, body] of [
    ['more than its length', [['content-length', '3']], 'hello'],
    ['less than its length', [['content-length', '30']], 'hello'],
    [
      'two lengths',
      [
        ['content-length', '5'],
        ['content-length', '5'],
      ],
      'hello',
    ],
    ['a length that is no number', [['content-length', '+5']], 'hello'],
    ['Connection', [['connection', 'x']], 'hello'],
    ['Transfer-Encoding', [['transfer-encoding', 'chunked']], 'hello'],
    ['Upgrade', [['upgrade', 'x']], 'hello'],
    ['an upper-case name', [['X-A', 'x']], 'hello'],
    [
      'a pseudo field behind others',
      [
        ['x-a', 'x'],
        [':path', '/'],
      ],
      'hello',
    ],
    ['two statuses', [[':status', '200']], 'hello'],
    ['257 fields', Array.from({ length: 257 }, (_, i) => [`x-${i}`, 'x'] as const), 'hello'],
    ['600 fields', Array.from({ length: 600 }, (_, i) => [`x-${i}`, 'x'] as const), 'hello'],
    ['a head of 100 KiB', Array.from({ length: 10 }, (_, i) => [`x-${i}`, 'x'.repeat(10_240)] as const), 'hello'],
  ] satisfies [string, Fields, string][]) {
    test(`F22 an answer with ${what}: 502 or cut, and others on the connection go on or are answered`, async (t) => {
      const bed = new TestBed(t);
      let isBad = true;
      const upstream = await FrameUpstream.listen(bed, {
        onRequest: (connection, stream) => {
          const all: Fields = isBad ? [[':status', '200'], ...fields] : [[':status', '200']];
          connection.send(...headFrames(stream, all), data(stream, body, END_STREAM));
        },
      });
      const gateway = await gatewayTo(bed, upstream.port);
      const client = await bed.client(gateway);
      client.send(request('GET /'));
      await client.until('an end', () => client.end !== 'open' || client.responses()[0]);
      const { status, flag } = await gateway.logged();
      assert.equal(flag, 'UPE');
      if (status === 200) assert.equal(client.end, 'reset');
      else assert.equal(status, 502);
      isBad = false;
      assert.equal(await ask(await bed.client(gateway)), 200);
    });
  }

  for (const status of ['', '99', '600', '2000', '2x0', '101', '-20', '+200', ' 200']) {
    test(`F22 the status ${JSON.stringify(status)}: 502`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await FrameUpstream.listen(bed, {
        onRequest: (connection, stream) => connection.answer(stream, 'hello', [[':status', status]]),
      });
      const gateway = await gatewayTo(bed, upstream.port);
      assert.equal(await ask(await bed.client(gateway)), 502);
      assert.equal((await gateway.logged()).flag, 'UPE');
    });
  }

  for (const [line, status] of [
    ['HEAD /', '200'],
    ['GET /', '204'],
    ['GET /', '304'],
  ] as const) {
    test(`F22 a body where none may be, ${line} ${status}: nothing of it reaches the client`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await FrameUpstream.listen(bed, {
        onRequest: (connection, stream) => connection.answer(stream, 'smuggled', [[':status', status]]),
      });
      const gateway = await gatewayTo(bed, upstream.port);
      const client = await bed.client(gateway);
      client.send(request(line));
      await gateway.logged();
      assert.ok(!client.received.includes('smuggled'));
    });
  }

  for (const [what, fields] of [
    ['line breaks', 'a\r\nx-evil: 1'],
    ['NUL', 'a\0b'],
  ] as const) {
    test(`H11 ${what} in a value do not pass`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await FrameUpstream.listen(bed, {
        onRequest: (connection, stream) =>
          connection.answer(stream, 'ok', [
            [':status', '200'],
            ['x-a', fields],
          ]),
      });
      const gateway = await gatewayTo(bed, upstream.port);
      const client = await bed.client(gateway);
      await client.send(request('GET /')).untilResponses(1);
      assert.ok(!client.received.includes('x-evil') && !client.received.includes('\0'));
    });
  }

  test('bodies pass at the pace of the slower side: an answer to a client that does not read', async (t) => {
    const bed = new TestBed(t);
    let sent = 0;
    const upstream = await Http2Upstream.listen(bed, (stream) => {
      stream.respond({ ':status': 200 });
      const piece = Buffer.alloc(16_384, 'x');
      const write = (): void => {
        while (sent < 64 * 1024 * 1024) {
          sent += piece.length;
          if (!stream.write(piece)) return void stream.once('drain', write);
        }
        stream.end();
      };
      write();
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    client.socket.pause();
    client.send(request('GET /'));
    let before = -1;
    while (sent !== before) {
      before = sent;
      await delay(100);
    }
    assert.ok(sent > 0 && sent < 16 * 1024 * 1024, `${sent} bytes`);
    let received = 0;
    client.socket.on('data', ({ length }) => (received += length));
    client.socket.resume();
    assert.equal((await gateway.logged()).bytesSent, 64 * 1024 * 1024);
    assert.equal(sent, 64 * 1024 * 1024);
  });

  test('bodies pass at the pace of the slower side: a request to an endpoint that does not read', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, (stream) => stream.pause());
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    const size = 64 * 1024 * 1024;
    client.send(request('POST /', [`Content-Length: ${size}`]));
    const { stream } = await upstream.request(0);
    stream.pause();
    const piece = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    const write = (): void => {
      while (sent < size) {
        sent += piece.length;
        if (!client.socket.write(piece)) return void client.socket.once('drain', write);
      }
    };
    write();
    let before = -1;
    while (sent !== before) {
      before = sent;
      await delay(100);
    }
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes`);
    stream.removeAllListeners('data');
    let received = 0;
    stream.on('data', ({ length }: Buffer) => (received += length));
    stream.on('end', () => stream.respond({ ':status': 200 }, { endStream: true }));
    stream.resume();
    assert.deepEqual((await client.untilResponses(1)).map(statusOf), [200]);
    assert.equal(received, size);
  });
});

function goaway(lastStream: number, code: number): Buffer {
  return frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(lastStream), uint32(code)]));
}

/** A head in as many frames as it needs. */
function headFrames(stream: number, fields: Fields): Buffer[] {
  const block = headerBlock(fields);
  const pieces: Buffer[] = [];
  for (let at = 0; at < block.length || at === 0; at += 16_384) pieces.push(block.subarray(at, at + 16_384));
  return pieces.map((piece, i) => {
    const flags = i === pieces.length - 1 ? END_HEADERS : 0;
    return frame(i === 0 ? FRAME.headers : FRAME.continuation, flags, stream, piece);
  });
}
