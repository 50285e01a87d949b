import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareHostnameSpecificity, hostnameMatches, intersectHostnames } from '../../../src/lib/hostname.ts';

test('a wildcard matches one or more labels in front of its suffix', () => {
  assert.ok(hostnameMatches('*.x.com', 'a.x.com'));
  assert.ok(hostnameMatches('*.x.com', 'a.b.x.com'));
  assert.ok(hostnameMatches('a.x.com', 'a.x.com'));
  assert.ok(hostnameMatches('*', 'com'));
  assert.ok(!hostnameMatches('*.x.com', 'x.com'));
  assert.ok(!hostnameMatches('*.x.com', '.x.com'));
  assert.ok(!hostnameMatches('*.x.com', 'ax.com'));
  assert.ok(!hostnameMatches('a.x.com', 'b.a.x.com'));
});

test('the intersection is the narrower of two that overlap', () => {
  const table: [a: string, b: string, both: string | undefined][] = [
    ['*', '*', '*'],
    ['*', 'a.com', 'a.com'],
    ['*', '*.com', '*.com'],
    ['a.com', 'a.com', 'a.com'],
    ['a.com', 'b.com', undefined],
    ['*.com', 'a.com', 'a.com'],
    ['*.com', 'com', undefined],
    ['*.com', 'a.org', undefined],
    ['*.com', '*.com', '*.com'],
    ['*.com', '*.a.com', '*.a.com'],
    ['*.a.com', '*.b.com', undefined],
    ['*.a.com', '*.aa.com', undefined],
  ];
  for (const [a, b, both] of table) {
    assert.equal(intersectHostnames(a, b), both, `${a} ${b}`);
    assert.equal(intersectHostnames(b, a), both, `${b} ${a}`);
  }
});

test('exact is more specific than wildcard, more labels than fewer, anything than any', () => {
  const ordered = ['a.com', '*.a.b.com', '*.bbbbbbbbbb.com', '*.com', '*'];
  assert.deepEqual(ordered.toReversed().sort(compareHostnameSpecificity), ordered);
  assert.equal(compareHostnameSpecificity('a.com', 'a.b.com'), 0);
  assert.equal(compareHostnameSpecificity('*.a.com', '*.b.com'), 0);
});
