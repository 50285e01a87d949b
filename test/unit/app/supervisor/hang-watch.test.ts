import assert from 'node:assert/strict';
import { it } from 'node:test';
import { HangWatch } from '../../../../src/app/supervisor/hang-watch.ts';
import type { WatchedChild } from '../../../../src/app/supervisor/hang-watch.ts';
import { PlainLog } from '../../../../src/app/supervisor/plain-log.ts';
import { Conditions } from '../../../harness/deadline.ts';
import { MemorySink } from '../../observability/memory-sink.ts';

const TIMEOUT_MS = 200;

it('who is silent for too long is killed; who speaks, or only starts, is not', async (t) => {
  const sink = new MemorySink();
  const conditions = new Conditions();
  const killed: string[] = [];
  const child = (id: string, hasSpoken: boolean): WatchedChild => ({
    id,
    aliveMs: performance.now(),
    hasSpoken,
    kill: () => {
      killed.push(id);
      children.splice(
        children.findIndex((each) => each.id === id),
        1,
      );
      conditions.changed();
    },
  });
  const children = [child('silent', true), child('starting', false), child('alive', true)];
  const heartbeat = setInterval(() => {
    for (const each of children) if (each.id === 'alive') each.aliveMs = performance.now();
  }, 10);
  const watch = new HangWatch(TIMEOUT_MS, () => [...children], new PlainLog(sink, 'info'));
  t.after(() => {
    watch.stop();
    clearInterval(heartbeat);
  });
  await conditions.until('the silent one is killed', () => killed.includes('silent') || undefined);
  assert.deepEqual(killed, ['silent']);
  assert.match(
    sink.lines.join(''),
    /"level":"error".*"id":"silent","silentMs":\d+,"msg":"a process hangs; it is killed"/,
  );
});
