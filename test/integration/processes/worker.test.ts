// Workers die, are replaced on purpose, or are slow, while traffic flows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessStage } from './process-stage.ts';
import { residentBytes, untilTrue } from './process-tree.ts';

const KILLS = 4;
/** Of ProcessStage.traffic: no more than that can be in flight. */
const CLIENTS = 12;
const CHANGES = 40;
/** For clients to leave; on a busy machine a second is short. */
const HANDOVER = '2s';
const MAX_GROWTH_BYTES = 40 * 1_024 * 1_024;

test('a worker is killed under load: what it had in flight is lost, and nothing else', async (t) => {
  const stage = await ProcessStage.start(t);
  const traffic = stage.traffic();
  let last = 0;
  for (let kills = 0; kills < KILLS; kills++) {
    const name = `worker-${kills % 2}`;
    const worker = stage.process(name);
    await traffic.untilMore(200);
    const { failed } = traffic;
    const requests = async (): Promise<number> => (await stage.sluice.metrics()).sum('sluice_requests_total');
    last = await requests();
    process.kill(worker.pid, 'SIGKILL');
    await traffic.untilMore(200);
    assert.deepEqual(await stage.sluice.readiness(), { ready: true, reasons: [] });
    await stage.untilReplaced(name, worker);
    assert.ok(traffic.failed - failed <= CLIENTS, `${traffic.failed - failed} lost by one kill: ${traffic.toString()}`);
    const now = await requests();
    assert.ok(now >= last, `the sum went from ${last} to ${now}`);
    const { pid } = stage.process(name);
    await untilTrue('it serves', () => residentBytes(pid) > 0);
  }
  // With the kills a second behind, nothing fails any more.
  const { failed } = traffic;
  await traffic.untilMore(300);
  assert.equal(traffic.failed, failed, String(traffic));
  await stage.conclude(traffic, `${KILLS} kills of workers fell into the traffic`);
  // The supervisor tells control a moment later.
  await untilTrue(
    'all restarts are counted',
    async () => (await stage.sluice.metrics()).sum('sluice_restarts_total', { role: 'worker' }) === KILLS,
  );
  assert.ok(
    traffic.failures.every((failure) => /ECONNRESET|socket hang up/.test(failure)),
    String(traffic),
  );
});

test('all workers are replaced, one after the other', async (t) => {
  const stage = await ProcessStage.start(t, { environment: { SLUICE_DRAIN_DELAY: HANDOVER } });
  const traffic = stage.traffic();
  await traffic.untilMore(200);
  const old = ['worker-0', 'worker-1'].map((name) => stage.process(name));
  assert.equal(await stage.post('/restart-workers'), 202);
  await stage.sluice.process.untilErrors(/all workers are replaced/);
  for (const { pid } of old)
    assert.equal(
      stage.processes().some((running) => running.pid === pid),
      false,
    );
  const { completed } = traffic;
  await traffic.untilMore(200);
  await stage.conclude(traffic, `2 replacements fell into ${completed} requests of the traffic`);
  assert.equal(traffic.failed, 0, String(traffic));
  const metrics = await stage.sluice.metrics();
  assert.ok(metrics.sum('sluice_requests_total') >= traffic.completed, 'what the old ones counted is still there');
  assert.equal(metrics.sum('sluice_serving_workers'), 2);
});

test('a worker that stands still costs the others nothing, and catches up with one delta', async (t) => {
  const stage = await ProcessStage.start(t);
  const { sluice } = stage;
  const worker = stage.process('worker-0');
  const control = stage.process('control');
  process.kill(worker.pid, 'SIGSTOP');
  t.after(() => process.kill(worker.pid, 'SIGCONT'));
  const first = sluice.configVersion;
  const before = residentBytes(control.pid);
  const startMs = performance.now();
  let writes = 0;
  // Changes coalesce; what counts is how many were applied.
  while (sluice.configVersion < first + CHANGES && performance.now() - startMs < 20_000) {
    const version = sluice.configVersion;
    stage.writeRoutes('first', `route-${++writes}`);
    await sluice.untilConfigVersion(version + 1);
  }
  const applied = sluice.configVersion - first;
  const grown = residentBytes(control.pid) - before;
  t.diagnostic(
    `${applied} configurations in ${Math.round(performance.now() - startMs)} ms; control grew by ${grown} bytes`,
  );
  assert.ok(grown < MAX_GROWTH_BYTES, `control grew by ${grown} bytes`);
  const missed = (await sluice.metrics()).sum('sluice_missed_worker_snapshots_total');
  assert.equal(missed, 1, 'it did not answer the scrape');
  process.kill(worker.pid, 'SIGCONT');
  stage.writeRoutes('first', 'last');
  await stage.untilAllAnswer('/last', 200);
  await stage.untilAllAnswer(`/route-${writes}`, 404);
  assert.doesNotMatch(sluice.process.errors, /lost track/);
});
