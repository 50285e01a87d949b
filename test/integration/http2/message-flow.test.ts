// Bodies, trailers, informational answers and ends of streams, between a well-behaved client and whoever takes the exchange.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { headerList, Http2Endpoint } from '../../harness/http2-endpoint.ts';
import { data, END_STREAM, ERROR, FRAME, headers, requestFields, rstStream } from '../../harness/http2-frames.ts';

interface Answer {
  readonly head: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const chunks: Buffer[] = [];
  let trailers: IncomingHttpHeaders | undefined;
  stream.on('trailers', (fields) => (trailers = fields));
  const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { head, body: Buffer.concat(chunks), trailers };
}

describe('bodies', () => {
  test('F12 a body with any method arrives with its framing', async (t) => {
    const endpoint = await Http2Endpoint.start(t);
    const client = endpoint.client();
    for (const method of ['GET', 'DELETE', 'POST']) {
      const stream = client.request({ ':method': method, ':path': '/', 'content-length': 5 }, { endStream: false });
      stream.end('hello');
      assert.equal((await answerOf(stream)).head[':status'], 200);
      const recorded = endpoint.exchanges.at(-1) ?? assert.fail();
      assert.equal(recorded.exchange.requestBodyLength, 5);
      assert.equal(recorded.exchange.request.headers.has('content-length'), false);
      assert.equal(recorded.body.toString(), 'hello');
      assert.equal(recorded.exchange.bytesReceived, 5);
      assert.equal(recorded.ends, 1);
    }
  });

  test('without a length the body is chunked, and a length of 0 is none', async (t) => {
    const endpoint = await Http2Endpoint.start(t);
    const client = endpoint.client();
    for (const [fields, length] of [
      [{}, 'chunked'],
      [{ 'content-length': '0' }, 0],
    ] as const) {
      const stream = client.request({ ':method': 'POST', ':path': '/', ...fields }, { endStream: false });
      stream.end();
      await answerOf(stream);
      const recorded = endpoint.exchanges.at(-1) ?? assert.fail();
      assert.equal(recorded.exchange.requestBodyLength, length);
      assert.equal(recorded.ends, 1);
    }
  });

  test('an answer of any length arrives whole, and HEAD has its length without it', async (t) => {
    const body = 'x'.repeat(300_000);
    const endpoint = await Http2Endpoint.start(t, { script: (recorded) => recorded.answer(200, body, 'x-a', '\xff') });
    const client = endpoint.client();
    const whole = await answerOf(client.request({ ':path': '/' }));
    assert.equal(whole.body.length, body.length);
    assert.equal(whole.head['content-length'], String(body.length));
    assert.equal(whole.head['x-a'], '\xff');
    assert.equal(whole.head['date'], undefined);
    const head = await answerOf(client.request({ ':path': '/', ':method': 'HEAD' }));
    assert.equal(head.body.length, 0);
    assert.equal(head.head['content-length'], String(body.length));
    assert.equal(endpoint.exchanges[1]?.exchange.bytesSent, 0);
    assert.equal(endpoint.exchanges[1]?.aborts.length, 0);
  });

  for (const status of [204, 205, 304]) {
    test(`${status} has no body, whatever is written`, async (t) => {
      const endpoint = await Http2Endpoint.start(t, { script: (recorded) => recorded.answer(status, 'no') });
      const { head, body } = await answerOf(endpoint.client().request({ ':path': '/' }));
      assert.equal(head[':status'], status);
      assert.equal(body.length, 0);
      assert.equal(endpoint.exchanges[0]?.exchange.bytesSent, 0);
      assert.equal(head['content-length'], status === 304 ? '2' : undefined);
    });
  }

  test('an answer of unknown length, and fields that repeat', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: ({ exchange }) => {
        exchange.respond(
          { status: 200, headers: headerList('set-cookie', 'a', 'set-cookie', 'b', 'age', '1', 'age', '2') },
          'chunked',
        );
        exchange.writeResponse(Buffer.from('one '));
        setImmediate(() => {
          exchange.writeResponse(Buffer.from('two'));
          exchange.endResponse(headerList('x-ignored', 'as the client did not ask for trailers'));
        });
      },
    });
    const { head, body, trailers } = await answerOf(endpoint.client().request({ ':path': '/' }));
    assert.deepEqual(head['set-cookie'], ['a', 'b']);
    assert.equal(body.toString(), 'one two');
    assert.equal(trailers, undefined);
  });

  test('a body over the limit is 413, declared or not', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { limits: { maxBodyBytes: 10 } });
    const client = endpoint.client();
    const declared = client.request({ ':method': 'POST', ':path': '/', 'content-length': 11 });
    assert.equal((await answerOf(declared)).head[':status'], 413);
    assert.equal(endpoint.exchanges.length, 0);

    const streamed = client.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    streamed.write('12345');
    streamed.write('678901');
    assert.equal((await answerOf(streamed)).head[':status'], 413);
    const recorded = await endpoint.exchange();
    assert.equal(recorded.errors[0]?.code, 'payload_too_large');
    assert.equal(recorded.ends, 0);
    assert.deepEqual(endpoint.protocolErrors, ['payload_too_large', 'payload_too_large']);
  });
});

describe('trailers', () => {
  test('F11 of a request: what frames, routes or authorises is dropped', async (t) => {
    const endpoint = await Http2Endpoint.start(t);
    const client = await endpoint.frames();
    client.send(
      headers(1, requestFields('POST', '/'), 0),
      data(1, 'x'),
      headers(1, [
        ['x-sum', '1'],
        ['content-length', '1'],
        ['host', 'evil'],
        ['authorization', 'x'],
        ['x-forwarded-for', 'x'],
      ]),
    );
    assert.equal(await client.status(1), 200);
    const recorded = await endpoint.exchange();
    assert.deepEqual(recorded.trailers?.fields, ['x-sum', '1']);
    assert.equal(recorded.body.toString(), 'x');
  });

  test('of a request: an underscore is refused as in a head', async (t) => {
    const endpoint = await Http2Endpoint.start(t);
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('POST', '/'), 0), data(1, 'x'), headers(1, [['x_sum', '1']]));
    assert.equal(await client.status(1), 400);
    assert.equal((await endpoint.exchange()).ends, 0);
  });

  test('of a request: pseudo-header fields and an unfinished stream are reset', async (t) => {
    const endpoint = await Http2Endpoint.start(t);
    for (const trailer of [headers(1, [[':path', '/x']]), headers(1, [['x', 'y']], 0)]) {
      const client = await endpoint.frames();
      client.send(headers(1, requestFields('POST', '/'), 0), data(1, 'x'), trailer);
      await client.until('a reset', () => client.isClosed || client.first(FRAME.rstStream, 1));
      const recorded = endpoint.exchanges.at(-1) ?? assert.fail();
      await endpoint.until('the abort', () => recorded.aborts.length > 0 || undefined);
      assert.equal(recorded.ends, 0);
      client.destroy();
    }
  });

  test('of an answer, where the client accepts them', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: ({ exchange }) => {
        exchange.respond({ status: 200, headers: headerList() }, 'chunked');
        exchange.writeResponse(Buffer.from('body'));
        exchange.endResponse(
          exchange.request.path === '/none' ? undefined : headerList('grpc-status', '0', 'x', 'a', 'x', 'b'),
        );
      },
    });
    const client = endpoint.client();
    const answer = await answerOf(client.request({ ':path': '/', te: 'trailers' }));
    assert.equal(answer.body.toString(), 'body');
    assert.equal(answer.trailers?.['grpc-status'], '0');
    assert.equal(answer.trailers['x'], 'a, b');
    const none = await answerOf(client.request({ ':path': '/none', te: 'trailers' }));
    assert.equal(none.body.toString(), 'body');
    assert.equal(none.trailers, undefined);
  });

  test('of an answer that ends before the request does: then the request is reset without an error', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: ({ exchange }) => {
        exchange.respond({ status: 200, headers: headerList() }, 'chunked');
        exchange.writeResponse(Buffer.from('early'));
        exchange.endResponse(headerList('grpc-status', '3'));
      },
    });
    const stream = endpoint.client().request({ ':method': 'POST', ':path': '/', te: 'trailers' }, { endStream: false });
    const answer = await answerOf(stream);
    assert.equal(answer.trailers?.['grpc-status'], '3');
    if (!stream.destroyed) await once(stream, 'close');
    assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  });
});

describe('F19 informational answers', () => {
  test('100 and 103 come before the answer, and the body after 100', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: (recorded) => {
        recorded.exchange.respondInformational(103, headerList('link', 'a', 'link', 'b'));
        recorded.exchange.respondInformational(100, headerList());
        recorded.onEnd = () => recorded.answer();
      },
    });
    const stream = endpoint.client().request({ ':method': 'POST', ':path': '/', expect: '100-continue' });
    const early: unknown[] = [];
    stream.on('headers', (fields) => early.push(fields[':status'], fields['link']));
    stream.on('continue', () => stream.end('body'));
    assert.equal((await answerOf(stream)).head[':status'], 200);
    assert.deepEqual(early, [103, 'a, b', 100, undefined]);
    const recorded = await endpoint.exchange();
    assert.equal(recorded.exchange.expectsContinue, true);
    assert.equal(recorded.body.toString(), 'body');
  });

  test('a final answer at once: the body is not waited for', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: (recorded) => recorded.answer(403, 'no') });
    const stream = endpoint.client().request({ ':method': 'POST', ':path': '/', expect: '100-continue' });
    const answer = await answerOf(stream);
    assert.equal(answer.head[':status'], 403);
    assert.equal(answer.body.toString(), 'no');
  });
});

describe('ends of a stream', () => {
  test('an early answer resets what the client still sends, without an error', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: (recorded) => recorded.answer(401, 'early') });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('POST', '/'), 0), data(1, 'x'.repeat(1_000)));
    assert.equal(await client.status(1), 401);
    assert.equal(await client.resetCode(1), ERROR.none);
    assert.equal(client.body(1).toString(), 'early');
    client.send(data(1, 'more'), headers(3, requestFields('GET', '/')));
    assert.equal(await client.status(3), 401);
    assert.equal(endpoint.exchanges[0]?.aborts.length, 0);
  });

  test('an early answer while the request is paused and bytes of it wait', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: (recorded) => {
        recorded.onData = () => recorded.exchange.pauseRequest();
      },
    });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('POST', '/'), 0), data(1, 'a'));
    const recorded = await endpoint.exchange();
    await endpoint.until('data', () => recorded.chunks.length > 0 || undefined);
    client.send(data(1, 'b'), data(1, 'c'));
    await client.roundTrip();
    recorded.answer(200, 'early');
    assert.equal(await client.resetCode(1), ERROR.none);
    await client.roundTrip();
    assert.equal(endpoint.connections[0]?.isIdle, true);
    assert.equal(recorded.body.toString(), 'a');
  });

  for (const code of [ERROR.cancel, ERROR.none, ERROR.internal]) {
    test(`a reset with code ${code} aborts once, with a body that is not complete`, async (t) => {
      const endpoint = await Http2Endpoint.start(t, { script: () => {} });
      const client = await endpoint.frames();
      client.send(headers(1, requestFields('POST', '/'), 0), data(1, 'x'), rstStream(1, code));
      const recorded = await endpoint.exchange();
      await endpoint.until('the abort', () => recorded.aborts.length > 0 || undefined);
      await client.roundTrip();
      assert.equal(recorded.aborts.length, 1);
      assert.equal(recorded.aborts[0]?.code, 'downstream_closed');
      assert.equal(recorded.ends, 0);
      assert.equal(endpoint.connections[0]?.isIdle, true);
      // What comes too late does no harm.
      recorded.answer();
      recorded.exchange.abort();
      await client.roundTrip();
      assert.equal(client.isClosed, false);
    });

    test(`a reset with code ${code} while the request is paused aborts too`, async (t) => {
      const endpoint = await Http2Endpoint.start(t, { script: ({ exchange }) => exchange.pauseRequest() });
      const client = await endpoint.frames();
      client.send(headers(1, requestFields('POST', '/'), 0), data(1, 'x'));
      await client.roundTrip();
      client.send(rstStream(1, code));
      const recorded = await endpoint.exchange();
      await endpoint.until('the abort', () => recorded.aborts.length > 0 || undefined);
      assert.deepEqual([recorded.ends, recorded.chunks.length], [0, 0]);
      await endpoint.until('the stream is gone', () => endpoint.connections[0]?.isIdle || undefined);
    });
  }

  test('HEAD with a body that is reset without an error does not look complete', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: () => {} });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('HEAD', '/'), 0), data(1, 'x'), rstStream(1, ERROR.none));
    const recorded = await endpoint.exchange();
    await endpoint.until('the abort', () => recorded.aborts.length > 0 || undefined);
    assert.equal(recorded.ends, 0);
  });

  test('a reset in the middle of the answer aborts once', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: ({ exchange }) => {
        exchange.respond({ status: 200, headers: headerList() }, 'chunked');
        exchange.writeResponse(Buffer.from('x'));
      },
    });
    const stream = endpoint.client().request({ ':path': '/' });
    await once(stream, 'data');
    stream.close(constants.NGHTTP2_CANCEL);
    const recorded = await endpoint.exchange();
    await endpoint.until('the abort', () => recorded.aborts.length > 0 || undefined);
    assert.equal(recorded.exchange.writeResponse(Buffer.from('late')), true);
    recorded.exchange.endResponse();
    assert.equal(recorded.aborts.length, 1);
  });

  test('abort() resets the stream, before and within the answer, and nothing else', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: () => {} });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('GET', '/')), headers(3, requestFields('POST', '/'), 0));
    (await endpoint.exchange(0)).exchange.abort();
    assert.equal(await client.resetCode(1), ERROR.internal);
    const { exchange } = await endpoint.exchange(1);
    exchange.respond({ status: 200, headers: headerList() }, 10);
    exchange.writeResponse(Buffer.from('x'));
    await client.status(3);
    exchange.abort();
    assert.equal(await client.resetCode(3), ERROR.internal);
    await client.roundTrip();
    assert.deepEqual(
      endpoint.exchanges.map(({ aborts }) => aborts.length),
      [0, 0],
    );
    assert.equal(client.isClosed, false);
  });

  test('a connection that breaks aborts every request on it, then counts as closed', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: () => {} });
    for (const end of ['reset', 'fin'] as const) {
      const client = await endpoint.frames();
      const count = endpoint.exchanges.length;
      const closed = endpoint.closedConnections;
      client.send(headers(1, requestFields('GET', '/')), headers(3, requestFields('POST', '/'), 0));
      await endpoint.exchange(count + 1);
      if (end === 'reset') client.socket.resetAndDestroy();
      else client.socket.end();
      await endpoint.untilConnectionsClosed(closed + 1);
      assert.deepEqual(
        endpoint.exchanges.slice(count).map(({ aborts }) => aborts.length),
        [1, 1],
      );
    }
  });

  for (const where of ['onExchange', 'onRequestData', 'onRequestEnd', 'onAbort'] as const) {
    test(`a throw in ${where} ends one connection and is reported`, async (t) => {
      const endpoint = await Http2Endpoint.start(t, {
        script: (recorded) => {
          const fail = (): never => {
            throw new Error('a defect');
          };
          if (recorded.exchange.request.path === '/good') recorded.answer();
          else if (where === 'onExchange') fail();
          else recorded[where] = fail;
        },
      });
      endpoint.expectDefects();
      const other = await endpoint.frames();
      const client = await endpoint.frames();
      client.send(headers(1, requestFields('POST', '/bad'), 0), data(1, 'x'), data(1, '', END_STREAM));
      if (where === 'onAbort') {
        await endpoint.exchange();
        client.send(rstStream(1, ERROR.cancel));
      }
      await client.untilClosed();
      assert.ok(endpoint.defects.length >= 1);
      other.send(headers(1, requestFields('GET', '/good')));
      assert.equal(await other.status(1), 200);
    });
  }
});

describe('over TLS', () => {
  let authority: CertificateAuthority;
  before(() => {
    authority = new CertificateAuthority();
  });
  after(() => authority.remove());

  test('requests, aborts and closing', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { tls: authority.issue('localhost') });
    const client = endpoint.client();
    const stream = client.request({ ':method': 'POST', ':path': '/' });
    stream.end(Buffer.alloc(500_000));
    assert.equal((await answerOf(stream)).head[':status'], 200);
    const { exchange } = await endpoint.exchange();
    assert.equal(exchange.request.scheme, 'https');
    assert.equal(exchange.bytesReceived, 500_000);
    client.close();
    await endpoint.untilConnectionsClosed(1);
  });
});
