import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileRequestRedirect } from '../../../../src/dataplane/filter/request-redirect/request-redirect.ts';
import type { RequestRedirectFilter } from '../../../../src/ir/filter.ts';
import { context, type ContextSetup } from './context.ts';

function redirected(filter: Omit<RequestRedirectFilter, 'kind' | 'statusCode'>, setup: ContextSetup): string {
  const { onRequest } = compileRequestRedirect({ kind: 'requestRedirect', statusCode: 302, ...filter });
  const answer = onRequest?.(context(setup)) ?? assert.fail('it answers');
  assert.equal(answer.status, 302);
  const [name, location, ...more] = answer.headers.fields;
  assert.deepEqual([name, more], ['location', []], 'a Location and nothing else');
  return location ?? assert.fail();
}

describe('request redirect', () => {
  // The listener's scheme and port, the filter, and the origin of the Location: the conformance suite's table.
  for (const [scheme, listenerPort, filter, origin] of [
    ['http', 80, {}, 'http://example.org'],
    ['http', 80, { port: 80 }, 'http://example.org'],
    ['http', 80, { port: 8080 }, 'http://example.org:8080'],
    ['http', 80, { scheme: 'https' }, 'https://example.org'],
    ['http', 80, { scheme: 'https', port: 443 }, 'https://example.org'],
    ['http', 80, { scheme: 'https', port: 8443 }, 'https://example.org:8443'],
    ['http', 8080, {}, 'http://example.org:8080'],
    ['http', 8080, { port: 80 }, 'http://example.org'],
    ['http', 8080, { scheme: 'https' }, 'https://example.org'],
    ['https', 443, {}, 'https://example.org'],
    ['https', 443, { port: 443 }, 'https://example.org'],
    ['https', 443, { port: 8443 }, 'https://example.org:8443'],
    ['https', 443, { scheme: 'http' }, 'http://example.org'],
    ['https', 443, { scheme: 'http', port: 80 }, 'http://example.org'],
    ['https', 443, { scheme: 'http', port: 8080 }, 'http://example.org:8080'],
    // The other scheme's well-known port is a port like any other.
    ['http', 80, { port: 443 }, 'http://example.org:443'],
    ['https', 443, { port: 80 }, 'https://example.org:80'],
    ['http', 443, {}, 'http://example.org:443'],
  ] as const) {
    test(`${scheme} :${listenerPort} with ${JSON.stringify(filter)}: ${origin}`, () => {
      assert.equal(redirected(filter, { scheme, listenerPort, path: '/a' }), `${origin}/a`);
    });
  }

  test("the port is the listener's, never the one that the client wrote in Host", () => {
    assert.equal(redirected({}, { authority: 'example.org:1234', path: '/a' }), 'http://example.org/a');
  });
  test('the hostname is the filter’s, else that of the request', () => {
    assert.equal(redirected({ hostname: 'other.example' }, { path: '/a' }), 'http://other.example/a');
  });
  test('an IPv6 host keeps its brackets', () => {
    assert.equal(redirected({}, { authority: '[2001:db8::1]', path: '/a' }), 'http://[2001:db8::1]/a');
    assert.equal(redirected({ port: 81 }, { authority: '[::1]:8080', path: '/a' }), 'http://[::1]:81/a');
  });
  test('path and query are kept', () => {
    assert.equal(redirected({}, { path: '/a%2Fb/', query: 'x=1&y=%20' }), 'http://example.org/a%2Fb/?x=1&y=%20');
    assert.equal(redirected({}, { path: '/a', query: '' }), 'http://example.org/a?');
  });
  test('a prefix is replaced, the query kept', () => {
    const path = { kind: 'replacePrefix', value: '/new' } as const;
    assert.equal(redirected({ path }, { path: '/old/x', prefix: '/old', query: 'q' }), 'http://example.org/new/x?q');
  });
  test('a whole path is replaced, the query kept', () => {
    const path = { kind: 'replaceFull', value: '/new' } as const;
    assert.equal(redirected({ path }, { path: '/old/x', query: 'q' }), 'http://example.org/new?q');
  });
  test('P07 a path that begins with two slashes does not lead elsewhere', () => {
    const path = { kind: 'replacePrefix', value: '/' } as const;
    const location = redirected({ path }, { path: '/go//evil.example/x', prefix: '/go' });
    assert.equal(new URL(location).host, 'example.org');
    assert.equal(new URL(location).pathname, '/evil.example/x');
  });
  for (const statusCode of [301, 302, 303, 307, 308] as const) {
    test(`status ${statusCode}`, () => {
      const { onRequest } = compileRequestRedirect({ kind: 'requestRedirect', statusCode });
      assert.equal(onRequest?.(context())?.status, statusCode);
    });
  }
});
