// docs/operations.md has a row for everything that somebody on call may meet: metrics, fields of the access log, response flags, endpoints.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ACCESS_LOG_FIELDS } from '../../../src/observability/access-log.ts';
import { Metrics } from '../../../src/observability/metric-names.ts';
import { RESPONSE_FLAGS } from '../../../src/observability/response-flag.ts';
import { readPage, tableRows } from '../../harness/markdown-page.ts';

const FIRST_CELLS = new Set(
  tableRows(readPage('docs/operations.md')).flatMap(([first = '']) => first.replaceAll('`', '').split(', ')),
);

function missing(names: Iterable<string>): readonly string[] {
  return [...names].filter((name) => !FIRST_CELLS.has(name));
}

it('has every metric', () => {
  assert.deepEqual(missing(new Metrics().registry.declarations.map(({ name }) => name)), []);
});

it('has every field of the access log', () => {
  assert.deepEqual(missing(ACCESS_LOG_FIELDS), []);
});

it('has every response flag', () => {
  assert.deepEqual(missing(Object.keys(RESPONSE_FLAGS)), []);
});

it('has every endpoint of the admin API', () => {
  const routes = readPage('src/admin/routes.ts').matchAll(/server\.(get|post)(?:<.*>)?\('([^']+)'/g);
  const endpoints = Array.from(routes, ([, method = '', path]) => `${method.toUpperCase()} ${path}`);
  assert.ok(endpoints.length > 5);
  assert.deepEqual(missing(endpoints), []);
});
