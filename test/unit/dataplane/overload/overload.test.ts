import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Overload, SUSTAINED_INTERVALS } from '../../../../src/dataplane/overload/overload.ts';
import type { OverloadReadings } from '../../../../src/dataplane/overload/overload.ts';
import { Metrics } from '../../../../src/observability/metric-names.ts';
import { bindOverloadCells } from '../../../../src/observability/traffic-cells.ts';

const IDLE: OverloadReadings = { heapBytes: 0, memoryBytes: 0, eventLoopDelayMs: 0, connections: 0 };

class Stage {
  readonly metrics = new Metrics();
  readonly steps: string[] = [];
  collections = 0;
  readonly overload = new Overload({
    limits: { maxHeapBytes: 100, maxMemoryBytes: 100, maxEventLoopDelayMs: 100, maxTotalConnections: 100 },
    cells: bindOverloadCells(this.metrics),
    collectGarbage: () => this.collections++,
    onStep: (step, resource) => this.steps.push(`${step} ${resource}`),
  });

  /** Returns what is given up then, after as many intervals as a delay has to last. */
  at(readings: Partial<OverloadReadings>, intervals: number = SUSTAINED_INTERVALS): number {
    for (let i = 0; i < intervals; i++) this.overload.update({ ...IDLE, ...readings });
    const step = this.metrics.overloadStep.cell({}).value;
    const { closesIdle, closesConnections, refusesRequests, refusesConnections } = this.overload;
    const areConnectionsShort = 'connections' in readings;
    assert.equal(closesIdle, step >= 1 && !('eventLoopDelayMs' in readings));
    assert.deepEqual(
      [closesConnections, refusesRequests, refusesConnections],
      [step >= 1 && !areConnectionsShort, step >= 2 && !areConnectionsShort, step >= 3],
    );
    return step;
  }
}

describe('Overload', () => {
  for (const [reading, shares] of [
    ['heapBytes', [85, 95, 98]],
    ['memoryBytes', [85, 95, 98]],
    ['eventLoopDelayMs', [50, 100, 200]],
  ] as const) {
    test(`takes one step after the other as ${reading} rises, and goes back later than it came`, () => {
      const stage = new Stage();
      for (const [index, share] of shares.entries()) {
        assert.equal(stage.at({ [reading]: share - 1 }), index);
        assert.equal(stage.at({ [reading]: share }), index + 1);
      }
      for (const [index, share] of [...shares.entries()].toReversed()) {
        assert.equal(stage.at({ [reading]: Math.ceil(share * 0.9) }), index + 1);
      }
      assert.equal(stage.at({ [reading]: Math.floor(shares[0] * 0.9) - 1 }), 0);
    });
  }

  test('with many connections no request is refused, but connections are', () => {
    const stage = new Stage();
    assert.equal(stage.at({ connections: 89 }), 0);
    assert.equal(stage.at({ connections: 90 }), 1);
    assert.equal(stage.at({ connections: 99 }), 1);
    assert.equal(stage.at({ connections: 100 }), 3);
    assert.equal(stage.at({ connections: 91 }), 3);
    assert.equal(stage.at({ connections: 89 }), 1);
  });

  test('the scarcest counts, and is named', () => {
    const stage = new Stage();
    stage.at({ heapBytes: 80, eventLoopDelayMs: 150 });
    stage.at({ heapBytes: 80 });
    stage.at({});
    assert.deepEqual(stage.steps, ['refuse_requests event_loop', 'close_idle heap', 'none memory']);
    assert.equal(stage.metrics.overloadPressure.cell({ resource: 'heap' }).value, 0);
  });

  test('a long turn of the event loop is no overload, a slow one is', () => {
    const stage = new Stage();
    assert.equal(stage.at({ eventLoopDelayMs: 10_000 }, SUSTAINED_INTERVALS - 1), 0);
    assert.equal(stage.at({}, 1), 0);
    assert.equal(stage.at({ eventLoopDelayMs: 60 }, SUSTAINED_INTERVALS), 1);
    assert.equal(stage.at({ eventLoopDelayMs: 10 }, 1), 0);
  });

  test('garbage is collected when memory gets short, but not all the time', () => {
    const stage = new Stage();
    stage.at({ memoryBytes: 94 }, 1);
    assert.equal(stage.collections, 0);
    for (let i = 0; i < 100; i++) stage.at({ memoryBytes: 99 }, 1);
    assert.equal(stage.collections, 3);
  });
});
