import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkerShares } from '../../../../src/app/control/worker-shares.ts';
import { createIr } from '../../../../src/ir/ir.ts';
import { cluster, listener, route } from '../../../harness/resources.ts';

test('limits of clusters and listeners are divided, at least to 1', () => {
  const shares = new WorkerShares(4);
  const ir = createIr([
    cluster('a', [], { maxConnections: 100, maxPendingRequests: 3 }),
    listener({ key: 'listener/limited', settings: { limits: { maxConnections: 10, maxBodyBytes: 5 } } }),
    listener({ key: 'listener/plain' }),
    route('r', []),
  ]);
  const { resources } = shares.of(ir, true);
  const a = resources.get('cluster/a');
  assert.ok(a?.kind === 'cluster');
  assert.deepEqual([a.maxConnections, a.maxPendingRequests], [25, 1]);
  const limited = resources.get('listener/limited');
  assert.ok(limited?.kind === 'listener');
  assert.deepEqual(limited.settings?.limits, { maxConnections: 2, maxBodyBytes: 5 });
  assert.equal(resources.get('listener/plain'), ir.resources.get('listener/plain'));
});

test('what did not change stays the same object', () => {
  const shares = new WorkerShares(2);
  const a = cluster('a', []);
  const first = shares.of(createIr([a]), true).resources.get('cluster/a');
  assert.equal(shares.of(createIr([a, cluster('b', [])]), true).resources.get('cluster/a'), first);
});

test('one worker gets everything, and datagrams go to one alone', () => {
  const ir = createIr([listener({ key: 'listener/udp', protocol: 'UDP' })]);
  assert.equal(new WorkerShares(1).of(ir, true), ir);
  assert.equal(new WorkerShares(2).of(ir, false).resources.size, 0);
  assert.equal(new WorkerShares(2).of(ir, true).resources.size, 1);
});
