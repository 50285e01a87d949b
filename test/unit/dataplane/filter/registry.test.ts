import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileFilters } from '../../../../src/dataplane/filter/registry.ts';
import type { FilterChain } from '../../../../src/dataplane/filter/filter.ts';
import type { Filter } from '../../../../src/ir/filter.ts';
import { context, lines, response, type HandMadeContext } from './context.ts';

const cors: Filter = {
  kind: 'cors',
  allowOrigins: ['https://a.example'],
  allowMethods: ['GET'],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
  maxAgeSeconds: 5,
};
const requestHeader = (value: string): Filter => ({
  kind: 'requestHeaderModifier',
  set: [],
  add: [{ name: 'x', value }],
  remove: [],
});
const responseHeader = (name: string, value: string): Filter => ({
  kind: 'responseHeaderModifier',
  set: [{ name, value }],
  add: [],
  remove: [],
});
const mirror = (cluster: string): Filter => ({ kind: 'requestMirror', cluster, numerator: 1, denominator: 1 });
const redirect: Filter = { kind: 'requestRedirect', statusCode: 302 };
const rewrite: Filter = { kind: 'urlRewrite', path: { kind: 'replaceFull', value: '/rewritten' } };

function run(chain: FilterChain, seen: HandMadeContext): number | undefined {
  for (const onRequest of chain.onRequest) {
    const answer = onRequest(seen);
    if (answer !== undefined) return answer.status;
  }
  return undefined;
}

describe('THE order of filters', () => {
  test('header modifier, then mirror, then rewrite, whatever the order in the spec', () => {
    const filters = [rewrite, mirror('m'), requestHeader('1')];
    for (const order of [filters, filters.toReversed()]) {
      const seen = context({ path: '/original' });
      assert.equal(run(compileFilters(order), seen), undefined);
      assert.deepEqual(seen.mirrored, [['m', '/original', ['x', '1']]], 'the mirror gets the modified request');
      assert.equal(seen.request.path, '/rewritten');
    }
  });
  test('filters of one kind keep their order', () => {
    const seen = context();
    run(compileFilters([mirror('first'), requestHeader('1'), mirror('second'), requestHeader('2')]), seen);
    assert.deepEqual(lines(seen.request), ['x: 1', 'x: 2']);
    assert.deepEqual(
      seen.mirrored.map(([cluster]) => cluster),
      ['first', 'second'],
    );
  });
  test('a preflight is answered before anything else sees it', () => {
    const preflight = context({
      method: 'OPTIONS',
      headers: [
        ['origin', 'https://a.example'],
        ['access-control-request-method', 'GET'],
      ],
    });
    assert.equal(run(compileFilters([redirect, mirror('m'), requestHeader('1'), cors]), preflight), 204);
    assert.deepEqual(preflight.mirrored, []);
  });
  test('a redirect is answered before a rewrite', () => {
    const seen = context({ path: '/original' });
    assert.equal(run(compileFilters([rewrite, redirect]), seen), 302);
    assert.equal(seen.request.path, '/original');
  });
  test('a response passes the other way round: CORS has the last word', () => {
    const seen = context({ headers: [['origin', 'https://a.example']] });
    const answer = response();
    const name = 'access-control-allow-origin';
    const filters = compileFilters([cors, responseHeader(name, 'wrong')]);
    for (const onRequest of filters.onRequest) onRequest(seen);
    for (const onResponse of filters.onResponse) onResponse(seen, answer);
    assert.equal(answer.headers.getJoined(name), 'https://a.example');
  });
  test('no filters', () => assert.deepEqual(compileFilters([]), { onRequest: [], onResponse: [] }));
});
