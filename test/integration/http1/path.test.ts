// P01–P07: one path. What was matched is what is logged and forwarded, byte for byte, whatever way the client spelled it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startGateway } from '../../harness/engine.ts';
import { forwarded, refused, request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Gateway, RuleSetup } from '../../harness/engine.ts';

/** A rule whose requests carry its name to the upstream. */
function named(name: string, path: RuleSetup['path']): RuleSetup {
  const filter = {
    kind: 'requestHeaderModifier',
    set: [{ name: 'x-rule', value: name }],
    add: [],
    remove: [],
  } as const;
  return { path, filters: [filter] };
}

const RULES: readonly RuleSetup[] = [
  named('/', { type: 'prefix', value: '/' }),
  named('/foo', { type: 'prefix', value: '/foo' }),
  named('/foo/bar', { type: 'prefix', value: '/foo/bar' }),
  named('=/admin', { type: 'exact', value: '/admin' }),
  named('/admin', { type: 'prefix', value: '/admin' }),
  named('=/foo/', { type: 'exact', value: '/foo/' }),
  named('~', { type: 'regex', value: '/re/[a-z]+' }),
  named('/a%2Fb', { type: 'prefix', value: '/a%2Fb' }),
];

describe('paths', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway({ rules: RULES });
  });
  after(() => gateway.close());

  /** Sends the target as it is; returns the target that the upstream saw and the rule that matched. */
  async function route(target: string): Promise<[target: string, rule: string | undefined]> {
    const seen = await forwarded(gateway, request(`GET ${target}`));
    return [seen.startLine[1], valueOf(seen, 'x-rule')];
  }

  describe('P01 dot segments are removed once, before the match', () => {
    for (const [target, path, rule] of [
      ['/a/../b', '/b', '/'],
      ['/a/./b', '/a/b', '/'],
      ['/./admin', '/admin', '=/admin'],
      ['/foo/../admin', '/admin', '=/admin'],
      ['/foo/%2e%2e/admin', '/admin', '=/admin'],
      ['/foo/%2E%2e/admin/x', '/admin/x', '/admin'],
      ['/foo/.%2e/admin', '/admin', '=/admin'],
      ['/foo/%2e/bar', '/foo/bar', '/foo/bar'],
      ['/foo/bar/..', '/foo/', '=/foo/'],
      ['/foo/bar/.', '/foo/bar/', '/foo/bar'],
      ['/foo/bar/../..', '/', '/'],
      ['/x/y/../../foo', '/foo', '/foo'],
      ['/.', '/', '/'],
      ['/...', '/...', '/'],
      ['/foo/..a', '/foo/..a', '/foo'],
      ['/foo/.a/b', '/foo/.a/b', '/foo'],
      ['/a/../b?x=/../y', '/b?x=/../y', '/'],
      ['/a/b/../c?..', '/a/c?..', '/'],
      ['/foo/..%252f', '/foo/..%252f', '/foo'],
      ['/foo/%252e%252e/admin', '/foo/%252e%252e/admin', '/foo'],
    ] as const) {
      test(target, async () => assert.deepEqual(await route(target), [path, rule]));
    }
    // oxfmt-ignore
    for (const target of [
      '/..', '/../', '/../a', '/%2e%2e/b', '/a/../../b', '/a/%2E%2e/.%2E/b', '/./..', '//..', '//../..', '/..?x',
      '/foo/../..',
    ]) {
      test(`${target} leads above the root`, () => refused(gateway, request(`GET ${target}`)));
    }
    // oxfmt-ignore
    for (const target of [
      '/..;/b', '/a/..;x=y/b', '/a/%2E%2E%2fb', '/a%2f..%2fb', '/a/.;/b', '/..%2f', '/%2e%2e%2Fadmin', '/a%2f%2e%2e',
      '/a/..%3bx/b', '/..%5c',
    ]) {
      test(`${target} hides a dot segment from a part of the readers`, () =>
        refused(gateway, request(`GET ${target}`)));
    }
  });

  describe('P02 duplicate slashes are merged and never an authority', () => {
    for (const [target, path, rule] of [
      ['/a//b', '/a/b', '/'],
      ['//evil/x', '/evil/x', '/'],
      ['///', '/', '/'],
      ['//foo', '/foo', '/foo'],
      ['/foo//bar', '/foo/bar', '/foo/bar'],
      ['//admin//', '/admin/', '/admin'],
      ['/foo//../admin', '/admin', '=/admin'],
      ['//example.com/admin', '/example.com/admin', '/'],
      ['/a//b?c=//d', '/a/b?c=//d', '/'],
    ] as const) {
      test(target, async () => assert.deepEqual(await route(target), [path, rule]));
    }
  });

  describe('P03 bytes and escapes with more than one reading are refused', () => {
    // oxfmt-ignore
    const targets = [
      '/a\\b', '/\\', '\\', '/a\\..\\b', '/%5C', '/a%5cb', '/%5c..%5cadmin', '/%00', '/a%00b', '/foo%00/admin', '/a#b',
      '/#', '/a?b#c', '*', '/\x7f', '/\x80', '/caf\xc3\xa9', '/%c0%af', '/%c0%ae%c0%ae/', '/%C1%9C', '/%e0%80%af',
      '/%e0%80%ae', '/%f0%80%80%af', '/%f8%80%80%80%af', '/%c0%80', '/%C0%AE', 'foo', 'foo/bar', '?x', '', '%2f',
      '%2Ffoo', '.', '..', ';', 'x:y', 'javascript:1', '@example.com/',
    ];
    for (const target of targets) test(JSON.stringify(target), () => refused(gateway, request(`GET ${target}`)));
  });

  describe('P03 escapes and characters with one reading are kept', () => {
    for (const [target, rule] of [
      ['/a%2Fb', '/a%2Fb'],
      ['/a%2Fb/c', '/a%2Fb'],
      ['/a%2fb', '/'],
      ['/foo%2Fbar', '/'],
      ['/foo/bar%2F', '/foo'],
      ['/a%252Fb', '/'],
      ['/%25', '/'],
      ['/%20', '/'],
      ['/%0d%0aX:%20y', '/'],
      ['/foo;v=1/bar', '/'],
      ['/foo;v=1', '/'],
      ['/a;b=c,d', '/'],
      ['/%61dmin', '/'],
      ['/%E2%82%AC', '/'],
      ['/~-._!$&\'()*+,;=:@|^`{}"<>[]', '/'],
      ['/foo?', '/foo'],
      ['/foo??', '/foo'],
      ['/foo?%zz%00\\', '/foo'],
      ['/foo?a=b&a=c&%41', '/foo'],
    ] as const) {
      test(target, async () => assert.deepEqual(await route(target), [target, rule]));
    }
  });

  describe('P04 malformed escapes', () => {
    // oxfmt-ignore
    for (const target of [
      '/%', '/%z', '/%zz', '/%4', '/%4g', '/a%', '/a%/b', '/%%41', '/%u0041', '/% 41', '/%-1', '/%+1', '/%0x',
      '/foo/%2', '/%2?',
    ]) {
      test(target, () => refused(gateway, request(`GET ${target}`)));
    }
  });

  describe('P06 a prefix is whole segments, and case counts', () => {
    for (const [target, rule] of [
      ['/foo', '/foo'],
      ['/foo/x', '/foo'],
      ['/foo/', '=/foo/'],
      ['/foobar', '/'],
      ['/Foo', '/'],
      ['/FOO/x', '/'],
      ['/foo/bar', '/foo/bar'],
      ['/foo/barx', '/foo'],
      ['/foo/bar/', '/foo/bar'],
      ['/foo.', '/'],
      ['/admin', '=/admin'],
      ['/admin/', '/admin'],
      ['/Admin', '/'],
      ['/re/abc', '~'],
      ['/re/abc/', '/'],
      ['/re/ABC', '/'],
      ['/x/re/abc', '/'],
    ] as const) {
      test(target, async () => assert.deepEqual(await route(target), [target, rule]));
    }
  });
});

describe('one path for all', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway({ rules: RULES });
  });
  after(() => gateway.close());

  test('P05 matcher, log and upstream see the identical path, whatever is sent', async () => {
    const random = seededRandom();
    // oxfmt-ignore
    const parts = [
      '/', '/', '/', 'foo', 'bar', 'admin', 'a', '.', '..', '%2e', '%2E', '%2F', '%61', '%25', ';', 're', '//', '%5c',
      '%zz', '?', '%', 'x',
    ];
    const rules: [string, (path: string) => boolean][] = [
      ['=/admin', (path) => path === '/admin'],
      ['=/foo/', (path) => path === '/foo/'],
      ['/foo/bar', (path) => `${path}/`.startsWith('/foo/bar/')],
      ['/a%2Fb', (path) => `${path}/`.startsWith('/a%2Fb/')],
      ['/admin', (path) => `${path}/`.startsWith('/admin/')],
      ['/foo', (path) => `${path}/`.startsWith('/foo/')],
      ['~', (path) => /^\/re\/[a-z]+$/.test(path)],
      ['/', () => true],
    ];
    let served = 0;
    const client = { current: await WireClient.open(gateway), answered: 0 };
    for (let round = 0; round < 1_500; round++) {
      const target = `/${Array.from({ length: 1 + random.below(7) }, () => random.pick(parts)).join('')}`;
      client.current.send(request(`GET ${target}`));
      const responses = await client.current.untilResponses(++client.answered);
      const note = `${random.seed} ${JSON.stringify(target)}`;
      const entry = await gateway.takeLog(1);
      if (statusOf(responses.at(-1) ?? assert.fail()) === 400) {
        assert.equal(gateway.upstream.untakenBytes, 0, note);
        client.current.destroy();
        client.current = await WireClient.open(gateway);
        client.answered = 0;
        continue;
      }
      served++;
      const [seen] = gateway.upstream.takeRequests();
      const [path = '', ...query] = (seen?.startLine[1] ?? '').split('?');
      assert.equal(valueOf(seen ?? assert.fail(), 'x-rule'), rules.find(([, matches]) => matches(path))?.[0], note);
      assert.equal(entry[0]?.path, path, note);
      assert.equal(query.join('?'), target.includes('?') ? target.slice(target.indexOf('?') + 1) : '', note);
      assert.doesNotMatch(path, /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)|\/\/|\\|%5c|%00/i, note);
    }
    client.current.destroy();
    assert.ok(served > 300 && served < 1_400, `${random.seed}: ${served} of 1500 were served`);
  });
});

describe('P07 what redirects and rewrites make of a path', () => {
  let gateway: Gateway;
  before(async () => {
    const prefix = (value: string): RuleSetup['path'] => ({ type: 'prefix', value });
    const strip = { kind: 'replacePrefix', value: '/' } as const;
    gateway = await startGateway({
      rules: [
        {
          path: prefix('/redirect'),
          filters: [{ kind: 'requestRedirect', statusCode: 302, path: strip }],
          noBackend: true,
        },
        {
          path: prefix('/https'),
          filters: [{ kind: 'requestRedirect', statusCode: 301, scheme: 'https', port: 443 }],
          noBackend: true,
        },
        { path: prefix('/rewrite'), filters: [{ kind: 'urlRewrite', path: strip }] },
      ],
    });
  });
  after(() => gateway.close());

  async function location(target: string, fields: readonly string[] = []): Promise<string> {
    const client = await WireClient.open(gateway);
    const response = (await client.send(request(`GET ${target}`, fields)).untilResponses(1))[0] ?? assert.fail();
    client.destroy();
    assert.ok([301, 302].includes(statusOf(response)));
    return valueOf(response, 'location') ?? '';
  }

  for (const [target, path] of [
    ['/redirect/a', '/a'],
    ['/redirect', '/'],
    ['/redirect//evil.com', '/evil.com'],
    ['/redirect/%2Fevil.com', '/%2Fevil.com'],
    ['/redirect/%0d%0aSet-Cookie:%20a', '/%0d%0aSet-Cookie:%20a'],
    ['/redirect/@evil.com', '/@evil.com'],
    ['/redirect/a?b=//c', '/a?b=//c'],
  ] as const) {
    test(`Location of ${target} stays on the host`, async () => {
      const url = new URL(await location(target));
      assert.equal(url.hostname, 'example.com');
      assert.equal(url.pathname + url.search, path);
    });
  }
  test('Location names the validated host only', async () => {
    assert.match(await location('/https/x', ['Host: EXAMPLE.com.']), /^https:\/\/example\.com\/https\/x$/);
    await refused(gateway, request('GET /https/x', ['Host: example.com@evil.com']));
    await refused(gateway, request('GET /https/x', ['Host: example.com/../evil.com']));
    assert.match(
      await location('/https/x', ['X-Forwarded-Host: evil.com', 'Forwarded: host=evil.com']),
      /^https:\/\/example\.com\/https\/x$/,
    );
  });
  for (const [target, path] of [
    ['/rewrite', '/'],
    ['/rewrite/', '/'],
    ['/rewrite/a/b?c', '/a/b?c'],
    ['/rewrite//a', '/a'],
    ['/rewrite/%2Fa', '/%2Fa'],
    ['/rewrite/%0d%0ax', '/%0d%0ax'],
  ] as const) {
    test(`${target} is rewritten to ${path}`, async () => {
      assert.equal((await forwarded(gateway, request(`GET ${target}`))).startLine[1], path);
    });
  }
});
