import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics, statusClass } from '../../../src/observability/metric-names.ts';

test('names follow the conventions of Prometheus and are unique', () => {
  const { declarations } = new Metrics().registry;
  assert.ok(declarations.length > 20);
  assert.equal(new Set(declarations.map(({ name }) => name)).size, declarations.length);
  for (const { name, help } of declarations) {
    assert.match(name, /^sluice_[a-z]+(?:_[a-z]+)*$/);
    assert.match(help, /^[A-Z].*\.$/);
    if (/seconds|bytes/.test(name)) assert.match(name, /_(?:seconds|bytes)(?:_total)?$/);
    assert.doesNotMatch(name, /_(?:ms|millis|kb)/);
  }
});

test('R10: labels are names from the configuration or closed sets, never anything of a client', () => {
  const allowed = [
    'listener',
    'route',
    'cluster',
    'address',
    'version',
    'log',
    'quantile',
    'kind',
    'mode',
    'resource',
    'role',
  ];
  for (const { name, labels } of new Metrics().registry.declarations) {
    for (const label of labels) assert.ok(allowed.includes(label), `${name}: ${label}`);
  }
});

test('every status has a class', () => {
  const classes = [100, 199, 200, 304, 404, 499, 500, 599, 600, 999].map(statusClass);
  assert.deepEqual(classes, ['1xx', '1xx', '2xx', '3xx', '4xx', '4xx', '5xx', '5xx', '5xx', '5xx']);
});
