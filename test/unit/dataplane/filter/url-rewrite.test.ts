import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileUrlRewrite } from '../../../../src/dataplane/filter/url-rewrite/url-rewrite.ts';
import { context, type ContextSetup } from './context.ts';
import type { UrlRewriteFilter } from '../../../../src/ir/filter.ts';

interface Seen {
  readonly path: string;
  readonly query: string | undefined;
  readonly authority: string;
  readonly host: string;
}

function rewritten(filter: Omit<UrlRewriteFilter, 'kind'>, setup: ContextSetup): Seen {
  const seen = context(setup);
  const { onRequest, onResponse } = compileUrlRewrite({ kind: 'urlRewrite', ...filter });
  assert.equal(onRequest?.(seen), undefined, 'it does not answer');
  assert.equal(onResponse, undefined);
  const { path, query, authority, host } = seen.request;
  return { path, query, authority, host };
}

const REQUEST: ContextSetup = { authority: 'shop.example:8080', path: '/foo/bar', query: 'a=1&b', prefix: '/foo' };

describe('url rewrite', () => {
  test('a prefix is replaced; query and host stay', () => {
    assert.deepEqual(rewritten({ path: { kind: 'replacePrefix', value: '/xyz' } }, REQUEST), {
      path: '/xyz/bar',
      query: 'a=1&b',
      authority: 'shop.example:8080',
      host: 'shop.example',
    });
  });
  test('a whole path is replaced; the query stays', () => {
    const { path, query } = rewritten({ path: { kind: 'replaceFull', value: '/one' } }, REQUEST);
    assert.deepEqual([path, query], ['/one', 'a=1&b']);
  });
  test('a hostname replaces what the backend sees, port and all; what was matched stays', () => {
    const { path, authority, host } = rewritten({ hostname: 'inner.example' }, REQUEST);
    assert.deepEqual([path, authority, host], ['/foo/bar', 'inner.example', 'shop.example']);
  });
  test('both at once', () => {
    const { path, authority } = rewritten(
      { hostname: 'inner.example', path: { kind: 'replacePrefix', value: '/' } },
      REQUEST,
    );
    assert.deepEqual([path, authority], ['/bar', 'inner.example']);
  });
});
