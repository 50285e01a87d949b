// Whatever fails in the lane or beside it ends both sides: the client gets one clean answer or a cut one, the upstream is let go, no
// stream stays behind, and nothing that plugins say of their insides reaches the client.
import assert from 'node:assert/strict';
import { finished } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import { Conditions } from '../../harness/deadline.ts';
import { answering, compressing, give, GZIP, load, served, TEXT, untilOver } from './lane-bed.ts';
import { MemoryUpstream } from './memory-upstream.ts';

const SECRET = 'the password is hunter2';

/** Remembers how Fastify's side of each request ended. */
class Watch {
  readonly #ends: string[] = [];
  readonly #conditions = new Conditions();

  readonly register = async (app: FastifyInstance): Promise<void> => {
    await compressing(app);
    app.addHook('onRequest', (request, reply, done) => {
      finished(request.raw, (error) => this.#note(`request ${error === undefined ? 'read' : 'cut'}`));
      finished(reply.raw, (error) => this.#note(`response ${error === undefined ? 'written' : 'cut'}`));
      done();
    });
    app.addHook('onRequestAbort', (_request, done) => {
      this.#note('abort hook');
      done();
    });
  };

  /** Forgets them after that. */
  async until(...ends: readonly string[]): Promise<void> {
    await this.#conditions.until(ends.join(), () => this.#ends.length >= ends.length || undefined);
    assert.deepEqual(this.#ends.splice(0).toSorted(), ends.toSorted());
  }

  #note(end: string): void {
    this.#ends.push(end);
    this.#conditions.changed();
  }
}

async function watched(t: Parameters<typeof load>[0]): Promise<[Awaited<ReturnType<typeof load>>, Watch]> {
  const watch = new Watch();
  const lane = await load(t, watch.register);
  // The trial at load was one.
  await watch.until('request read', 'response written');
  return [lane, watch];
}

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(64 * 1024, 'abc');
}

describe('a client that leaves', () => {
  test('while the answer comes: streams are destroyed, the upstream is let go', async (t) => {
    const [lane, watch] = await watched(t);
    const upstream = new MemoryUpstream((each, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, 'chunked');
      each.stream(endless());
    });
    const exchange = give(lane, { method: 'POST', length: 10, fields: GZIP, wantedBytes: 0 }, upstream);
    await exchange.until('the answer has begun', () => exchange.isFull || undefined);
    exchange.leave();
    assert.equal(upstream.aborted?.code, 'downstream_closed');
    await watch.until('request cut', 'response cut', 'abort hook');
    assert.deepEqual(exchange.breaches, []);
  });

  test('while the upstream has not answered', async (t) => {
    const [lane, watch] = await watched(t);
    const upstream = new MemoryUpstream();
    const exchange = give(lane, { method: 'POST', length: 10, fields: TEXT }, upstream);
    exchange.send(Buffer.from('hello'));
    exchange.leave();
    assert.equal(upstream.aborted?.code, 'downstream_closed');
    await watch.until('request cut', 'response cut', 'abort hook');
    // What the upstream still says is said to nobody.
    upstream.answer(200, TEXT, 'late');
    await turn();
    assert.equal(exchange.head, undefined);
    assert.deepEqual(exchange.breaches, []);
  });

  test('while a plugin still thinks: nothing is forwarded', async (t) => {
    const gate = Promise.withResolvers<void>();
    let isTrial = true;
    const lane = await load(t, (app) => app.addHook('onRequest', () => (isTrial ? Promise.resolve() : gate.promise)));
    isTrial = false;
    const upstream = new MemoryUpstream();
    const exchange = give(lane, {}, upstream);
    exchange.leave();
    gate.resolve();
    await turn();
    assert.equal(upstream.isTaken, false);
    assert.deepEqual(exchange.breaches, []);
  });
});

describe('an upstream that fails', () => {
  test('within the answer: the client gets no whole answer', async (t) => {
    const [lane, watch] = await watched(t);
    const upstream = new MemoryUpstream((_, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, 'chunked');
      exchange.writeResponse(Buffer.from('half of what'));
    });
    const exchange = give(lane, { fields: GZIP }, upstream);
    await exchange.until('the beginning', () => exchange.received.length > 20 || undefined);
    upstream.exchange.abort();
    await untilOver(exchange);
    assert.equal(exchange.end, 'aborted');
    await watch.until('request read', 'response cut');
    assert.equal(upstream.aborted, undefined, 'who aborts is not told of it');
  });

  test('before a byte of the answer went out: one clean answer', async (t) => {
    const upstream = new MemoryUpstream((_, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, 'chunked');
      exchange.abort();
    });
    const exchange = await served(await load(t), { fields: GZIP }, upstream);
    assert.equal(exchange.head?.status, 503);
    assert.equal(exchange.end, 'ended');
  });

  test('before the answer', async (t) => {
    const upstream = new MemoryUpstream((_, exchange) => exchange.abort());
    assert.equal((await served(await load(t), {}, upstream)).head?.status, 503);
  });
});

describe('a request that breaks off', () => {
  test('is answered if nothing was sent yet, and the upstream is let go', async (t) => {
    const [lane, watch] = await watched(t);
    const upstream = new MemoryUpstream();
    const exchange = give(lane, { method: 'POST', length: 10, fields: TEXT }, upstream);
    exchange.breakOff('payload_too_large');
    await untilOver(exchange);
    assert.equal(exchange.head?.status, 413);
    assert.equal(upstream.aborted?.code, 'payload_too_large');
    await watch.until('request cut', 'response written', 'abort hook');
  });

  test('of an answer that came early, the rest is not waited for', async (t) => {
    const [lane, watch] = await watched(t);
    const upstream = answering(401, TEXT, 'no');
    const exchange = await served(lane, { method: 'POST', length: 10, fields: TEXT }, upstream);
    assert.deepEqual([exchange.head?.status, exchange.received.toString()], [401, 'no']);
    await watch.until('request cut', 'response written');
    exchange.send(Buffer.from('more'));
    assert.equal(upstream.receivedBytes, 0);
  });
});

describe('a plugin that fails', () => {
  const fail = (): never => {
    throw new Error(SECRET);
  };
  const plugins: Readonly<Record<string, (app: FastifyInstance) => unknown>> = {
    'its handler throws': (app) => app.get('/fails', fail),
    'its handler rejects': (app) => app.get('/fails', async () => await turn().then(fail)),
    'its handler rejects with nothing': (app) => app.get('/fails', async () => await Promise.reject(null)),
    'its hook throws': (app) => app.addHook('preHandler', fail),
    'its hook on the way back throws': (app) => app.addHook('onSend', fail),
    'its hook on the way back rejects': (app) => app.addHook('onSend', async () => await turn().then(fail)),
    'its error handler throws': (app) => {
      app.register((scope, _options, done) => {
        scope.setErrorHandler(fail);
        scope.get('/fails', fail);
        done();
      });
    },
    'what it sends can not be serialised': (app) => app.get('/fails', () => ({ toJSON: fail })),
    'its field would break the head': (app) =>
      app.get('/fails', (_, reply) => reply.header('x', 'a\r\nset-cookie: b').send('x')),
    'its field would break the head of a stream': (app) => {
      app.addHook('onSend', async (_request, reply) => {
        await turn();
        reply.header('x', 'a\r\nset-cookie: b');
      });
    },
    'it gives no number as a length': (app) =>
      app.addHook('onSend', (_request, reply, _payload, done) => {
        reply.header('content-length', '12abc');
        done();
      }),
  };
  for (const [what, register] of Object.entries(plugins)) {
    test(`${what}: one 500 that says nothing of it`, async (t) => {
      const upstream = answering(200, TEXT, 'x'.repeat(5_000));
      const lane = await load(t, register);
      const exchange = await served(lane, { path: '/fails', fields: ['x-request-id', 'id-1'] }, upstream);
      assert.equal(exchange.head?.status, 500);
      assert.equal(exchange.end, 'ended');
      const body = exchange.received.toString();
      assert.equal(body, '500 The gateway failed to handle the request.\nRequest id: id-1\n');
      assert.equal(exchange.length, body.length);
      const head = exchange.head.headers.fields.join();
      assert.doesNotMatch(head, /hunter2|FST_|fastify|set-cookie/i);
    });
  }

  test('what it refuses keeps its status', async (t) => {
    const lane = await load(t, (app) =>
      app.get('/refuses', () => {
        throw Object.assign(new Error(SECRET), { statusCode: 403 });
      }),
    );
    const exchange = await served(lane, { path: '/refuses' }, new MemoryUpstream());
    assert.equal(exchange.head?.status, 403);
    assert.doesNotMatch(exchange.received.toString(), /hunter2/);
  });

  test('it drops the answer of the upstream: the upstream is let go', async (t) => {
    const lane = await load(t, (app) =>
      app.addHook('onSend', (_request, reply, _payload, done) => {
        reply.removeHeader('content-length');
        done(null, 'my own');
      }),
    );
    const upstream = new MemoryUpstream((each, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, 'chunked');
      each.stream(endless());
    });
    const exchange = await served(lane, {}, upstream);
    assert.equal(exchange.received.toString(), 'my own');
    await upstream.until('the upstream is let go', () => upstream.aborted);
  });

  for (const [what, length] of [
    ['more', 4],
    ['less', 9],
  ] as const) {
    test(`it writes ${what} than its length: the answer is cut, the next one is safe`, async (t) => {
      const lane = await load(t, (app) =>
        app.get('/lies', (_request, reply) => {
          reply.hijack();
          reply.raw.writeHead(200, { 'Content-Length': length, 'Transfer-Encoding': 'chunked' });
          reply.raw.write('1234');
          reply.raw.end('5');
        }),
      );
      const exchange = await served(lane, { path: '/lies' }, new MemoryUpstream());
      assert.equal(exchange.end, 'aborted');
      assert.equal(exchange.head?.headers.has('transfer-encoding'), false);
    });
  }

  test('it destroys the response: the answer is cut', async (t) => {
    const lane = await load(t, (app) =>
      app.get('/cuts', (_request, reply) => {
        reply.hijack();
        reply.raw.destroy(new Error(SECRET));
      }),
    );
    const exchange = await served(lane, { path: '/cuts' }, new MemoryUpstream());
    assert.deepEqual([exchange.head, exchange.end], [undefined, 'aborted']);
  });
});
