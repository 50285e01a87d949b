import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueryParameters } from '../../../../src/dataplane/route/query-parameters.ts';

function get(query: string | undefined, name: string): string | undefined {
  return new QueryParameters(query).get(name);
}

test('names and values are read as forms are', () => {
  assert.equal(get('a=1&b=2', 'b'), '2');
  assert.equal(get('a=x+y%20z%2B', 'a'), 'x y z+');
  assert.equal(get('%61%20b=1', 'a b'), '1');
  assert.equal(get('a=Z%C3%BCrich', 'a'), 'Zürich');
  assert.equal(get('a=1=2', 'a'), '1=2');
  assert.equal(get('a=1', 'A'), undefined);
});

test('a parameter without a value has an empty one', () => {
  assert.equal(get('a&b=', 'a'), '');
  assert.equal(get('a&b=', 'b'), '');
  assert.equal(get('=1', ''), '1');
  assert.equal(get('&&a=1&', ''), undefined);
  assert.equal(get('&&a=1&', 'a'), '1');
  assert.equal(get('', ''), undefined);
  assert.equal(get(undefined, 'a'), undefined);
});

test('of a repeated parameter the first counts', () => {
  assert.equal(get('a=1&a=2', 'a'), '1');
  assert.equal(get('%61=1&a=2', 'a'), '1');
});

test('malformed escapes stand for themselves', () => {
  assert.equal(get('a=%zz+', 'a'), '%zz+');
  assert.equal(get('a=%ff', 'a'), '%ff');
});

test('names of object members are names like others', () => {
  assert.equal(get('a=1', '__proto__'), undefined);
  assert.equal(get('__proto__=1', '__proto__'), '1');
});

test('none is behind others where it is not looked for', () => {
  const query = `${'&'.repeat(4_000)}${'x=1&'.repeat(1_000)}last=1`;
  assert.equal(new QueryParameters(query).get('last'), '1');
});
