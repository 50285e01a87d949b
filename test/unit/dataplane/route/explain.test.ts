import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { explainRoutes } from '../../../../src/dataplane/route/explain.ts';
import type { RouteRequest } from '../../../../src/dataplane/route/predicate.ts';
import { createRouteTable, selectRoute } from '../../../../src/dataplane/route/route-table.ts';
import { enableLinearRegExp } from '../../../../src/lib/linear-regexp.ts';
import { attachedRoute, type MatchText, request, type RouteText } from './builders.ts';

before(enableLinearRegExp);

/** `name rule match: reason` of each candidate that lost. */
function lost(wanted: RouteRequest, ...routes: RouteText[]): string[] {
  const table = createRouteTable(routes.map(attachedRoute), () => 0);
  const { selected, others } = explainRoutes(table, wanted);
  assert.equal(selected, selectRoute(table, wanted));
  return others.map(({ candidate, reason }) => {
    const { route, ruleIndex, matchIndex } = candidate;
    return `${route.name} ${ruleIndex} ${matchIndex}: ${reason}`;
  });
}

test('the reason is the first condition that fails', () => {
  const wanted = request('GET http://a.com/a?q=1', 'x', 'no');
  const reason = (match: MatchText, hostname = '*.com'): string | undefined =>
    lost(wanted, { name: 'z', hostnames: [hostname], rules: [[match]] })[0]?.replace('z 0 0: ', '');

  assert.equal(reason({ path: '= /b' }, 'b.com'), 'host a.com is not b.com');
  assert.equal(reason({ path: '= /b', method: 'POST' }), 'path /a is not /b');
  assert.equal(reason({ path: '/shop' }), 'path /a is not under /shop');
  assert.equal(reason({ path: '~ /b+' }), 'path /a does not match the regular expression /b+');
  assert.equal(reason({ method: 'POST', headers: ['x=yes'] }), 'method is GET, not POST');
  assert.equal(reason({ headers: ['x-canary=yes'], query: ['p=1'] }), 'header x-canary is absent');
  assert.equal(reason({ headers: ['x=yes'] }), 'header x is "no", not "yes"');
  assert.equal(reason({ query: ['p=1'] }), 'query parameter p is absent');
  assert.equal(reason({ query: ['q~2+'] }), 'query parameter q is "1", which does not match the regular expression 2+');
  assert.equal(reason({ query: ['q=2'] }), 'query parameter q is "1", not "2"');
});

test('a candidate that matched is told what the winner has and it lacks', () => {
  const wanted = request('GET http://a.com/a/b?q=1', 'x', '1');
  const reason = (winner: RouteText, loser: RouteText): string | undefined =>
    lost(wanted, { name: 'loser', ...loser }, { name: 'winner', ...winner })[0];
  const rule = (match: MatchText): RouteText => ({ rules: [[match]] });
  const because = (advantage: string): string => `loser 0 0: matched, but rule 0 of winner ${advantage}`;

  const kind = 'has a stronger type of path match (exact, then regular expression, then prefix)';
  assert.equal(reason({ hostnames: ['*.com'] }, rule({ path: '= /a/b' })), because('is for a more specific hostname'));
  assert.equal(reason(rule({ path: '~ .*' }), rule({ path: '/a/b' })), because(kind));
  assert.equal(reason(rule({ path: '/a/b' }), rule({ method: 'GET' })), because('has a longer prefix'));
  assert.equal(reason(rule({ method: 'GET' }), rule({ headers: ['x=1'] })), because('names the method'));
  assert.equal(reason(rule({ headers: ['x=1'] }), rule({ query: ['q=1'] })), because('names more headers'));
  assert.equal(reason(rule({ query: ['q=1'] }), {}), because('names more query parameters'));
  assert.equal(reason({ createdAtMs: 1 }, { createdAtMs: 2 }), because('is of an older route'));
  assert.deepEqual(lost(wanted, { name: 'ns/b' }, { name: 'ns/a', rules: [[{}, {}], [{}]] }), [
    'ns/a 0 1: matched, but rule 0 of ns/a matches by an earlier match',
    'ns/a 1 0: matched, but rule 0 of ns/a comes first in the route',
    'ns/b 0 0: matched, but rule 0 of ns/a is of a route that comes first by name',
  ]);
});

test('a request without a path is told so by every candidate', () => {
  assert.deepEqual(lost(request('OPTIONS http://a*'), { name: 'shop', rules: [[{}], [{ path: '~ .*' }]] }), [
    'shop 1 0: path * does not match the regular expression .*',
    'shop 0 0: path * is not under /',
  ]);
});
