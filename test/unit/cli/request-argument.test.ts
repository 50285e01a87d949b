import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHeader, parseRequestLine } from '../../../src/cli/request-argument.ts';

test('a request line is a method and a URL', () => {
  assert.deepEqual(parseRequestLine('POST https://shop.example.com:8443/cart?x=1'), {
    method: 'POST',
    scheme: 'https',
    authority: 'shop.example.com:8443',
    target: '/cart?x=1',
  });
});

test('what is left out of a URL', () => {
  const line = { method: 'GET', scheme: 'http', authority: 'a' };
  assert.deepEqual(parseRequestLine('http://a'), { ...line, target: '/' });
  assert.deepEqual(parseRequestLine(' HTTP://a?b '), { ...line, target: '/?b' });
  assert.deepEqual(parseRequestLine('http://a/b?c#d?e'), { ...line, target: '/b?c' });
});

test('nothing is normalised', () => {
  const { authority, target } = parseRequestLine('GET http://[::1]:80/a/../b//%2F%zz\\');
  assert.equal(authority, '[::1]:80');
  assert.equal(target, '/a/../b//%2F%zz\\');
});

test('other texts are refused', () => {
  for (const text of ['', '/cart', 'GET', 'GET /cart', 'ftp://a/', 'GET  http://a/ HTTP/1.1', 'GET http://a/ b']) {
    assert.throws(() => parseRequestLine(text), { code: 'commander.invalidArgument' }, text);
  }
});

test('headers are collected in order', () => {
  const first = parseHeader('X-A: 1');
  assert.deepEqual(parseHeader('x-b:two: three ', first), [
    ['X-A', '1'],
    ['x-b', 'two: three'],
  ]);
  assert.deepEqual(parseHeader('x-empty:'), [['x-empty', '']]);
});

test('what is no header is refused', () => {
  for (const text of ['', 'x-a', ': 1', 'x a: 1', 'x-a: 1\r\nx-b: 2', 'x-a: 1\nhost: b']) {
    assert.throws(() => parseHeader(text), { code: 'commander.invalidArgument' }, text);
  }
});
