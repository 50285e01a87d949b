// What is special about some requests and answers survives the lane: trailers, informational answers, answers without a body, tunnels,
// and the order and repetition of fields.
import assert from 'node:assert/strict';
import { Transform } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import { answering, give, GZIP, load, served, TEXT, untilOver } from './lane-bed.ts';
import { MemoryUpstream } from './memory-upstream.ts';

const LONG = 'x'.repeat(20_000);

describe('answers', () => {
  test('trailers follow the compressed body', async (t) => {
    const trailers = new HeaderList(['grpc-status', '0', 'checksum', 'a', 'checksum', 'b']);
    const upstream = new MemoryUpstream((each) => each.answer(200, TEXT, LONG, trailers));
    const exchange = await served(await load(t), { fields: GZIP }, upstream);
    assert.equal(gunzipSync(exchange.received).toString(), LONG);
    assert.deepEqual(exchange.trailers?.fields, trailers.fields);
  });

  test('trailers of an answer without a body are kept too', async (t) => {
    const upstream = new MemoryUpstream((_, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList(['content-type', 'application/grpc']) }, 0);
      // In a later frame.
      setImmediate(() => exchange.endResponse(new HeaderList(['grpc-status', '5'])));
    });
    const exchange = await served(await load(t), {}, upstream);
    assert.equal(exchange.length, 0);
    assert.deepEqual(exchange.trailers?.fields, ['grpc-status', '5']);
    assert.equal(upstream.aborted, undefined);
  });

  test('informational answers come before the head, from the upstream and from plugins', async (t) => {
    const lane = await load(t, (app) => {
      app.addHook('onRequest', (_request, reply, done) => {
        reply.raw.writeEarlyHints({ link: '</plugin.css>; rel=preload' });
        done();
      });
    });
    const upstream = new MemoryUpstream((each, exchange) => {
      exchange.respondInformational(103, new HeaderList(['link', '</upstream.css>; rel=preload']));
      each.answer(200, TEXT, LONG);
    });
    const exchange = await served(lane, {}, upstream);
    assert.deepEqual(
      exchange.informational.map(({ status, headers }) => [status, ...headers.fields]),
      [
        [103, 'link', '</plugin.css>; rel=preload'],
        [103, 'link', '</upstream.css>; rel=preload'],
      ],
    );
    assert.equal(exchange.head?.status, 200);
  });

  test('HEAD is answered as GET would be, without the body', async (t) => {
    const lane = await load(t);
    const upstream = new MemoryUpstream((_, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, LONG.length);
      exchange.endResponse();
    });
    const exchange = await served(lane, { method: 'HEAD', fields: GZIP }, upstream);
    assert.equal(exchange.head?.headers.get('content-encoding'), 'gzip');
    assert.deepEqual([exchange.length, exchange.bytesSent], [undefined, 0]);

    const plain = await served(lane, { method: 'HEAD' }, new MemoryUpstream(upstream.onExchange));
    assert.equal(plain.head?.headers.has('content-encoding'), false);
    assert.deepEqual([plain.length, plain.bytesSent], [LONG.length, 0]);
  });

  for (const [status, length] of [
    [204, undefined],
    [304, LONG.length],
  ] as const) {
    test(`${status} has neither body nor encoding`, async (t) => {
      const upstream = new MemoryUpstream((_, exchange) => {
        exchange.respond({ status, headers: new HeaderList(['etag', '"a"', ...TEXT]) }, length);
        exchange.endResponse();
      });
      const exchange = await served(await load(t), { fields: GZIP }, upstream);
      assert.equal(exchange.head?.status, status);
      assert.equal(exchange.head.headers.get('etag'), '"a"');
      assert.equal(exchange.head.headers.has('content-encoding'), false);
      // What the length of a compressed body would be is not known.
      assert.deepEqual([exchange.length, exchange.bytesSent, exchange.end], [undefined, 0, 'ended']);
    });
  }

  test('an empty body stays empty', async (t) => {
    const exchange = await served(await load(t), { fields: GZIP }, answering(200, TEXT));
    assert.deepEqual([exchange.length, exchange.bytesSent, exchange.end], [0, 0, 'ended']);
    assert.equal(exchange.head?.headers.has('content-encoding'), false);
  });

  test('a status that is not registered passes', async (t) => {
    const exchange = await served(await load(t), {}, answering(799, TEXT, 'odd'));
    assert.equal(exchange.head?.status, 799);
  });

  test('a plugin that answers by itself leaves the upstream alone', async (t) => {
    const lane = await load(t, (app) => app.get('/own', (_request, reply) => reply.send({ own: true })));
    const upstream = new MemoryUpstream();
    const exchange = await served(lane, { path: '/own' }, upstream);
    assert.equal(exchange.received.toString(), '{"own":true}');
    assert.ok(exchange.head?.headers.has('date'));
    assert.deepEqual([exchange.length, upstream.isTaken], [12, false]);
  });
});

describe('requests', () => {
  test('the client is told to go on by whoever reads the body: the upstream', async (t) => {
    const upstream = new MemoryUpstream();
    const request = { method: 'POST', fields: TEXT, length: 5, expectsContinue: true } as const;
    const exchange = give(await load(t), request, upstream);
    assert.equal(upstream.exchange.expectsContinue, true);
    await turn();
    assert.equal(exchange.informational.length, 0);
    upstream.exchange.respondInformational(100, new HeaderList());
    assert.equal(exchange.informational.length, 1);
    exchange.send(Buffer.from('hello'));
    exchange.finish();
    await upstream.until('the request', () => upstream.requestEnd === 'ended' || undefined);
    upstream.answer(200, TEXT, 'ok');
    await untilOver(exchange);
  });

  test('the client is told to go on by whoever reads the body: a plugin', async (t) => {
    const lane = await load(t, (app) => {
      app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body));
      app.post('/read', (request) => `got ${String(request.body)}`);
    });
    const request = { method: 'POST', path: '/read', fields: TEXT, length: 5, expectsContinue: true } as const;
    const exchange = give(lane, request, new MemoryUpstream());
    await exchange.until('100', () => exchange.informational[0]?.status === 100 || undefined);
    exchange.send(Buffer.from('hello'));
    exchange.finish();
    await untilOver(exchange);
    assert.equal(exchange.received.toString(), 'got hello');
  });

  test('fields keep order and repetition, but for what plugins change', async (t) => {
    const lane = await load(t, (app) => {
      app.addHook('onRequest', (request, _reply, done) => {
        request.headers['x-user'] = 'alice';
        request.headers['b'] = 'changed';
        delete request.headers['secret'];
        done();
      });
    });
    const upstream = answering(200, TEXT, 'ok');
    const cookies = ['cookie', 'a=1', 'x', '1', 'cookie', 'b=2'];
    const twice = ['authorization', 'first', 'authorization', 'second'];
    await served(lane, { fields: [...cookies, 'b', '0', 'secret', '1', 'x-2', '2', ...twice] }, upstream);
    // Of authorization plugins see the first only, so the upstream does too.
    const expected = [...cookies, 'b', 'changed', 'x-2', '2', 'authorization', 'first', 'x-user', 'alice'];
    assert.deepEqual(upstream.exchange.request.headers.fields, expected);
  });

  test('a body that a plugin transforms goes on without a length', async (t) => {
    const lane = await load(t, (app) => {
      app.addHook('preParsing', (_request, _reply, payload, done) => {
        const upperCase = new Transform({
          transform: (chunk: Buffer, _encoding, push) => push(null, chunk.toString().toUpperCase()),
        });
        done(null, payload.pipe(upperCase));
      });
    });
    const upstream = new MemoryUpstream();
    const exchange = give(lane, { method: 'PUT', fields: TEXT, length: 5 }, upstream);
    exchange.send(Buffer.from('hello'));
    exchange.finish();
    await upstream.until('the request', () => upstream.requestEnd === 'ended' || undefined);
    assert.equal(upstream.exchange.requestBodyLength, 'chunked');
    assert.equal(Buffer.concat(upstream.received).toString(), 'HELLO');
    upstream.answer(200, TEXT, 'ok');
    await untilOver(exchange);
  });

  test('any target and any method that Fastify can route is forwarded; another is refused', async (t) => {
    const lane = await load(t);
    for (const [method, path] of [
      ['GET', `/${'long/'.repeat(1_000)}`],
      ['GET', '/a%2Fb/%e2%82%ac'],
      ['OPTIONS', '*'],
      ['PROPFIND', '/'],
      ['DELETE', '/'],
    ] as const) {
      const upstream = answering(200, TEXT, 'ok');
      await served(lane, { method, path, query: 'q=%2F' }, upstream);
      const { request } = upstream.exchange;
      assert.deepEqual([request.method, request.path, request.query], [method, path, 'q=%2F']);
    }
    const upstream = new MemoryUpstream();
    const refused = await served(lane, { method: 'BREW' }, upstream);
    assert.equal(refused.head?.status, 501);
    const malformed = await served(lane, { path: '/%zz' }, upstream);
    assert.deepEqual([malformed.head?.status, /zz|FST_/.test(malformed.received.toString())], [400, false]);
    assert.equal(upstream.isTaken, false);
  });

  test('a tunnel leaves the lane: raw bytes both ways, after the hooks of plugins', async (t) => {
    let hooks = 0;
    const lane = await load(t, (app) => {
      app.addHook('onRequest', (_request, _reply, done) => {
        hooks++;
        done();
      });
    });
    hooks = 0;
    const upstream = new MemoryUpstream((_, exchange) => {
      exchange.respond({ status: 101, upgrade: 'websocket', headers: new HeaderList() }, undefined);
    });
    const exchange = give(lane, { upgrade: 'websocket' }, upstream);
    assert.equal(upstream.exchange.upgrade, 'websocket');
    assert.deepEqual([exchange.head?.status, exchange.head?.upgrade, hooks], [101, 'websocket', 1]);
    exchange.send(Buffer.from('ping'));
    assert.equal(Buffer.concat(upstream.received).toString(), 'ping');
    upstream.exchange.writeResponse(Buffer.from('pong'));
    upstream.exchange.flushResponse();
    await turn();
    assert.equal(exchange.received.toString(), 'pong');
    assert.equal(exchange.end, 'open');
    upstream.exchange.endResponse();
    await untilOver(exchange);
    assert.equal(upstream.aborted, undefined);
  });
});
