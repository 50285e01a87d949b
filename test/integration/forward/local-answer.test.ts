// What the gateway answers by itself: redirects, preflights, and failures that tell nothing of the inside.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import type { Message } from '../../harness/http1-message.ts';
import { backend, cluster, listener, route } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { CorsFilter, Filter } from '../../../src/ir/filter.ts';

const CORS: CorsFilter = {
  kind: 'cors',
  allowOrigins: ['https://a.example'],
  allowMethods: ['GET', 'PUT'],
  allowHeaders: ['x-a'],
  exposeHeaders: ['x-b'],
  allowCredentials: true,
  maxAgeSeconds: 60,
};
const HSTS: Filter = {
  kind: 'responseHeaderModifier',
  set: [{ name: 'strict-transport-security', value: 'max-age=60' }],
  add: [],
  remove: [],
};

async function ask(bed: TestBed, gateway: RunningEngine, text: string): Promise<Message> {
  const client = await bed.client(gateway);
  const [response] = await client.send(text).untilResponses(1, [text.split(' ', 1)[0] ?? 'GET']);
  return response ?? assert.fail();
}

describe('CORS', () => {
  const PREFLIGHT = [
    'Origin: https://a.example',
    'Access-Control-Request-Method: PUT',
    'Access-Control-Request-Headers: x-a',
  ];

  test('a preflight is answered in full, and goes no further', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port, { filters: [CORS, HSTS] });
    const answer = await ask(bed, gateway, request('OPTIONS /', PREFLIGHT));
    assert.equal(statusOf(answer), 204);
    const fields = ['origin', 'methods', 'headers', 'credentials'].map((name) =>
      valueOf(answer, `access-control-allow-${name}`),
    );
    assert.deepEqual(fields, ['https://a.example', 'GET, PUT', 'x-a', 'true']);
    assert.equal(valueOf(answer, 'access-control-max-age'), '60');
    assert.equal(valueOf(answer, 'access-control-expose-headers'), 'x-b');
    assert.equal(upstream.connections.size, 0);
  });

  test('an answer of the backend gets its fields, even if other filters hide the origin from the backend', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const hide: Filter = { kind: 'requestHeaderModifier', set: [], add: [], remove: ['origin'] };
    const gateway = await bed.gateway(upstream.port, { filters: [CORS, hide] });
    const answer = await ask(bed, gateway, request('GET /', ['Origin: https://a.example']));
    assert.equal(valueOf(answer, 'access-control-allow-origin'), 'https://a.example');
    const [seen = assert.fail()] = upstream.takeRequests();
    assert.equal(valueOf(seen, 'origin'), undefined);
  });

  test('a redirect gets them too', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.gateway(await bed.closedPort(), {
      filters: [CORS, { kind: 'requestRedirect', statusCode: 301, hostname: 'b.example' }],
      backends: [],
    });
    const answer = await ask(bed, gateway, request('GET /x?y', ['Origin: https://a.example']));
    assert.equal(statusOf(answer), 301);
    assert.equal(valueOf(answer, 'location'), 'http://b.example/x?y');
    assert.equal(valueOf(answer, 'access-control-allow-origin'), 'https://a.example');
  });
});

describe('filters of a backend', () => {
  test('change only what goes there and comes from there', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const filters: readonly Filter[] = [
      { kind: 'requestHeaderModifier', set: [{ name: 'x-to', value: 'b' }], add: [], remove: [] },
      { kind: 'responseHeaderModifier', set: [{ name: 'x-from', value: 'b' }], add: [], remove: [] },
    ];
    const gateway = await bed.engine([
      listener(),
      cluster('a', [upstream.port]),
      cluster('b', [upstream.port]),
      route('r', [{ backends: ['a', backend('b', { filters })] }]),
    ]);
    const client = await bed.client(gateway);
    const responses = await client.send(request('GET /').repeat(4)).untilResponses(4);
    const from = responses.map((response) => valueOf(response, 'x-from'));
    assert.deepEqual(from, [undefined, 'b', undefined, 'b']);
    const to = upstream.takeRequests().map((seen) => valueOf(seen, 'x-to'));
    // By connection, and each cluster has its own.
    assert.deepEqual(to, [undefined, undefined, 'b', 'b']);
  });

  test('of the response run before those of the rule', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const add = (value: string): Filter => ({
      kind: 'responseHeaderModifier',
      set: [],
      add: [{ name: 'x-order', value }],
      remove: [],
    });
    const gateway = await bed.gateway(upstream.port, {
      filters: [add('rule')],
      backends: [backend('a', { filters: [add('backend')] })],
    });
    assert.equal(valueOf(await ask(bed, gateway, request('GET /')), 'x-order'), 'backend, rule');
  });
});

describe('L03 failures', () => {
  /** Path, and what the client is told. */
  const FAILURES = [
    ['/none', 404],
    ['/broken', 500],
    ['/refused', 503],
    ['/empty', 503],
    ['/garbage', 502],
    ['/slow', 504],
  ] as const;

  async function startFailing(bed: TestBed): Promise<RunningEngine> {
    const garbage = await bed.server((socket) => socket.on('data', () => socket.write('SECRET-7f3a not HTTP\r\n\r\n')));
    const slow = await bed.server((socket) => socket.on('data', () => {}));
    return await bed.engine([
      listener(),
      cluster('refused', [await bed.closedPort()]),
      cluster('empty', []),
      cluster('garbage', [garbage]),
      cluster('slow', [slow]),
      route('r', [
        { path: '/broken', backends: [backend(undefined)] },
        ...['refused', 'empty', 'garbage'].map((name) => ({ path: `/${name}`, backends: [name] })),
        { path: '/slow', backends: ['slow'], requestTimeoutMs: 50 },
      ]),
    ]);
  }

  for (const [path, status] of FAILURES) {
    for (const [accept, type] of [
      ['application/json', 'application/json'],
      ['application/problem+json;q=0.5', 'application/json'],
      ['text/html, application/json', 'text/plain; charset=utf-8'],
      ['*/*', 'text/plain; charset=utf-8'],
      [undefined, 'text/plain; charset=utf-8'],
    ] as const) {
      test(`${path} is ${status}, as ${type} for Accept: ${accept}`, async (t) => {
        const bed = new TestBed(t);
        const gateway = await startFailing(bed);
        const answer = await ask(
          bed,
          gateway,
          request(`GET ${path}`, accept === undefined ? [] : [`Accept: ${accept}`]),
        );
        assert.equal(statusOf(answer), status);
        assert.equal(valueOf(answer, 'content-type'), type);
        const id = valueOf(answer, 'x-request-id') ?? assert.fail();
        const body = answer.body.toString();
        assert.ok(body.includes(id), 'an id to ask for');
        if (type === 'application/json') {
          const { status: told, requestId } = JSON.parse(body) as { status: number; requestId: string };
          assert.deepEqual([told, requestId], [status, id]);
        }
        assert.doesNotMatch(body, /127\.0\.0\.1|:\d{4,5}|ECONN|SECRET|test\/|cluster\/|\.ts|    at /);
      });
    }
    test(`${path} asked by HEAD is ${status} without a body, and the connection goes on`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await startFailing(bed);
      const client = await bed.client(gateway);
      const text = request(`HEAD ${path}`);
      const responses = await client.send(text + text).untilResponses(2, ['HEAD', 'HEAD']);
      assert.deepEqual(responses.map(statusOf), [status, status]);
      assert.deepEqual(
        responses.map((response) => response.body.length),
        [0, 0],
      );
    });
  }
});

test('I05 a route never matches on what a client claims to be', async (t) => {
  const bed = new TestBed(t);
  const upstream = await bed.upstream();
  const headers = [{ type: 'exact', name: 'x-real-ip', value: '10.0.0.1' }] as const;
  const gateway = await bed.engine([
    listener(),
    cluster('a', [upstream.port]),
    route('r', [{ match: { headers }, backends: ['a'] }]),
  ]);
  assert.equal(statusOf(await ask(bed, gateway, request('GET /', ['X-Real-IP: 10.0.0.1']))), 404);
});
