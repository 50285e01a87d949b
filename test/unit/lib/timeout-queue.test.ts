import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deadline, TICK_MS, TimerWheel } from '../../../src/lib/timeout-queue.ts';

class Recorded extends Deadline {
  readonly #name: string;
  readonly #log: string[];
  readonly #then: () => void;

  constructor(name: string, log: string[], then: () => void = () => {}) {
    super();
    this.#name = name;
    this.#log = log;
    this.#then = then;
  }

  onExpired(): void {
    this.#log.push(this.#name);
    this.#then();
  }
}

function fixture(): { log: string[]; wheel: TimerWheel; advance: (ms: number) => void } {
  const log: string[] = [];
  let nowMs = 1_000;
  const wheel = new TimerWheel(
    (error) => log.push(String(error)),
    () => nowMs,
  );
  return {
    log,
    wheel,
    advance(ms) {
      nowMs += ms;
      wheel.tick();
    },
  };
}

describe('TimeoutQueue', () => {
  it('expires in the order of arming, never early, at most two ticks late', () => {
    const { log, wheel, advance } = fixture();
    const queue = wheel.queue(100);
    queue.arm(new Recorded('a', log));
    advance(50);
    queue.arm(new Recorded('b', log));
    advance(50);
    assert.deepEqual(log, []);
    advance(2 * TICK_MS);
    assert.deepEqual(log, ['a']);
    advance(50);
    assert.deepEqual(log, ['a', 'b']);
    wheel.close();
  });

  it('arming again postpones, also from one queue to another', () => {
    const { log, wheel, advance } = fixture();
    const deadline = new Recorded('a', log);
    wheel.queue(100).arm(deadline);
    advance(90);
    wheel.queue(100).arm(deadline);
    advance(90);
    wheel.queue(200).arm(deadline);
    advance(100 + TICK_MS);
    assert.deepEqual(log, []);
    advance(100);
    assert.deepEqual(log, ['a']);
    wheel.close();
  });

  it('disarming takes a deadline out of the middle', () => {
    const { log, wheel, advance } = fixture();
    const deadlines = ['a', 'b', 'c'].map((name) => new Recorded(name, log));
    for (const deadline of deadlines) wheel.queue(10).arm(deadline);
    deadlines[1]?.disarm();
    deadlines[1]?.disarm();
    advance(100);
    assert.deepEqual(log, ['a', 'c']);
    wheel.close();
  });

  it('a deadline that expires may arm another, in a queue that was looked at already', () => {
    const { log, wheel, advance } = fixture();
    const second = new Recorded('second', log);
    wheel.queue(10).arm(new Recorded('first', log, () => wheel.queue(5).arm(second)));
    wheel.queue(5).arm(new Recorded('short', log));
    advance(100);
    assert.deepEqual(log.toSorted(), ['first', 'short']);
    advance(100);
    assert.ok(log.includes('second'));
    wheel.close();
  });

  it('a deadline that throws keeps no other from expiring', () => {
    const { log, wheel, advance } = fixture();
    const fails = (): void => {
      throw new Error('defect');
    };
    wheel.queue(10).arm(new Recorded('a', log, fails));
    wheel.queue(10).arm(new Recorded('b', log));
    advance(100);
    assert.deepEqual(log, ['a', 'Error: defect', 'b']);
    wheel.close();
  });

  it('a duration of 0 never expires', () => {
    const { log, wheel, advance } = fixture();
    wheel.queue(0).arm(new Recorded('a', log));
    advance(1_000_000);
    assert.deepEqual(log, []);
    wheel.close();
  });
});
