import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostnameEntry, HostnameIndex } from '../../../../src/dataplane/route/hostname-index.ts';

const HOSTNAMES = ['*.c', '*', 'a.b.c', '*.b.c', 'b.c', '*.a.b.c'];

/** All hostnames that match, the most specific first. */
function all(host: string, hostnames: readonly string[] = HOSTNAMES): string[] {
  const found: string[] = [];
  let entry: HostnameEntry<string> | undefined = new HostnameIndex(hostnames.map((name) => [name, name])).find(host);
  for (; entry !== undefined; entry = entry.broader) found.push(entry.value);
  return found;
}

test('finds the most specific hostname, and from it every broader one', () => {
  assert.deepEqual(all('a.b.c'), ['a.b.c', '*.b.c', '*.c', '*']);
  assert.deepEqual(all('x.a.b.c'), ['*.a.b.c', '*.b.c', '*.c', '*']);
  assert.deepEqual(all('b.c'), ['b.c', '*.c', '*']);
  assert.deepEqual(all('c'), ['*']);
  assert.deepEqual(all('[::1]'), ['*']);
});

test('finds nothing where nothing matches', () => {
  assert.deepEqual(all('c', ['*.c', 'a.c']), []);
  assert.deepEqual(all('c', []), []);
});

test('the order in which hostnames came does not count', () => {
  assert.deepEqual(all('a.b.c', HOSTNAMES.toReversed()), ['a.b.c', '*.b.c', '*.c', '*']);
});
