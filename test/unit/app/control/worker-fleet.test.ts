// Control and workers over their socket: what crosses, what is lost, and what a slow one costs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { WorkerFleet } from '../../../../src/app/control/worker-fleet.ts';
import { EngineReceiver } from '../../../../src/app/ir-channel.ts';
import { ControlClient } from '../../../../src/app/worker/control-client.ts';
import type { ApplyResult } from '../../../../src/dataplane/engine.ts';
import { createIr } from '../../../../src/ir/ir.ts';
import type { Delta, Ir, Resource } from '../../../../src/ir/ir.ts';
import { SecretText } from '../../../../src/lib/secret-text.ts';
import { Metrics } from '../../../../src/observability/metric-names.ts';
import { SILENT_LOGGER } from '../../../../src/observability/process-log.ts';
import { Conditions } from '../../../harness/deadline.ts';
import { cluster, listener } from '../../../harness/resources.ts';
import { TemporaryDirectory } from '../../provider/file/temporary-directory.ts';

const APPLIED: ApplyResult = { failures: [] };
const CHANGES = 200;

/** A worker's side, without a data plane; it may be slow, lose a delta, or fail to bind. */
class FakeWorker extends EngineReceiver {
  readonly applied: Ir[];
  readonly deltas: Delta[] = [];
  readonly metrics = new Metrics();
  readonly client: ControlClient;
  /** What an apply waits for. */
  gate: Promise<unknown> = Promise.resolve();
  losesNext = false;
  result = APPLIED;

  constructor(t: TestContext, id: string, socketPath: string, conditions: Conditions) {
    const applied: Ir[] = [];
    super({
      apply: async (ir) => {
        await this.gate;
        applied.push(ir);
        return this.result;
      },
    });
    this.applied = applied;
    this.client = new ControlClient({
      id,
      socketPath,
      receiver: this,
      registry: this.metrics.registry,
      onApplied: () => conditions.changed(),
    });
    t.after(() => this.client.close());
  }

  override async receive(delta: Delta): Promise<ApplyResult> {
    this.deltas.push(delta);
    if (!this.losesNext) return await super.receive(delta);
    this.losesNext = false;
    return APPLIED;
  }
}

class Stage {
  readonly conditions = new Conditions();
  readonly workers: readonly FakeWorker[];
  readonly metrics = new Metrics();
  fleet: WorkerFleet;
  readonly #test: TestContext;
  readonly #socketPath: string;

  constructor(t: TestContext, count: number) {
    this.#test = t;
    this.#socketPath = new TemporaryDirectory(t).at('control.sock');
    this.fleet = this.createFleet(count);
    this.workers = Array.from(
      { length: count },
      (_, place) => new FakeWorker(t, `worker-${place}.${place + 1}`, this.#socketPath, this.conditions),
    );
  }

  static async start(t: TestContext, count: number): Promise<Stage> {
    const stage = new Stage(t, count);
    await stage.fleet.listen();
    return stage;
  }

  createFleet(workers: number, wasReady = false): WorkerFleet {
    const fleet = new WorkerFleet({
      socketPath: this.#socketPath,
      workers,
      wasReady,
      totals: [],
      metrics: this.metrics,
      logger: SILENT_LOGGER,
      onReady: () => {},
      onTotals: () => {},
    });
    this.#test.after(() => fleet.close());
    return fleet;
  }
}

function irOf(...names: readonly string[]): Ir {
  return createIr(names.map((name) => cluster(name, [], { maxConnections: 100, maxPendingRequests: 1 })));
}

function keysOf(ir: Ir | undefined): string {
  return [...(ir?.resources.keys() ?? [])].join();
}

describe('WorkerFleet', () => {
  it('is ready when all workers serve, and brings each what changed', async (t) => {
    const stage = await Stage.start(t, 2);
    assert.deepEqual(stage.fleet.faults(), ['0 of 2 workers serve the first configuration']);
    await stage.fleet.publish(irOf('a', 'b'));
    assert.deepEqual(stage.fleet.faults(), []);
    await stage.fleet.publish(irOf('b', 'c'));
    for (const { applied, deltas } of stage.workers) {
      assert.deepEqual(applied.map(keysOf), ['cluster/a,cluster/b', 'cluster/b,cluster/c']);
      assert.deepEqual(
        deltas.map(({ put, remove }) => [put.length, remove.length]),
        [
          [2, 0],
          [1, 1],
        ],
      );
    }
  });

  it('divides limits, and at least 1 is left; the first worker alone takes datagrams', async (t) => {
    const stage = await Stage.start(t, 2);
    const udp = listener({ key: 'listener/a/53/udp', protocol: 'UDP' });
    await stage.fleet.publish(createIr([...irOf('a').resources.values(), udp]));
    const [first, second] = stage.workers.map(({ applied }) => applied[0]);
    const divided = first?.resources.get('cluster/a') as Extract<Resource, { kind: 'cluster' }>;
    assert.deepEqual([divided.maxConnections, divided.maxPendingRequests], [50, 1]);
    assert.ok(first?.resources.has(udp.key));
    assert.ok(!second?.resources.has(udp.key));
  });

  it('hands private keys over, and nothing but them', async (t) => {
    const stage = await Stage.start(t, 1);
    const privateKeyPem = new SecretText('the key');
    await stage.fleet.publish(
      createIr([{ kind: 'certificate', key: 'certificate/a', chainPem: 'the chain', privateKeyPem }]),
    );
    const [ir] = stage.workers[0]?.applied ?? [];
    const crossed = ir?.resources.get('certificate/a') as Extract<Resource, { kind: 'certificate' }>;
    assert.equal(crossed.privateKeyPem.reveal(), 'the key');
    assert.equal(JSON.stringify(crossed).includes('the key'), false);
  });

  it('a lost delta is found by the next one, which then brings everything', async (t) => {
    const stage = await Stage.start(t, 1);
    const [worker] = stage.workers as [FakeWorker];
    await stage.fleet.publish(irOf('a'));
    worker.losesNext = true;
    await stage.fleet.publish(irOf('a', 'b'));
    await stage.fleet.publish(irOf('a', 'b', 'c'));
    assert.equal(keysOf(worker.applied.at(-1)), 'cluster/a,cluster/b,cluster/c');
    assert.deepEqual(
      worker.deltas.map(({ put }) => put.length),
      [1, 1, 1, 3],
    );
    assert.equal(stage.metrics.workerResyncs.cell({}).value, 1);
    // What did not change is the same object: nothing of it is compiled again.
    const [before, after] = [worker.applied[0], worker.applied.at(-1)].map((ir) => ir?.resources.get('cluster/a'));
    assert.equal(after, before);
  });

  it('a worker that is slow holds up the others once, and gets all that it missed as one delta', async (t) => {
    const stage = await Stage.start(t, 2);
    const [slow, fast] = stage.workers as [FakeWorker, FakeWorker];
    await stage.fleet.publish(irOf('a'));
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    slow.gate = gate;
    const startMs = performance.now();
    for (let change = 1; change <= CHANGES; change++) await stage.fleet.publish(irOf('a', `b${change}`));
    const tookMs = performance.now() - startMs;
    assert.equal(fast.deltas.length, 1 + CHANGES);
    assert.ok(tookMs < 5_000, `${CHANGES} changes took ${tookMs} ms`);
    assert.equal(slow.deltas.length, 2, 'one is under way');
    open();
    await stage.conditions.until('it has caught up', () => slow.applied.length === 3 || undefined);
    assert.deepEqual(slow.applied.slice(1).map(keysOf), ['cluster/a,cluster/b1', `cluster/a,cluster/b${CHANGES}`]);
  });

  it('a control after this one finds what is served, and sends nothing twice', async (t) => {
    const stage = await Stage.start(t, 1);
    const [worker] = stage.workers as [FakeWorker];
    await stage.fleet.publish(irOf('a'));
    stage.fleet.close();
    stage.fleet = stage.createFleet(1, true);
    await stage.fleet.listen();
    await stage.fleet.publish(irOf('a'));
    await stage.fleet.publish(irOf('a', 'b'));
    assert.deepEqual(
      worker.deltas.map(({ put }) => put.length),
      [1, 0, 1],
    );
  });

  it('tells what could not be bound, and what all reject', async (t) => {
    const stage = await Stage.start(t, 2);
    const failure = { key: 'listener/a', port: 80, code: 'EADDRINUSE' };
    for (const worker of stage.workers) worker.result = { failures: [failure] };
    assert.deepEqual(await stage.fleet.publish(irOf('a')), { failures: [failure] });
    for (const worker of stage.workers) worker.gate = Promise.reject(new Error('no'));
    for (const worker of stage.workers) worker.gate.catch(() => {});
    await assert.rejects(stage.fleet.publish(irOf('b')), /^Error: no$/);
    assert.deepEqual(stage.fleet.faults(), []);
  });

  it('sums the metrics of all, and keeps those of the dead', async (t) => {
    const stage = await Stage.start(t, 2);
    await stage.fleet.publish(irOf('a'));
    const [first, second] = stage.workers as [FakeWorker, FakeWorker];
    for (const { metrics } of stage.workers) metrics.configApplies.cell({}).add(2);
    first.metrics.servingWorkers.cell({}).set(5);
    const text = async (): Promise<string> => [...(await stage.fleet.metrics())].join('');
    assert.match(await text(), /^sluice_config_applies_total 4$/m);
    first.metrics.configApplies.cell({}).add(10);
    first.client.retire();
    await first.client.close();
    second.metrics.configApplies.cell({}).inc();
    assert.match(await text(), /^sluice_config_applies_total 15$/m, 'with the last words of the first');
  });
});
