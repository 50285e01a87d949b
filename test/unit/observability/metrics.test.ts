import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_CELLS_PER_FAMILY, MetricRegistry } from '../../../src/observability/metrics.ts';
import { parsePrometheusText, type ParsedSample } from './prometheus-parser.ts';

test('a counter and a gauge are exposed under their labels', () => {
  const registry = new MetricRegistry();
  const requests = registry.counter({ name: 'r_total', help: 'Requests.', labels: ['listener', 'route'] });
  const active = registry.gauge({ name: 'active', help: 'Active.', labels: [] });
  const cell = requests.cell({ route: 'b', listener: 'a' });
  cell.inc();
  cell.add(2.5);
  active.cell({}).inc();
  active.cell({}).inc();
  active.cell({}).dec();
  assert.equal(
    registry.expose(),
    [
      '# HELP r_total Requests.',
      '# TYPE r_total counter',
      'r_total{listener="a",route="b"} 3.5',
      '# HELP active Active.',
      '# TYPE active gauge',
      'active 1',
      '',
    ].join('\n'),
  );
});

test('any label value and help text survives the exposition', () => {
  const registry = new MetricRegistry();
  const help = 'back\\slash, new\nline, "quotes"';
  const family = registry.counter({ name: 'x_total', help, labels: ['a', 'b'] });
  const values = ['', '"', '\\', '\n', '\\n', '","b="', '}', ' 1', 'é', 'a=b,c', '\\"\n\\'];
  for (const [index, value] of values.entries()) family.cell({ a: value, b: 'x' }).add(index + 1);
  const parsed = parsePrometheusText(registry.expose()).get('x_total');
  assert.equal(parsed?.help, help);
  assert.deepEqual(
    parsed.samples.map(({ labels, value }) => [labels['a'], labels['b'], value]),
    values.map((value, index) => [value, 'x', index + 1]),
  );
});

test('special numbers are printed as Prometheus reads them', () => {
  const registry = new MetricRegistry();
  const family = registry.gauge({ name: 'g', help: 'G.', labels: ['n'] });
  const values = [Infinity, -Infinity, Number.NaN, 0, -1.5, 1e21, 5e-324, Number.MAX_SAFE_INTEGER];
  for (const [index, value] of values.entries()) family.cell({ n: String(index) }).set(value);
  assert.deepEqual(
    samplesOf(registry, 'g').map(({ value }) => value),
    values,
  );
});

test('a histogram counts each value in every bucket that holds it', () => {
  const registry = new MetricRegistry();
  const family = registry.histogram({ name: 'd_seconds', help: 'D.', labels: ['route'], buckets: [0.1, 1, 10] });
  const cell = family.cell({ route: 'a' });
  const values = [0, 0.05, 0.1, 0.100001, 1, 9, 10, 10.5, 1000];
  for (const value of values) cell.observe(value);
  const samples = samplesOf(registry, 'd_seconds');
  for (const bound of [0.1, 1, 10, Infinity]) {
    const bucket = samples.find(({ labels }) => labels['le'] === (bound === Infinity ? '+Inf' : String(bound)));
    assert.equal(bucket?.name, 'd_seconds_bucket');
    assert.equal(bucket.labels['route'], 'a');
    assert.equal(bucket.value, values.filter((value) => value <= bound).length, `le=${bound}`);
  }
  assert.equal(samples.find(({ name }) => name === 'd_seconds_count')?.value, values.length);
  const sum = samples.find(({ name }) => name === 'd_seconds_sum')?.value ?? 0;
  assert.ok(Math.abs(sum - values.reduce((a, b) => a + b)) < 1e-9);
});

test('counters by a closed label expose the values that counted', () => {
  const registry = new MetricRegistry();
  const family = registry.countersBy({
    name: 'r_total',
    help: 'R.',
    labels: ['route'],
    by: { label: 'status', values: ['2xx', '4xx', '5xx'] },
  });
  const cell = family.cell({ route: 'a' });
  assert.equal(registry.expose(), '');
  cell.inc('5xx');
  cell.inc('2xx');
  cell.inc('5xx');
  cell.inc('nothing' as '2xx');
  assert.equal(cell.value('5xx'), 2);
  assert.deepEqual(samplesOf(registry, 'r_total'), [
    { name: 'r_total', labels: { route: 'a', status: '2xx' }, value: 1 },
    { name: 'r_total', labels: { route: 'a', status: '5xx' }, value: 2 },
  ]);
});

test('equal labels share a cell, which stays until its last holder releases it', () => {
  const registry = new MetricRegistry();
  const family = registry.counter({ name: 'r_total', help: 'R.', labels: ['route'] });
  const old = family.cell({ route: 'a' });
  old.inc();
  const renewed = family.cell({ route: 'a' });
  assert.equal(renewed, old);
  old.release();
  renewed.inc();
  assert.equal(samplesOf(registry, 'r_total')[0]?.value, 2);

  renewed.release();
  assert.equal(registry.expose(), '');
  renewed.inc();
  const later = family.cell({ route: 'a' });
  assert.equal(later.value, 0, 'a route that comes back counts from 0');
  renewed.release();
  assert.equal(samplesOf(registry, 'r_total').length, 1, 'releasing too often removes nothing of others');
});

test('a computed value is read at each scrape; its successor replaces it', () => {
  const registry = new MetricRegistry();
  const family = registry.gauge({ name: 'g', help: 'G.', labels: ['pool'] });
  let now = 1;
  const first = family.compute({ pool: 'a' }, () => now);
  assert.equal(samplesOf(registry, 'g')[0]?.value, 1);
  now = 2;
  assert.equal(samplesOf(registry, 'g')[0]?.value, 2);
  const second = family.compute({ pool: 'a' }, () => 7);
  first.release();
  assert.deepEqual(
    samplesOf(registry, 'g').map(({ value }) => value),
    [7],
  );
  second.release();
  assert.equal(registry.expose(), '');
});

test('R10: a family holds a bounded number of cells, and tells how many it hides', () => {
  const registry = new MetricRegistry();
  const family = registry.counter({ name: 'r_total', help: 'R.', labels: ['route'] });
  for (let i = 0; i < MAX_CELLS_PER_FAMILY + 3; i++) family.cell({ route: String(i) }).inc();
  assert.equal(registry.hiddenCells, 3);
  assert.equal(registry.expose().split('\n').length - 1, MAX_CELLS_PER_FAMILY + 2);
});

function samplesOf(registry: MetricRegistry, name: string): readonly ParsedSample[] {
  return parsePrometheusText(registry.expose()).get(name)?.samples ?? [];
}
