import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Explanation } from '../../../src/app/explanation.ts';
import { explanationJson, explanationText, isServed } from '../../../src/cli/explanation-text.ts';
import type { PathMatch } from '../../../src/ir/route.ts';
import { plainStyle } from './memory-terminal.ts';

const REQUEST = { method: 'GET', scheme: 'http', authority: 'shop', target: '/cart?x', headers: [] } as const;

const EXPLANATION: Explanation = {
  outcome: { kind: 'forwarded', authority: 'shop', path: '/v2', query: 'x' },
  listener: { name: 'shop/web/http', hostname: '*', port: 80, protocol: 'HTTP' },
  route: {
    route: 'HTTPRoute shop/cart',
    rule: 'main',
    hostname: 'shop',
    match: {
      path: { type: 'prefix', value: '/cart' },
      method: 'GET',
      headers: [{ type: 'regex', name: 'x-a', value: '[0-9]+' }],
      queryParams: [{ type: 'exact', name: 'x', value: '' }],
    },
    filters: [
      { kind: 'requestHeaderModifier', set: [{ name: 'authorization', value: 'hunter2' }], add: [], remove: [] },
      { kind: 'urlRewrite', path: { kind: 'replaceFull', value: '/v2' } },
    ],
    backends: [
      { name: 'shop/v1:80', weight: 2, share: 2 / 3, filters: [], endpoints: ['a:1', 'b:2', 'c:3', 'd:4', 'e:5'] },
      {
        name: 'shop/v2:80',
        weight: 1,
        share: 1 / 3,
        filters: [{ kind: 'urlRewrite', hostname: 'v2' }],
        endpoints: [],
        refusal: { status: 503, code: 'no_healthy_upstream' },
      },
    ],
    requestTimeoutMs: 10_000,
    backendRequestTimeoutMs: 0,
  },
  others: [
    {
      route: 'HTTPRoute shop/other',
      rule: '0',
      hostname: '*',
      match: { path: { type: 'exact', value: '/' }, headers: [], queryParams: [] },
      reason: 'path /cart is not /',
    },
  ],
  omittedOthers: 7,
};

test('an explanation as text', () => {
  assert.deepEqual(explanationText(EXPLANATION, REQUEST, plainStyle()).split('\n'), [
    'GET http://shop/cart?x',
    '  forwarded as /v2?x to host shop',
    '',
    '  listener  shop/web/http (HTTP, port 80, hostname *)',
    '  route     HTTPRoute shop/cart (hostname shop)',
    '  rule      main',
    '  match     path under /cart, method GET, header x-a ~ [0-9]+, query parameter x = ',
    '  filters   requestHeaderModifier {"set":[{"name":"authorization","value":"[redacted]"}],"add":[],"remove":[]}',
    '            urlRewrite {"path":{"kind":"replaceFull","value":"/v2"}}',
    '  backends   66.7 %  shop/v1:80 (weight 2): a:1, b:2, c:3, d:4 and 1 more',
    '             33.3 %  shop/v2:80 (weight 1): answers 503 (no_healthy_upstream)',
    '                    urlRewrite {"hostname":"v2"}',
    '  timeouts  request 10000 ms',
    '',
    'Other matches, and why each is not the one:',
    '  HTTPRoute shop/other, rule 0: path /',
    '    path /cart is not /',
    '  … and 7 more',
  ]);
});

test('a match of gRPC is told by service and method', () => {
  const textOf = (type: PathMatch['type'], service: string, method: string): string | undefined => {
    const match = { path: { type, value: '/x' }, rpc: { service, method }, headers: [], queryParams: [] };
    const other = { route: 'GRPCRoute shop/cart', rule: '0', hostname: '*', match, reason: 'none' };
    const explanation = { ...EXPLANATION, others: [other], omittedOthers: 0 };
    return explanationText(explanation, REQUEST, plainStyle()).split('rule 0: ')[1]?.split('\n')[0];
  };
  assert.equal(textOf('exact', 'shop.v1.Cart', 'Add'), 'gRPC service shop.v1.Cart, method Add');
  assert.equal(textOf('prefix', 'shop.v1.Cart', ''), 'gRPC service shop.v1.Cart');
  assert.equal(textOf('regex', '', 'Get.*'), 'gRPC method like Get.*');
  assert.equal(textOf('prefix', '', ''), 'gRPC any method');
});

test('every outcome is told', () => {
  const textOf = (outcome: Explanation['outcome']): string | undefined =>
    explanationText({ outcome, others: [], omittedOthers: 0 }, REQUEST, plainStyle()).split('\n')[1]?.trim();
  assert.equal(textOf({ kind: 'forwarded', authority: 'a', path: '/' }), 'forwarded as / to host a');
  assert.equal(textOf({ kind: 'answered', status: 204 }), 'answered 204 by a filter');
  assert.equal(textOf({ kind: 'answered', status: 301, location: '/b' }), 'answered 301 by a filter, location /b');
  assert.equal(
    textOf({ kind: 'refused', status: 404, code: 'route_not_found', message: 'none' }),
    'answered 404: none',
  );
  assert.equal(
    textOf({ kind: 'refused', status: 200, grpcStatus: 12, code: 'route_not_found', message: 'none' }),
    'answered grpc-status 12: none',
  );
  assert.equal(textOf({ kind: 'unreachable', message: 'nobody' }), 'not answered: nobody');
});

test('a request is served when it is forwarded or answered', () => {
  assert.ok(isServed({ kind: 'forwarded', authority: 'a', path: '/' }));
  assert.ok(isServed({ kind: 'answered', status: 204 }));
  assert.ok(!isServed({ kind: 'refused', status: 404, code: 'route_not_found', message: '' }));
  assert.ok(!isServed({ kind: 'unreachable', message: '' }));
});

test('JSON holds all of it but secrets', () => {
  const json = explanationJson(EXPLANATION);
  assert.doesNotMatch(json, /hunter2/);
  assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(EXPLANATION).replace('hunter2', '[redacted]')));
});
