import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StreamRouteTable } from '../../../../src/dataplane/route/stream-route-table.ts';
import { compileStreamRoute, selectStream } from '../../../../src/dataplane/runtime/runtime-stream-route.ts';
import type { StreamTarget } from '../../../../src/dataplane/runtime/runtime-stream-route.ts';
import type { StreamRoute, WeightedBackend } from '../../../../src/ir/route.ts';
import { Metrics, NO_ROUTE } from '../../../../src/observability/metric-names.ts';
import { bindSessionCells } from '../../../../src/observability/traffic-cells.ts';

const metrics = new Metrics();
const cells = bindSessionCells(metrics, 'test/gateway/tcp', 'test/route');
const noRouteCells = bindSessionCells(metrics, 'test/gateway/tcp', NO_ROUTE);

/** Selects again and again from one route with these backends; all but `gone` have endpoints. */
function selector(backends: readonly (readonly [name: string, weight: number])[]): () => StreamTarget<string> {
  const weighted = backends.map(([name, weight]): WeightedBackend => ({
    name,
    weight,
    filters: [],
    ...(name === 'broken' ? {} : { cluster: `cluster/${name}` }),
  }));
  const route: StreamRoute = {
    kind: 'streamRoute',
    key: 'route/TCPRoute/test/route',
    name: 'test/route',
    createdAtMs: 0,
    attachments: [],
    backends: weighted,
  };
  const attached = [{ route, hostnames: [{ served: 'a.example', declared: 'a.example' }] }];
  const streams = new StreamRouteTable(attached, (each) => compileStreamRoute(each, cells));
  const host = { name: 'test/gateway/tcp', streams, noRouteCells };
  return () =>
    selectStream(host, 'a.example', (cluster) => (cluster === 'cluster/gone' ? undefined : { select: () => cluster }));
}

function counts(select: () => StreamTarget<string>, times: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const { endpoints } = select();
    const name = typeof endpoints === 'string' ? endpoints : (endpoints.select() ?? '');
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

describe('what a stream is led to', () => {
  test('follows the weights exactly; 0 is never', () => {
    const select = selector([
      ['a', 70],
      ['b', 30],
      ['never', 0],
    ]);
    assert.deepEqual(counts(select, 1_000), { 'cluster/a': 700, 'cluster/b': 300 });
  });

  test('a broken reference and a missing cluster keep their shares', () => {
    const select = selector([
      ['a', 1],
      ['broken', 1],
      ['gone', 2],
    ]);
    assert.deepEqual(counts(select, 40), { 'cluster/a': 10, no_backend: 10, no_healthy_upstream: 20 });
  });

  test('without a backend, or a weight, there is none', () => {
    assert.equal(selector([])().endpoints, 'no_backend');
    assert.equal(selector([['a', 0]])().endpoints, 'no_backend');
  });

  test('names who is responsible, and counts where it belongs', () => {
    const { listener, route, backend, cluster, cells: counted } = selector([['a', 1]])();
    assert.deepEqual([listener, route, backend, cluster], ['test/gateway/tcp', 'test/route', 'a', 'cluster/a']);
    assert.equal(counted, cells);
    const streams = new StreamRouteTable([], () => assert.fail());
    const target = selectStream({ name: 'test/gateway/tcp', streams, noRouteCells }, 'a.example', () => undefined);
    assert.deepEqual(
      [target.endpoints, target.route, target.cells === noRouteCells],
      ['route_not_found', undefined, true],
    );
  });
});
