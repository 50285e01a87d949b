import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../../../src/observability/metric-names.ts';
import {
  bindAddressCells,
  bindClusterCells,
  bindRouteCells,
  bindSessionCells,
  releaseCells,
} from '../../../src/observability/traffic-cells.ts';
import { parsePrometheusText } from './prometheus-parser.ts';

test('a route keeps its counts while configurations change, and is gone with its last holder', () => {
  const metrics = new Metrics();
  const before = bindRouteCells(metrics, 'infra/public/http', 'shop/cart');
  before.requests.inc('2xx');
  before.flaggedRequests.inc('UF');
  before.requestDuration.observe(0.2);
  before.sentBytes.add(10);

  const after = bindRouteCells(metrics, 'infra/public/http', 'shop/cart');
  releaseCells(before);
  after.requests.inc('2xx');
  const families = parsePrometheusText(metrics.registry.expose());
  assert.deepEqual(families.get('sluice_requests_total')?.samples, [
    {
      name: 'sluice_requests_total',
      labels: { listener: 'infra/public/http', route: 'shop/cart', status: '2xx' },
      value: 2,
    },
  ]);
  assert.equal(families.get('sluice_flagged_requests_total')?.samples[0]?.labels['flag'], 'UF');

  releaseCells(after);
  assert.equal(metrics.registry.expose(), '');
});

test('each bound cell is a series of its own', () => {
  const metrics = new Metrics();
  const cluster = bindClusterCells(metrics, 'shop/cart:80');
  const address = bindAddressCells(metrics, '127.0.0.1:8080');
  const route = bindRouteCells(metrics, 'l', 'r');
  const session = bindSessionCells(metrics, 'l', 's');
  session.flaggedSessions.inc('UF');
  session.droppedDatagrams.inc('queue_full');
  address.protocolErrors.inc('bad_request');
  route.requests.inc('2xx');
  route.flaggedRequests.inc('NR');
  route.requestDuration.observe(0.1);
  const families = parsePrometheusText(metrics.registry.expose());
  // Bytes are counted for requests and sessions alike.
  assert.equal(families.size, 9 + 4 + 6 + 4);
  releaseCells(cluster);
  releaseCells(address);
  releaseCells(route);
  releaseCells(session);
  assert.equal(metrics.registry.expose(), '');
});
