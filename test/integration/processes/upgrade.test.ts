// Another program takes over while traffic flows; one that can't leaves all as it was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sluice as run } from '../../harness/sluice-process.ts';
import { ProcessStage } from './process-stage.ts';
import { isAlive, untilTrue } from './process-tree.ts';

const UPGRADES = 2;
/** For clients to leave; on a busy machine a second is short. */
const HANDOVER = '2s';

test('a program takes over, and another one from it', async (t) => {
  const stage = await ProcessStage.start(t, { environment: { SLUICE_DRAIN_DELAY: HANDOVER } });
  const { sluice } = stage;
  const traffic = stage.traffic();
  await traffic.untilMore(200);
  for (let upgrades = 1; upgrades <= UPGRADES; upgrades++) {
    const old = stage.processes();
    if (upgrades === 1) sluice.process.signal('SIGUSR2');
    else {
      const tokenFile = stage.directory.at('token');
      const { code, errors } = await run(['reload-binary', '--admin', sluice.adminUrl, '--token-file', tokenFile]);
      assert.equal(code, 0, errors);
    }
    await untilTrue('the old processes end', () => old.every(({ pid }) => !isAlive(pid)));
    await traffic.untilMore(200);
    assert.deepEqual(await sluice.readiness(), { ready: true, reasons: [] });
  }
  stage.writeRoutes('first', 'second');
  await stage.untilAllAnswer('/second', 200);
  await stage.conclude(traffic, `${UPGRADES} upgrades fell into the traffic`);
  assert.equal(traffic.failed, 0, String(traffic));
  // The process that was started is the one that ends.
  const processes = stage.processes();
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  await stage.untilNothingIsLeft(processes);
});

test('a program that fails leaves the old one serving', async (t) => {
  const stage = await ProcessStage.start(t, { configFile: 'log: {level: info}\n' });
  const { sluice } = stage;
  const traffic = stage.traffic();
  const old = stage.processes();
  stage.directory.write({ 'sluice.yaml': 'log: {level: loud}\n' });
  sluice.process.signal('SIGUSR2');
  await sluice.process.untilErrors(/the newer program does not serve; this one goes on/);
  assert.match(sluice.process.errors, /log\.level/);
  await traffic.untilMore(100);
  await stage.conclude(traffic, 'a failed upgrade fell into the traffic');
  assert.equal(traffic.failed, 0, String(traffic));
  for (const { pid, title } of old) if (/control|worker/.test(title)) assert.ok(isAlive(pid), title);
  assert.deepEqual(await sluice.readiness(), { ready: true, reasons: [] });
});
