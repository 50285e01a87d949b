import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { RouteRequest } from '../../../../src/dataplane/route/predicate.ts';
import { createRouteTable, selectRoute } from '../../../../src/dataplane/route/route-table.ts';
import { enableLinearRegExp } from '../../../../src/lib/linear-regexp.ts';
import { attachedRoute, request, type RouteText } from './builders.ts';

before(enableLinearRegExp);

/** `name rule match` of what is selected. */
function select(routes: readonly RouteText[], wanted: RouteRequest): string | undefined {
  const table = createRouteTable(routes.map(attachedRoute), (route, ruleIndex) => `${route.name} ${ruleIndex}`);
  const selection = selectRoute(table, wanted);
  return selection && `${selection.target} ${selection.matchIndex}`;
}

function shop(...rules: NonNullable<RouteText['rules']>): RouteText {
  return { name: 'shop', rules };
}

describe('paths', () => {
  const prefix = [shop([{ path: '/foo' }])];

  test('P06: a prefix matches whole segments, case-sensitively', () => {
    for (const path of ['/foo', '/foo/', '/foo/x']) {
      assert.equal(select(prefix, request(`GET http://a${path}`)), 'shop 0 0', path);
    }
    for (const path of ['/', '/fo', '/foobar', '/Foo', '/x/foo', '/foo%2Fx']) {
      assert.equal(select(prefix, request(`GET http://a${path}`)), undefined, path);
    }
  });

  test('the prefix / matches every path', () => {
    for (const path of ['/', '/x', '/x/y/'])
      assert.equal(select([shop([{}])], request(`GET http://a${path}`)), 'shop 0 0');
  });

  test('an exact path matches to the last slash', () => {
    const exact = [shop([{ path: '= /two' }], [{ path: '= /two/' }])];
    assert.equal(select(exact, request('GET http://a/two')), 'shop 0 0');
    assert.equal(select(exact, request('GET http://a/two/')), 'shop 1 0');
    assert.equal(select(exact, request('GET http://a/two/x')), undefined);
  });

  test('a regular expression matches the whole path', () => {
    const regex = [shop([{ path: '~ /v[0-9]+' }])];
    assert.equal(select(regex, request('GET http://a/v12')), 'shop 0 0');
    assert.equal(select(regex, request('GET http://a/v12/x')), undefined);
    assert.equal(select(regex, request('GET http://a/x/v12')), undefined);
  });

  test('an expression that does not compile matches nothing and harms no other', () => {
    const broken = [shop([{ path: '~ (?=/)' }], [{ path: '/', headers: ['x~(a)\\1'] }], [{}])];
    assert.equal(select(broken, request('GET http://a/', 'x', 'aa')), 'shop 2 0');
  });

  test('exact goes before regular expression, and that before prefix', () => {
    const rules = shop([{ path: '/foo/bar' }], [{ path: '~ /foo/.*' }], [{ path: '= /foo/bar' }]);
    assert.equal(select([rules], request('GET http://a/foo/bar')), 'shop 2 0');
    assert.equal(select([rules], request('GET http://a/foo/baz')), 'shop 1 0');
    assert.equal(select([rules], request('GET http://a/foo/bar/x')), 'shop 1 0');
  });

  test('the longest prefix goes first, and a shorter one is fallen back to', () => {
    const rules = shop([{ path: '/' }], [{ path: '/a/b/c', method: 'PUT' }], [{ path: '/a' }]);
    assert.equal(select([rules], request('PUT http://a/a/b/c/d')), 'shop 1 0');
    assert.equal(select([rules], request('GET http://a/a/b/c/d')), 'shop 2 0');
    assert.equal(select([rules], request('GET http://a/b')), 'shop 0 0');
  });

  test('the path of OPTIONS * has no route', () => {
    assert.equal(select([shop([{ path: '/' }], [{ path: '~ .*' }])], request('OPTIONS http://a*')), undefined);
  });
});

describe('hosts', () => {
  const routes: RouteText[] = [
    { name: 'exact', hostnames: ['a.example.com'], rules: [[{ path: '/exact' }]] },
    { name: 'deep', hostnames: ['*.b.example.com'], rules: [[{ path: '/deep' }]] },
    { name: 'wild', hostnames: ['*.example.com'], rules: [[{ path: '/wild' }]] },
    { name: 'any', hostnames: ['*'], rules: [[{ path: '/any' }]] },
  ];

  test('a wildcard stands for one or more labels', () => {
    for (const host of ['x.example.com', 'x.y.example.com', 'a.example.com']) {
      assert.equal(select(routes, request(`GET http://${host}/wild`)), 'wild 0 0', host);
    }
    for (const host of ['example.com', 'xexample.com', 'example.org']) {
      assert.equal(select(routes, request(`GET http://${host}/wild`)), undefined, host);
    }
  });

  test('a less specific hostname is fallen back to', () => {
    assert.equal(select(routes, request('GET http://x.b.example.com/deep')), 'deep 0 0');
    assert.equal(select(routes, request('GET http://x.b.example.com/wild')), 'wild 0 0');
    assert.equal(select(routes, request('GET http://x.b.example.com/any')), 'any 0 0');
    assert.equal(select(routes, request('GET http://b.example.com/deep')), undefined);
  });

  test('the hostname goes before the path', () => {
    const routes: RouteText[] = [
      { name: 'any', hostnames: ['*'], rules: [[{ path: '= /x/y' }]] },
      { name: 'exact', hostnames: ['a.example.com'], rules: [[{ path: '/' }]] },
    ];
    assert.equal(select(routes, request('GET http://a.example.com/x/y')), 'exact 0 0');
  });

  test('what a route declares counts, not what is served of it', () => {
    const routes: RouteText[] = [
      { name: 'any', createdAtMs: 1, hostnames: ['a.example.com < *'] },
      { name: 'wide', createdAtMs: 2, hostnames: ['a.example.com < *.com'] },
      { name: 'narrow', createdAtMs: 3, hostnames: ['a.example.com < *.example.com'] },
      { name: 'exact', createdAtMs: 4, hostnames: ['a.example.com'], rules: [[{ path: '/x' }]] },
    ];
    assert.equal(select(routes, request('GET http://a.example.com/x')), 'exact 0 0');
    assert.equal(select(routes, request('GET http://a.example.com/')), 'narrow 0 0');
    assert.equal(select(routes.slice(0, 2), request('GET http://a.example.com/')), 'wide 0 0');
  });
});

describe('conditions', () => {
  test('the method is exact', () => {
    assert.equal(select([shop([{ method: 'GET' }])], request('GET http://a/')), 'shop 0 0');
    assert.equal(select([shop([{ method: 'GET' }])], request('HEAD http://a/')), undefined);
  });

  test('headers: all must match, case counts, repeated ones are joined', () => {
    const rules = [shop([{ headers: ['x=1', 'y=a,b'] }])];
    assert.equal(select(rules, request('GET http://a/', 'x', '1', 'y', 'a', 'y', 'b')), 'shop 0 0');
    assert.equal(select(rules, request('GET http://a/', 'x', '1', 'y', 'A,b')), undefined);
    assert.equal(select(rules, request('GET http://a/', 'x', '1')), undefined);
  });

  test('headers: a regular expression matches the whole value', () => {
    const rules = [shop([{ headers: ['x~[a-c]+'] }])];
    assert.equal(select(rules, request('GET http://a/', 'x', 'abc')), 'shop 0 0');
    assert.equal(select(rules, request('GET http://a/', 'x', 'abcd')), undefined);
    assert.equal(select([shop([{ headers: ['x~.*'] }])], request('GET http://a/')), undefined);
  });

  test('headers: host is the authority', () => {
    assert.equal(select([shop([{ headers: ['host=a:8080'] }])], request('GET http://a:8080/')), 'shop 0 0');
  });

  test('headers: text beyond ASCII is UTF-8', () => {
    const wire = Buffer.from('Zürich').toString('latin1');
    assert.equal(select([shop([{ headers: ['x=Zürich'] }])], request('GET http://a/', 'x', wire)), 'shop 0 0');
  });

  test('query parameters: the first of a name counts', () => {
    const rules = [shop([{ query: ['a=1', 'b~x+'] }])];
    assert.equal(select(rules, request('GET http://a/?b=xx&a=1&a=2')), 'shop 0 0');
    assert.equal(select(rules, request('GET http://a/?b=xx&a=2&a=1')), undefined);
    assert.equal(select(rules, request('GET http://a/?a=1')), undefined);
    assert.equal(select(rules, request('GET http://a/')), undefined);
  });
});

test('precedence among equal paths: method, headers, query, age, name, rule, match', () => {
  const get = request('GET http://a/?p=1&q=1', 'x', '1', 'y', '1');
  assert.equal(select([shop([{ headers: ['x=1', 'y=1'] }], [{ method: 'GET' }])], get), 'shop 1 0');
  assert.equal(select([shop([{ query: ['p=1', 'q=1'] }], [{ headers: ['x=1'] }])], get), 'shop 1 0');
  assert.equal(select([shop([{ headers: ['x=1'] }], [{ headers: ['y=1', 'x=1'] }])], get), 'shop 1 0');
  assert.equal(select([shop([{}], [{ query: ['p=1'] }], [{ query: ['p=1', 'q=1'] }])], get), 'shop 2 0');
  assert.equal(
    select(
      [
        { name: 'a', createdAtMs: 2 },
        { name: 'b', createdAtMs: 1 },
      ],
      get,
    ),
    'b 0 0',
  );
  assert.equal(select([{ name: 'default/b' }, { name: 'default/a' }], get), 'default/a 0 0');
  assert.equal(select([shop([{}], [{}])], get), 'shop 0 0');
  assert.equal(select([shop([{ method: 'PUT' }, {}, {}])], get), 'shop 0 1');
});

describe('the next table', () => {
  const one = attachedRoute({ name: 'one', hostnames: ['one'] });
  const two = attachedRoute({ name: 'two', hostnames: ['two'] });
  const bind = (route: { name: string }): string => route.name;
  const table = createRouteTable([one, two], bind);

  test('keeps the hosts whose routes are the same objects', () => {
    const changed = attachedRoute({ name: 'two', hostnames: ['two'], rules: [[{ path: '/new' }]] });
    const next = createRouteTable([one, changed], bind, table);
    assert.equal(next.hosts.get('one'), table.hosts.get('one'));
    assert.notEqual(next.hosts.get('two'), table.hosts.get('two'));
    assert.equal(selectRoute(next, request('GET http://two/')), undefined);
    assert.equal(selectRoute(next, request('GET http://two/new'))?.route, changed.route);
  });

  test('keeps none whose routes became more, fewer or others', () => {
    const also = attachedRoute({ name: 'also', hostnames: ['one'] });
    const more = createRouteTable([one, also, two], bind, table);
    assert.notEqual(more.hosts.get('one'), table.hosts.get('one'));
    const fewer = createRouteTable([one, two], bind, more);
    assert.notEqual(fewer.hosts.get('one'), more.hosts.get('one'));
    assert.equal(createRouteTable([one], bind, table).hosts.has('two'), false);
  });

  test('keeps none whose targets changed', () => {
    const next = createRouteTable([one, two], (route) => (route === one.route ? 'new' : route.name), table);
    assert.equal(selectRoute(next, request('GET http://one/'))?.target, 'new');
    assert.equal(next.hosts.get('two'), table.hosts.get('two'));
  });
});

test('a host under many wildcards and a path of many segments cost no more than the table has levels', () => {
  const table = createRouteTable([attachedRoute({ hostnames: ['*.com'], rules: [[{ path: '/a/b' }]] })], () => 0);
  const long = request(`GET http://x.com/${'a/'.repeat(50_000)}`);
  const started = performance.now();
  for (let i = 0; i < 1_000; i++) assert.equal(selectRoute(table, long), undefined);
  assert.ok(performance.now() - started < 1_000);
});
