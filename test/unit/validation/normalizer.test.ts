// The structural part of validation, concern by concern, on small schemas.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schema } from '../../../src/api/schema.ts';
import { Normalizer, type NormalizeOptions } from '../../../src/validation/normalizer.ts';
import { PatternCache } from '../../../src/validation/pattern.ts';
import { formatPath, MAX_PROBLEMS, ProblemList } from '../../../src/validation/problem.ts';

const TEXT: Schema = { type: 'string' };

function normalize(
  value: unknown,
  schema: Schema,
  unknownFields: NormalizeOptions['unknownFields'] = 'refuse',
): { value: unknown; problems: readonly string[] } {
  const problems = new ProblemList();
  const normalizer = new Normalizer(problems, { unknownFields, patterns: new PatternCache() });
  const normalized = normalizer.normalize(value, schema);
  return { value: normalized, problems: problems.found.map(({ path, message }) => `${formatPath(path)}: ${message}`) };
}

function assertValid(value: unknown, schema: Schema, expected: unknown = value): void {
  assert.deepEqual(normalize(value, schema), { value: expected, problems: [] });
}

function assertProblems(value: unknown, schema: Schema, ...expected: readonly string[]): void {
  assert.deepEqual(normalize(value, schema).problems, expected);
}

test('types: each type takes its own values and says how to write them', () => {
  const rows: readonly (readonly [NonNullable<Schema['type']>, unknown, unknown, string])[] = [
    ['string', 'a', 8080, 'must be a string, not an integer; put it in quotes'],
    ['string', 'a', true, 'must be a string, not true; put it in quotes'],
    ['string', 'a', ['a'], 'must be a string, not a list'],
    ['integer', 1, '1', 'must be an integer, not a string; write it without quotes'],
    ['integer', -1, 1.5, 'must be an integer, not a number'],
    ['integer', 0, Number.NaN, 'must be an integer, not a number'],
    ['number', 1.5, {}, 'must be a number, not a mapping'],
    ['boolean', false, 'false', 'must be true or false, not a string; write it without quotes'],
    ['array', [], {}, 'must be a list, not a mapping; begin each item with a hyphen'],
    ['object', {}, [], 'must be a mapping, not a list'],
    ['object', {}, null, 'must be a mapping, not null'],
  ];
  for (const [type, good, bad, message] of rows) {
    assertValid(good, { type, items: TEXT });
    assertProblems(bad, { type }, `: ${message}`);
  }
  assertValid(3, { type: 'number' });
});

test('types: int-or-string takes both', () => {
  const schema: Schema = { 'x-kubernetes-int-or-string': true };
  assertValid(80, schema);
  assertValid('http', schema);
  assertProblems(1.5, schema, ': must be an integer or a string');
  assertProblems({}, schema, ': must be an integer or a string');
});

test('unknown fields are refused with the name that was probably meant, or the names that exist', () => {
  const schema: Schema = { type: 'object', properties: { hostnames: { type: 'array', items: TEXT }, name: TEXT } };
  assertProblems({ hostname: 'a' }, schema, 'hostname: unknown field; did you mean hostnames?');
  assertProblems({ zzz: null }, schema, 'zzz: unknown field; the fields here are hostnames, name');
  for (const name of ['constructor', 'toString', '__proto__']) {
    const value = JSON.parse(`{"${name}": {}}`) as unknown;
    assertProblems(value, schema, `${name}: unknown field; the fields here are hostnames, name`);
  }
});

test('unknown fields of kinds of which only a part is read are dropped', () => {
  const schema: Schema = { type: 'object', properties: { name: TEXT } };
  assert.deepEqual(normalize({ zone: 'a', name: 'b' }, schema, 'drop'), { value: { name: 'b' }, problems: [] });
});

test('required fields must be there; null counts as absent', () => {
  const schema: Schema = { type: 'object', required: ['name'], properties: { name: TEXT, note: TEXT } };
  assertProblems({}, schema, 'name: is required');
  assertProblems({ name: null }, schema, 'name: is required');
  assertValid({ name: 'a', note: null }, schema, { name: 'a' });
});

test('defaults fill absent and null fields, at every depth, and are checked like given values', () => {
  const inner: Schema = {
    type: 'object',
    properties: { kind: { ...TEXT, default: 'Service' }, weight: { type: 'integer', default: 1, minimum: 0 } },
  };
  const schema: Schema = {
    type: 'object',
    required: ['ref'],
    properties: { ref: { ...inner, default: { kind: 'Backend' } }, refs: { type: 'array', items: inner } },
  };
  assertValid({}, schema, { ref: { kind: 'Backend', weight: 1 } });
  assertValid({ ref: { kind: null, weight: 0 }, refs: [{}] }, schema, {
    ref: { kind: 'Service', weight: 0 },
    refs: [{ kind: 'Service', weight: 1 }],
  });
  assertProblems({ ref: { weight: -1 } }, schema, 'ref.weight: must be at least 0; found -1');
  assert.equal(Object.hasOwn(normalize({}, schema).value as object, 'refs'), false, 'nothing is made up');
});

test('the result shares nothing with the input or the schema, and the input stays as it is', () => {
  const fallback = { list: ['a'] };
  const list: Schema = { type: 'array', items: TEXT };
  const part: Schema = { type: 'object', properties: { list } };
  const schema: Schema = { type: 'object', properties: { given: part, absent: { ...part, default: fallback } } };
  const input = { given: { list: ['b'] } };
  const { value } = normalize(input, schema) as { value: { given: { list: string[] }; absent: { list: string[] } } };
  value.given.list.push('c');
  value.absent.list.push('c');
  assert.deepEqual(input, { given: { list: ['b'] } });
  assert.deepEqual(fallback, { list: ['a'] });
});

test('fields come out in the order of the schema, whatever the order in the manifest', () => {
  const schema: Schema = { type: 'object', properties: { a: TEXT, b: TEXT, c: TEXT } };
  assert.equal(JSON.stringify(normalize({ c: '3', a: '1', b: '2' }, schema).value), '{"a":"1","b":"2","c":"3"}');
});

test('maps with free keys: values are checked, null is dropped, keys cannot reach the prototype', () => {
  const schema: Schema = { type: 'object', maxProperties: 2, additionalProperties: { type: 'string', maxLength: 3 } };
  assertValid({ a: 'x', b: null }, schema, { a: 'x' });
  assertProblems({ a: 'long!' }, schema, 'a: must have at most 3 characters; found 5');
  assertProblems({ a: '1', b: '2', c: '3' }, schema, ': must have at most 2 fields; found 3');
  const hostile = normalize(JSON.parse('{"__proto__": "x"}'), schema).value as object;
  assert.equal(Object.getPrototypeOf(hostile), Object.prototype);
  assert.deepEqual(Object.keys(hostile), ['__proto__']);
});

test('lists: counts are limited, and items of a list that is too long are not looked at', () => {
  const schema: Schema = { type: 'array', minItems: 1, maxItems: 2, items: TEXT };
  assertProblems([], schema, ': must have at least 1 and at most 2 items; found 0');
  assertProblems([1, 2, 3], schema, ': must have at least 1 and at most 2 items; found 3');
  assertProblems(['a', null], schema, '[1]: must be a string, not null');
});

test('list type map: items are told apart by their keys, defaults included', () => {
  const schema: Schema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['port', 'protocol'],
    items: { type: 'object', properties: { port: { type: 'integer' }, protocol: { ...TEXT, default: 'TCP' } } },
  };
  const udp = { port: 1, protocol: 'UDP' };
  assertValid([udp, { port: 1, protocol: 'TCP' }], schema);
  assertProblems(
    [{ port: 1 }, udp, { port: 1, protocol: 'TCP' }],
    schema,
    '[2]: has the same port and protocol as item 0 of the list',
  );
});

test('list type set: items are unique', () => {
  const schema: Schema = { type: 'array', 'x-kubernetes-list-type': 'set', items: TEXT };
  assertValid(['a', 'b'], schema);
  assertProblems(['a', 'b', 'a'], schema, '[2]: repeats item 0 of the list');
});

test('numbers are limited', () => {
  const schema: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
  for (const port of [1, 65_535]) assertValid(port, schema);
  for (const port of [0, 65_536]) {
    assertProblems(port, schema, `: must be at least 1 and at most 65535; found ${port}`);
  }
});

test('lengths count characters, not code units', () => {
  const schema: Schema = { type: 'string', minLength: 2, maxLength: 3 };
  assertValid('😀😀😀', schema);
  assertProblems('😀', schema, ': must have at least 2 and at most 3 characters; found 1');
  assertProblems('abcd', schema, ': must have at least 2 and at most 3 characters; found 4');
  assertProblems('', { type: 'string', minLength: 1 }, ': must have at least 1 characters; found 0');
});

test('patterns are explained', () => {
  const schema: Schema = { type: 'string', pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' };
  assertValid('1h30m', schema);
  assertProblems('1.5s', schema, ': must be a duration, such as 10s, 500ms or 1h30m; found "1.5s"');
});

test('enums list what is allowed and guess what was meant', () => {
  const schema: Schema = { type: 'string', enum: ['Exact', 'PathPrefix'] };
  assertValid('Exact', schema);
  assertProblems('Prefix', schema, ': must be one of "Exact", "PathPrefix"; found "Prefix"');
  assertProblems('exact', schema, ': must be one of "Exact", "PathPrefix"; found "exact" (did you mean "Exact"?)');
  assertProblems(3, { type: 'integer', enum: [1] }, ': must be 1; found 3');
});

test('formats are checked', () => {
  assertProblems(2 ** 31, { type: 'integer', format: 'int32' }, ': must be a 32-bit integer');
});

test('oneOf, anyOf, allOf and not', () => {
  const isAddress: Schema = { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] };
  const oneOf: readonly Schema[] = [
    { properties: { type: { enum: ['IP'] }, value: isAddress } },
    { properties: { type: { not: { enum: ['IP'] } } } },
  ];
  const schema: Schema = { type: 'object', oneOf, properties: { type: { ...TEXT, default: 'IP' }, value: TEXT } };
  assertValid({ type: 'IP', value: '::1' }, schema);
  assertValid({ type: 'Name', value: 'a' }, schema);
  // The default of `type` decides, so defaults must be there before the forms are looked at.
  assertProblems(
    { value: 'a' },
    schema,
    ': value must be an IPv4 address, or must be an IPv6 address, or type must not be "IP"',
  );
  const overlapping: readonly Schema[] = [{ minimum: 1 }, { maximum: 5 }];
  assertProblems(3, { type: 'integer', oneOf: overlapping }, ': must have exactly one of its possible forms');
  assertValid(3, { type: 'integer', anyOf: overlapping });
  assertValid(3, { type: 'integer', allOf: overlapping });
  assertProblems(7, { type: 'integer', allOf: overlapping }, ': must be at most 5; found 7');
  assertProblems(7, { type: 'integer', not: { minimum: 7 } }, ': must not be 7');
});

test('all problems of an object are collected, up to a bound, without looking further', () => {
  const schema: Schema = { type: 'array', items: { type: 'object', properties: { a: TEXT } } };
  assertProblems(
    [{ a: 1 }, { b: 'x' }],
    schema,
    '[0].a: must be a string, not an integer; put it in quotes',
    '[1].b: unknown field; did you mean a?',
  );
  const { problems, value } = normalize(
    Array.from({ length: 1000 }, () => 1),
    schema,
  );
  assert.equal(problems.length, MAX_PROBLEMS + 1);
  assert.ok((value as unknown[]).length < 1000);
});

test('hostile shapes: cycles and deep nesting are not followed beyond the schema', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  const schema: Schema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['self'],
    items: { type: 'object', properties: { self: TEXT } },
  };
  assertProblems([cyclic], schema, '[0].self: must be a string, not a mapping');
});
