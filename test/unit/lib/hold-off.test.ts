// The pace of applying: at once after a quiet time, together in a burst, never later than promised.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { APPLY_PACE, HoldOff } from '../../../src/lib/hold-off.ts';

const LEADING_EDGE_MS = 5;

interface Bench {
  readonly holdOff: HoldOff;
  /** When the work was done, in milliseconds since the start. */
  readonly doneAt: number[];
  readonly advance: (ms: number) => void;
  /** Reports a change every `everyMs`, the first one now. */
  readonly triggerFor: (durationMs: number, everyMs: number) => void;
}

function bench(t: TestContext, pace: { coalesceMs: number; maxDelayMs: number; quietMs?: number }): Bench {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  const doneAt: number[] = [];
  const holdOff = new HoldOff({ ...pace, nowMs: () => nowMs, onDue: () => doneAt.push(nowMs) });
  const advance = (ms: number): void => {
    for (let passed = 0; passed < ms; passed++) {
      nowMs++;
      t.mock.timers.tick(1);
    }
  };
  const triggerFor = (durationMs: number, everyMs: number): void => {
    for (let passed = 0; passed < durationMs; passed += everyMs) {
      holdOff.trigger();
      advance(everyMs);
    }
  };
  return { holdOff, doneAt, advance, triggerFor };
}

describe('hold-off', () => {
  test('the first change is due at once', (t) => {
    const { holdOff, doneAt, advance } = bench(t, APPLY_PACE);
    holdOff.trigger();
    assert.deepEqual(doneAt, [], 'not before the caller is done');
    advance(LEADING_EDGE_MS);
    assert.equal(doneAt.length, 1);
  });

  test('changes of one turn are one piece of work', (t) => {
    const { holdOff, doneAt, advance } = bench(t, APPLY_PACE);
    for (let change = 0; change < 100; change++) holdOff.trigger();
    advance(1_000);
    assert.equal(doneAt.length, 1);
  });

  test('a change soon after another one waits until changes pause', (t) => {
    const { holdOff, doneAt, advance, triggerFor } = bench(t, APPLY_PACE);
    holdOff.trigger();
    advance(10);
    triggerFor(100, 20);
    advance(1_000);
    assert.equal(doneAt.length, 2);
    assert.equal(doneAt[1], 10 + 80 + APPLY_PACE.coalesceMs);
  });

  test('changes that never pause are due after the longest delay, again and again', (t) => {
    const { holdOff, doneAt, advance, triggerFor } = bench(t, APPLY_PACE);
    holdOff.trigger();
    advance(10);
    triggerFor(2_000, 10);
    const gaps = doneAt.slice(1).map((at, index) => at - (doneAt[index] as number));
    assert.ok(gaps.length >= 3, String(doneAt));
    for (const gap of gaps)
      assert.ok(gap >= APPLY_PACE.maxDelayMs && gap <= APPLY_PACE.maxDelayMs + 20, String(doneAt));
  });

  test('after a quiet time a change is due at once again, and not a moment earlier', (t) => {
    const { holdOff, doneAt, advance } = bench(t, APPLY_PACE);
    holdOff.trigger();
    advance(APPLY_PACE.quietMs);
    holdOff.trigger();
    advance(LEADING_EDGE_MS);
    assert.equal(doneAt.length, 1, 'quiet counts from the work');
    advance(1_000);
    assert.equal(doneAt.length, 2);
    holdOff.trigger();
    advance(LEADING_EDGE_MS);
    assert.equal(doneAt.length, 3);
  });

  test('what is due is not pushed back by changes that keep coming', (t) => {
    const { holdOff } = bench(t, APPLY_PACE);
    const timers = t.mock.method(globalThis, 'setTimeout');
    for (let change = 0; change < 10; change++) holdOff.trigger();
    assert.equal(timers.mock.callCount(), 1);
  });

  test('without a quiet time, nothing is due at once', (t) => {
    const { holdOff, doneAt, advance } = bench(t, { coalesceMs: 50, maxDelayMs: 500 });
    holdOff.trigger();
    advance(49);
    assert.deepEqual(doneAt, []);
    advance(1);
    assert.deepEqual(doneAt, [50]);
    advance(10_000);
    holdOff.trigger();
    advance(49);
    assert.deepEqual(doneAt, [50]);
  });

  test('a timer that fires early is not believed', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let nowMs = 0;
    const doneAt: number[] = [];
    const holdOff = new HoldOff({
      coalesceMs: 50,
      maxDelayMs: 500,
      nowMs: () => nowMs,
      onDue: () => doneAt.push(nowMs),
    });
    holdOff.trigger();
    nowMs = 10;
    t.mock.timers.tick(50);
    assert.deepEqual(doneAt, []);
    nowMs = 50;
    t.mock.timers.tick(40);
    assert.deepEqual(doneAt, [50]);
  });

  test('cancelled work is not done', (t) => {
    const { holdOff, doneAt, advance } = bench(t, APPLY_PACE);
    holdOff.trigger();
    holdOff.cancel();
    advance(1_000);
    assert.deepEqual(doneAt, []);
  });
});
