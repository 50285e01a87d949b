import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizePath } from '../../../src/lib/http-path.ts';

function assertPaths(paths: Readonly<Record<string, string>>): void {
  for (const [raw, expected] of Object.entries(paths)) assert.equal(normalizePath(raw), expected, raw);
}

function assertRefused(...paths: string[]): void {
  for (const raw of paths) assert.equal(typeof normalizePath(raw), 'object', JSON.stringify(raw));
}

test('P01: dot segments are removed', () => {
  assertPaths({
    '/a/../b': '/b',
    '/a/./b': '/a/b',
    '/./a': '/a',
    '/a/.': '/a/',
    '/a/..': '/',
    '/a/b/..': '/a/',
    '/a/b/../': '/a/',
    '/.': '/',
    '/a/b/../../c': '/c',
    '/a/%2e%2e/b': '/b',
    '/a/%2E./b': '/b',
    '/a/.%2e/b': '/b',
    '/a/%2e/b': '/a/b',
    '/a/..%2e/b': '/a/..%2e/b',
    '/.../b': '/.../b',
    '/..a/.b/c..': '/..a/.b/c..',
    '/.well-known/x': '/.well-known/x',
  });
});

test('P01: a path that leads above the root is refused', () => {
  assertRefused('/..', '/../a', '/%2e%2e/b', '/a/../..', '/a/../../b', '/./..', '//..', '/a//../../b');
});

test('P01: a dot segment that only another reader would see is refused', () => {
  assertRefused('/..;/b', '/a/..;x=1/b', '/a/.;x', '/a/%2e%2E;x', '/a/..%3Bx', '/a/.%3b');
  assertRefused('/a/%2E%2e%2fb', '/a/..%2Fb', '/a%2f..', '/a%2F..%2fb', '/a%2F.', '/.%2Fa', '/a%2f%2e%2e', '/x%2F..;y');
});

test('P02: duplicate slashes are merged, before dot segments are removed', () => {
  assertPaths({
    '/a//b': '/a/b',
    '//evil/x': '/evil/x',
    '///': '/',
    '/a//': '/a/',
    '/a//../b': '/b',
    '/a/..//b': '/b',
  });
});

test('P03: %2F, %25 and parameters are data', () => {
  assertPaths({
    '/a%2Fb': '/a%2Fb',
    '/a%2f.b/..c': '/a%2f.b/..c',
    '/a%2F%2fb': '/a%2F%2fb',
    '/%252e%252e/b': '/%252e%252e/b',
    '/a%255C': '/a%255C',
    '/a;b=1/c': '/a;b=1/c',
    '/;': '/;',
  });
});

test('P03: what upstreams read in more than one way is refused', () => {
  assertRefused(
    '/a\\b',
    '/a%5Cb',
    '/a%5cb',
    '/%00',
    '/a#b',
    '/a?b',
    '/a b',
    '/a\tb',
    '/a\r\nb',
    '/\x7f',
    '/\x00',
    '/\x1f',
  );
  assertRefused('/%C0%AE', '/%c1%9c', '/%C0', '/%E0%80%AF', '/%e0%9f%bf', '/%F0%80%80%AF', '/%f0%8f%80%80');
  assertRefused('/%F8%80%80%80%AF', '/%FC%80%80%80%80%AF', '/%fc%83');
  assertRefused('/\x80', '/\xc3\xbc', '/\xff', '/\u212a', '/caf\xe9');
});

test('P03: other escapes are kept in their own case', () => {
  assertPaths({
    '/%E0%A0%80': '/%E0%A0%80',
    '/%f0%90%80%80': '/%f0%90%80%80',
    '/gr%FCn/%C3%bc': '/gr%FCn/%C3%bc',
    '/%61%7e%20%0a': '/%61%7e%20%0a',
    '/%e0/%80': '/%e0/%80',
  });
});

test('P04: malformed escapes are refused', () => {
  assertRefused('/%', '/%a', '/%zz', '/%a/', '/a%2', '/%%20', '/%g0', '/%0g', '/% 0', '/%-1');
});

test('a path starts with a slash', () => {
  assertRefused('', '*', 'a', 'http://a/', './a', '%2Fa');
});

test('all else is kept byte for byte', () => {
  const plain = String.fromCharCode(
    ...Array.from({ length: 0x5e }, (_, i) => 0x21 + i).filter((code) => !'#%?\\/'.includes(String.fromCharCode(code))),
  );
  assertPaths({ [`/${plain}`]: `/${plain}`, '/': '/', '/A/b/': '/A/b/' });
});
