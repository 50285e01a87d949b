import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modifyPath } from '../../../../src/dataplane/filter/path-modifier.ts';
import type { PathMatch } from '../../../../src/ir/route.ts';

const prefix = (value: string): PathMatch => ({ type: 'prefix', value });

describe('path modifier', () => {
  // The specification's table. A matched prefix `/foo/` is the prefix `/foo`: the IR has one spelling.
  for (const [path, matched, replacement, expected] of [
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/bar', '/foo', '/', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo', '/foo', '/', '/'],
    // Where all paths match.
    ['/bar', '/', '/xyz', '/xyz/bar'],
    ['/bar', '/', '/', '/bar'],
    ['/', '/', '/', '/'],
    // Deeper prefixes, escapes and what only looks like the prefix further on.
    ['/a/b/c/d', '/a/b', '/x/y/z', '/x/y/z/c/d'],
    ['/foo/foo/bar', '/foo', '/xyz', '/xyz/foo/bar'],
    ['/foo/a%2Fb', '/foo', '/x', '/x/a%2Fb'],
  ] as const) {
    test(`${path}, prefix ${matched} by "${replacement}": ${expected}`, () => {
      assert.equal(modifyPath(path, { kind: 'replacePrefix', value: replacement }, prefix(matched)), expected);
    });
  }

  for (const [value, expected] of [
    ['/new', '/new'],
    ['/', '/'],
    ['', '/'],
    ['/a/b/', '/a/b/'],
  ] as const) {
    test(`a whole path by "${value}": ${expected}`, () => {
      assert.equal(modifyPath('/old/path', { kind: 'replaceFull', value }, prefix('/old')), expected);
    });
  }

  test('P07 the result never begins with two slashes, which names another host', () => {
    assert.equal(modifyPath('/a', { kind: 'replaceFull', value: '//evil.example/x' }, prefix('/')), '/evil.example/x');
    assert.equal(
      modifyPath('/foo/x', { kind: 'replacePrefix', value: '//evil.example' }, prefix('/foo')),
      '/evil.example/x',
    );
    assert.equal(
      modifyPath('/foo//evil.example', { kind: 'replacePrefix', value: '/' }, prefix('/foo')),
      '/evil.example',
    );
  });

  test('without a modifier the path stays as it is', () => {
    assert.equal(modifyPath('/a/b', undefined, prefix('/a')), '/a/b');
  });

  test('the asterisk of OPTIONS is no path', () => {
    assert.equal(modifyPath('*', { kind: 'replaceFull', value: '/x' }, prefix('/')), '*');
  });
});
