import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FloodGuard } from '../../../../../src/dataplane/codec/http2/flood-guard.ts';

/** Lets the test say what time it is. */
function clock(t: TestContext): { nowMs: number } {
  const time = { nowMs: 1_000 };
  t.mock.method(performance, 'now', () => time.nowMs);
  return time;
}

const times = (count: number, action: () => boolean): boolean[] => Array.from({ length: count }, action);

test('the 1001st frame for nothing within ten seconds is one too many', (t) => {
  clock(t);
  const guard = new FloodGuard();
  assert.ok(!times(1_000, () => guard.countIdleFrame()).includes(true));
  assert.equal(guard.countIdleFrame(), true);
});

test('frames for nothing are forgotten where something of a message moves, or with time', (t) => {
  const time = clock(t);
  const guard = new FloodGuard();
  times(1_000, () => guard.countIdleFrame());
  guard.progress();
  assert.ok(!times(1_000, () => guard.countIdleFrame()).includes(true));
  time.nowMs += 10_000;
  assert.ok(!times(1_001, () => guard.countIdleFrame()).includes(true));
  assert.equal(guard.countIdleFrame(), true);
});

test('the 101st wasted stream within ten seconds is one too many, whatever else moves', (t) => {
  const time = clock(t);
  const guard = new FloodGuard();
  const waste = (): boolean => {
    guard.progress();
    return guard.countWastedStream();
  };
  assert.ok(!times(100, waste).includes(true));
  assert.equal(waste(), true);
  time.nowMs += 10_000;
  assert.ok(!times(101, waste).includes(true));
  assert.equal(waste(), true);
});
