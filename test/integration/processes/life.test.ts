// Start and end of a gateway of several processes: it serves with all of them, ends without a loss, and leaves nothing behind, whoever
// ends it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { freePort, sluice as run } from '../../harness/sluice-process.ts';
import { canConnect } from '../system/reachability.ts';
import { ProcessStage } from './process-stage.ts';
import { untilTrue } from './process-tree.ts';

test('two workers serve, and their metrics are one', async (t) => {
  const stage = await ProcessStage.start(t);
  const titles = stage.processes().map(({ title }) => title.replace(/\.\d+$/, ''));
  for (const name of ['sluice control', 'sluice worker-0', 'sluice worker-1']) assert.ok(titles.includes(name), name);
  const traffic = stage.traffic();
  await traffic.untilMore(500);
  await traffic.stop();
  assert.equal(traffic.failed, 0, String(traffic));
  const metrics = await stage.sluice.metrics();
  assert.equal(metrics.sum('sluice_requests_total'), traffic.completed);
  assert.equal(metrics.sum('sluice_request_duration_seconds_count'), traffic.completed);
  assert.equal(metrics.sum('sluice_serving_workers'), 2);
  assert.deepEqual(metrics.labelValues('sluice_process_resident_memory_bytes', 'process').sort(), [
    'control',
    'worker-0',
    'worker-1',
  ]);
  const config = JSON.stringify(await stage.sluice.admin('/config?key=cluster/'));
  assert.match(config, /"maxConnections":1024/);
});

test('a port that is taken is told, and one that is not wanted any more is given up', async (t) => {
  const stage = await ProcessStage.start(t);
  const taken = createServer().listen(0);
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  stage.writeListeners(stage.port, port);
  await stage.sluice.untilStatus(/in use by another process/);
  await stage.untilStatus('/first', 200);
  const other = await freePort();
  stage.writeListeners(other);
  await untilTrue('the new port is served', () => stage.sluice.configVersion >= 3);
  assert.equal(await canConnect(other), true);
  const deadlineMs = performance.now() + 10_000;
  while (await canConnect(stage.port)) assert.ok(performance.now() < deadlineMs, 'the old port is still listened on');
  assert.equal(await canConnect(other), true);
});

test('SIGTERM under load loses nothing', async (t) => {
  const stage = await ProcessStage.start(t, { environment: { SLUICE_DRAIN_DELAY: '500ms' } });
  const processes = stage.processes();
  const traffic = stage.traffic({ endsAtClose: true });
  await traffic.untilMore(200);
  stage.sluice.process.signal('SIGTERM');
  await untilTrue('it says so', () => /draining; a second signal/.test(stage.sluice.process.errors));
  assert.deepEqual(await stage.sluice.readiness(), { ready: false, reasons: ['draining'] });
  await traffic.untilEnded();
  await stage.conclude(traffic, 'SIGTERM fell into the traffic');
  assert.equal(traffic.failed, 0, String(traffic));
  const { code, errors } = await stage.sluice.process.ending();
  assert.equal(code, 0, errors);
  await stage.untilNothingIsLeft(processes);
});

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test(`nothing is left when the supervisor is ended by ${signal === 'SIGKILL' ? signal : 'a second signal'}`, async (t) => {
    const stage = await ProcessStage.start(t, { environment: { SLUICE_DRAIN_DELAY: '1m' } });
    const processes = stage.processes();
    assert.ok(processes.length >= 3);
    stage.sluice.process.signal(signal);
    if (signal === 'SIGINT') {
      await stage.sluice.process.untilErrors(/draining; a second signal/);
      stage.sluice.process.signal(signal);
      assert.equal((await stage.sluice.process.ending()).code, 130);
    }
    await stage.untilNothingIsLeft(processes);
  });
}

test('a start that fails says why, ends with 1, and leaves nothing', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const admin = `127.0.0.1:${port}`;
  const { code, errors } = await run(['run', '--manifests', 'config/demo', '--workers', '1', '--admin', admin]);
  assert.equal(code, 1, errors);
  assert.match(errors, new RegExp(`sluice: the admin API can't listen on ${admin}: the address is in use`));
});

test('the access log of all workers is one file of whole lines, also across a rotation', async (t) => {
  const stage = await ProcessStage.start(t, {
    environment: { SLUICE_ACCESS_LOG_ENABLED: 'true' },
    configFile: 'accessLog: {path: access.log}\n',
  });
  const { directory, sluice } = stage;
  const traffic = stage.traffic();
  await traffic.untilMore(300);
  await untilTrue('lines are written', () => statSync(directory.at('access.log')).size > 0);
  directory.rename('access.log', 'access.log.1');
  sluice.process.signal('SIGUSR1');
  await sluice.process.untilErrors(/reopening the access log/);
  await traffic.untilMore(300);
  await traffic.stop();
  await sluice.stop();
  const lines = ['access.log.1', 'access.log'].map((name) =>
    readFileSync(directory.at(name), 'utf8').trim().split('\n'),
  );
  for (const line of lines.flat()) assert.equal((JSON.parse(line) as { path: string }).path, '/first');
  assert.ok(lines.every(({ length }) => length > 0));
  assert.equal(lines.flat().length, traffic.completed);
});
