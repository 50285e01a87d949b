import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileCors } from '../../../../src/dataplane/filter/cors/cors.ts';
import type { LocalResponse } from '../../../../src/dataplane/filter/filter.ts';
import type { ResponseHead } from '../../../../src/dataplane/exchange.ts';
import type { CorsFilter } from '../../../../src/ir/filter.ts';
import { context, lines, response } from './context.ts';

const NOTHING: Omit<CorsFilter, 'kind'> = {
  allowOrigins: [],
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
  maxAgeSeconds: 5,
};

/** The five shapes of route that the conformance suite's CORS test uses. */
const FULL = cors({
  allowOrigins: ['https://www.foo.com', 'https://*.bar.com'],
  allowMethods: ['GET', 'OPTIONS'],
  allowHeaders: ['x-header-1', 'x-header-2'],
  exposeHeaders: ['x-header-3', 'x-header-4'],
  allowCredentials: true,
  maxAgeSeconds: 3600,
});
const ANY_METHOD = cors({ allowOrigins: ['https://www.foo.com'], allowMethods: ['*'] });
const ANY_ORIGIN = cors({ allowOrigins: ['*'], allowMethods: ['PUT'] });
const ANY: Partial<CorsFilter> = {
  allowOrigins: ['*'],
  allowMethods: ['*'],
  allowHeaders: ['*'],
  exposeHeaders: ['*'],
};
const ALL_WITH_CREDENTIALS = cors({ ...ANY, allowCredentials: true });
const ALL = cors(ANY);

function cors(setup: Partial<CorsFilter>): ReturnType<typeof compileCors> {
  return compileCors({ kind: 'cors', ...NOTHING, ...setup });
}

interface Asked {
  readonly origin: string;
  readonly method?: string;
  readonly headers?: string;
}

/** The `access-control-…` fields by their name without that; each is there once. */
function fieldsOf(answer: LocalResponse | ResponseHead): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of lines(answer)) {
    const [, name, value] = /^access-control-(.*?): (.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    assert.ok(!(name in found), `${name} once`);
    found[name] = value;
  }
  return found;
}

function preflight(filter: ReturnType<typeof compileCors>, { origin, method, headers }: Asked): LocalResponse {
  const seen = context({
    method: 'OPTIONS',
    headers: [
      ['origin', origin],
      ['access-control-request-method', method ?? 'GET'],
      ...(headers === undefined ? [] : [['access-control-request-headers', headers] as const]),
    ],
  });
  const answer = filter.onRequest?.(seen) ?? assert.fail('the gateway answers');
  assert.equal(answer.status, 204);
  // The request ends here, and its answer goes the way of all answers.
  filter.onResponse?.(seen, answer);
  return answer;
}

/** The fields of an answer of the backend. */
function actual(
  filter: ReturnType<typeof compileCors>,
  origin: string | undefined,
  method = 'GET',
  answer = response(),
): Record<string, string> {
  const seen = context({ method, headers: origin === undefined ? [] : [['origin', origin]] });
  assert.equal(filter.onRequest?.(seen), undefined, 'it goes to the backend');
  filter.onResponse?.(seen, answer);
  return fieldsOf(answer);
}

describe('CORS', () => {
  describe('preflight', () => {
    for (const origin of [
      'https://www.foo.com',
      'https://www.bar.com',
      'https://xpto.www.bar.com',
      'https://www.foo.com:443',
      'HTTPS://WWW.FOO.COM',
    ]) {
      test(`of an allowed origin: ${origin}`, () => {
        const answer = preflight(FULL, { origin, headers: 'x-header-1, x-header-2' });
        assert.deepEqual(fieldsOf(answer), {
          'allow-origin': origin,
          'allow-credentials': 'true',
          'expose-headers': 'x-header-3, x-header-4',
          'allow-methods': 'GET, OPTIONS',
          'allow-headers': 'x-header-1, x-header-2',
          'max-age': '3600',
        });
      });
    }
    for (const origin of [
      'https://foobar.com',
      'http://www.foo.com',
      'https://www.foo.com:8443',
      'https://bar.com',
      'https://www.bar.com.evil.example',
      'https://evilbar.com',
      'https://.bar.com',
      'https://www.foo.com/',
      'https://www.foo.com@evil.example',
      'null',
      '',
    ]) {
      test(`of an origin that is not allowed: "${origin}"`, () => {
        assert.deepEqual(fieldsOf(preflight(FULL, { origin })), {});
      });
    }
    test('without credentials there is no Allow-Credentials', () => {
      assert.deepEqual(fieldsOf(preflight(ANY_METHOD, { origin: 'https://www.foo.com', method: 'POST' })), {
        'allow-origin': 'https://www.foo.com',
        'allow-methods': 'POST',
        'max-age': '5',
      });
    });
    for (const origin of ['https://foobar.com', 'https://foobar.com:12345']) {
      test(`any origin: ${origin}`, () => {
        assert.deepEqual(fieldsOf(preflight(ANY_ORIGIN, { origin, method: 'PUT' })), {
          'allow-origin': origin,
          'allow-methods': 'PUT',
          'max-age': '5',
        });
      });
    }
    test('with credentials all is named, nothing is *', () => {
      const asked = { origin: 'https://foobar.com', method: 'PUT', headers: 'x-header-1, x-header-2' };
      assert.deepEqual(fieldsOf(preflight(ALL_WITH_CREDENTIALS, asked)), {
        'allow-origin': 'https://foobar.com',
        'allow-credentials': 'true',
        'allow-methods': 'PUT',
        'allow-headers': 'x-header-1, x-header-2',
        'max-age': '5',
      });
    });
    test('all without credentials', () => {
      const asked = { origin: 'https://foobar.com', method: 'PUT', headers: 'x-header-1' };
      const fields = fieldsOf(preflight(ALL, asked));
      assert.equal(fields['allow-credentials'], undefined);
      assert.deepEqual(
        [fields['allow-origin'], fields['allow-methods'], fields['allow-headers'], fields['expose-headers']],
        ['https://foobar.com', 'PUT', 'x-header-1', '*'],
      );
    });
    test('no Allow-Headers where none were asked for', () => {
      assert.equal(fieldsOf(preflight(ALL, { origin: 'https://a.example' }))['allow-headers'], undefined);
      assert.equal(fieldsOf(preflight(FULL, { origin: 'https://www.foo.com' }))['allow-headers'], undefined);
    });
    test('no list: nothing of it is allowed', () => {
      const fields = fieldsOf(preflight(ANY_ORIGIN, { origin: 'https://a.example', headers: 'x-header-1' }));
      assert.equal(fields['allow-headers'], undefined);
      const bare = cors({ allowOrigins: ['*'] });
      assert.equal(fieldsOf(preflight(bare, { origin: 'https://a.example' }))['allow-methods'], undefined);
    });
    test('caches are told what it depends on, also where it is refused', () => {
      for (const origin of ['https://www.foo.com', 'https://evil.example']) {
        const vary = preflight(FULL, { origin }).headers.getJoined('vary') ?? assert.fail();
        assert.match(vary, /(^|[, ])origin([, ]|$)/i);
      }
    });
    for (const [what, method, headers] of [
      ['OPTIONS without Access-Control-Request-Method', 'OPTIONS', [['origin', 'https://www.foo.com']]],
      ['OPTIONS without Origin', 'OPTIONS', [['access-control-request-method', 'GET']]],
      [
        'another method',
        'POST',
        [
          ['origin', 'https://www.foo.com'],
          ['access-control-request-method', 'GET'],
        ],
      ],
    ] as const) {
      test(`${what} is no preflight: the backend answers`, () => {
        assert.equal(FULL.onRequest?.(context({ method, headers })), undefined);
      });
    }
  });

  describe('answers of the backend', () => {
    test('an allowed origin', () => {
      assert.deepEqual(actual(FULL, 'https://www.foo.com'), {
        'allow-origin': 'https://www.foo.com',
        'allow-credentials': 'true',
        'expose-headers': 'x-header-3, x-header-4',
      });
    });
    test('an origin that is not allowed', () => assert.deepEqual(actual(FULL, 'https://foobar.com'), {}));
    test('no origin', () => assert.deepEqual(actual(FULL, undefined), {}));
    test('any origin', () => {
      assert.deepEqual(actual(ANY_ORIGIN, 'https://foobar.com:12345', 'PUT'), {
        'allow-origin': 'https://foobar.com:12345',
      });
    });
    test('all with credentials', () => {
      const fields = actual(ALL_WITH_CREDENTIALS, 'https://foobar.com');
      assert.deepEqual([fields['allow-origin'], fields['allow-credentials']], ['https://foobar.com', 'true']);
      assert.notEqual(fields['expose-headers'], '*');
    });
    test('all without credentials', () => {
      const fields = actual(ALL, 'https://foobar.com');
      assert.deepEqual([fields['allow-origin'], fields['allow-credentials']], ['https://foobar.com', undefined]);
    });
    test("the backend's own fields are replaced, never doubled, whether the origin is allowed or not", () => {
      const own = [
        ['access-control-allow-origin', '*'],
        ['access-control-allow-credentials', 'true'],
        ['access-control-expose-headers', 'x-secret'],
        ['access-control-allow-methods', 'DELETE'],
        ['access-control-allow-headers', 'x-any'],
        ['access-control-max-age', '86400'],
      ] as const;
      assert.deepEqual(actual(ANY_METHOD, 'https://www.foo.com', 'GET', response(...own)), {
        'allow-origin': 'https://www.foo.com',
      });
      assert.deepEqual(actual(ANY_METHOD, 'https://evil.example', 'GET', response(...own)), {});
      assert.deepEqual(actual(ANY_METHOD, undefined, 'GET', response(...own)), {});
    });
    for (const [before, after] of [
      [undefined, 'Origin'],
      ['Accept-Encoding', 'Accept-Encoding,Origin'],
      ['accept, ORIGIN', 'accept, ORIGIN'],
      ['*', '*'],
      ['x-origin-country', 'x-origin-country,Origin'],
    ] as const) {
      test(`Vary: ${before} becomes ${after}, whatever the origin`, () => {
        for (const origin of ['https://www.foo.com', 'https://evil.example', undefined]) {
          const answer = before === undefined ? response() : response(['vary', before]);
          actual(FULL, origin, 'GET', answer);
          assert.equal(answer.headers.getJoined('vary'), after);
        }
      });
    }
  });

  describe('origins', () => {
    for (const [pattern, origin, isAllowed] of [
      ['https://a.example', 'https://a.example', true],
      ['https://a.example', 'https://a.example:443', true],
      ['https://a.example:443', 'https://a.example', true],
      ['http://a.example', 'http://a.example:80', true],
      ['http://a.example', 'http://a.example:443', false],
      ['https://a.example:8443', 'https://a.example:8443', true],
      ['https://a.example:8443', 'https://a.example', false],
      ['https://*.a.example', 'https://b.a.example', true],
      ['https://*.a.example', 'https://c.b.a.example', true],
      ['https://*.a.example', 'https://a.example', false],
      ['https://*.a.example', 'https://b.a.example:8443', false],
      ['https://*.a.example:8443', 'https://b.a.example:8443', true],
      ['https://*.a.example', 'http://b.a.example', false],
      ['http://[::1]:8080', 'http://[::1]:8080', true],
      ['app://x', 'app://x', true],
      ['*', 'https://anything.example:1', true],
      ['*', 'null', true],
      ['*', 'not an origin', false],
    ] as const) {
      test(`${pattern} ${isAllowed ? 'allows' : 'refuses'} ${origin}`, () => {
        const fields = actual(cors({ allowOrigins: [pattern] }), origin);
        assert.equal(fields['allow-origin'], isAllowed ? origin : undefined);
      });
    }
  });
});
