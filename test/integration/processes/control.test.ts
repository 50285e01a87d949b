// Control dies or hangs while traffic flows: nobody notices, and the next one finds the workers, their state and the changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessStage } from './process-stage.ts';
import { isAlive, untilTrue } from './process-tree.ts';

const KILLS = 3;

test('control is killed under load', async (t) => {
  const stage = await ProcessStage.start(t);
  const { sluice } = stage;
  const workers = ['worker-0', 'worker-1'].map((name) => stage.process(name).pid);
  const traffic = stage.traffic();
  await traffic.untilMore(200);
  const before = (await sluice.metrics()).sum('sluice_requests_total');
  for (let kills = 0; kills < KILLS; kills++) {
    const control = stage.process('control');
    process.kill(control.pid, 'SIGKILL');
    await traffic.untilMore(100);
    await stage.untilReplaced('control', control);
    // Its address was never given up: who asks meanwhile waits.
    assert.deepEqual(await sluice.readiness(), { ready: true, reasons: [] });
  }
  stage.writeRoutes('first', 'second');
  await stage.untilStatus('/second', 200);
  await traffic.untilMore(200);
  await stage.conclude(traffic, `${KILLS} kills of control fell into the traffic`);
  assert.equal(traffic.failed, 0, String(traffic));
  assert.deepEqual(
    ['worker-0', 'worker-1'].map((name) => stage.process(name).pid),
    workers,
  );
  const metrics = await sluice.metrics();
  assert.ok(metrics.sum('sluice_requests_total') >= before + 400, 'what workers counted is still there');
  assert.equal(metrics.sum('sluice_restarts_total', { role: 'control' }), KILLS);
  await sluice.untilStatus(/"name":"second"/);
});

test('control hangs under load', async (t) => {
  const stage = await ProcessStage.start(t, { environment: { SLUICE_HANG_TIMEOUT: '3s' } });
  const traffic = stage.traffic();
  const control = stage.process('control');
  process.kill(control.pid, 'SIGSTOP');
  const stoppedMs = performance.now();
  stage.writeRoutes('first', 'second');
  await untilTrue('it is killed', () => !isAlive(control.pid));
  const hungMs = Math.round(performance.now() - stoppedMs);
  assert.ok(hungMs >= 2_000, `killed after ${hungMs} ms`);
  await stage.untilStatus('/second', 200);
  await stage.conclude(traffic, `control hung for ${hungMs} ms of the traffic`);
  assert.equal(traffic.failed, 0, String(traffic));
  assert.match(stage.sluice.process.errors, /"id":"control.1".*a process hangs; it is killed/);
});
