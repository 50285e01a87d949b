import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EngineReceiver, IrPublisher } from '../../../src/app/ir-channel.ts';
import type { ApplyResult } from '../../../src/dataplane/engine.ts';
import type { Cluster } from '../../../src/ir/cluster.ts';
import { createIr } from '../../../src/ir/ir.ts';
import type { Delta, Ir } from '../../../src/ir/ir.ts';

const APPLIED: ApplyResult = { failures: [] };

function irOf(...names: readonly string[]): Ir {
  return createIr(
    names.map((name): Cluster => ({
      kind: 'cluster',
      key: name,
      name,
      protocol: 'http1',
      endpoints: [],
      connectTimeoutMs: 1,
      idleTimeoutMs: 1,
      maxStreamsPerConnection: 1,
      maxConnections: 1,
      maxPendingRequests: 1,
    })),
  );
}

/** Notes what is sent, and may lose an acknowledgement or a delta. */
class Wire extends EngineReceiver {
  readonly sent: number[] = [];
  fault: 'none' | 'delta lost' | 'acknowledgement lost' = 'none';

  override async receive(delta: Delta): Promise<ApplyResult> {
    this.sent.push(delta.put.length + delta.remove.length);
    const { fault } = this;
    this.fault = 'none';
    if (fault === 'delta lost') return APPLIED;
    const result = await super.receive(delta);
    if (fault === 'acknowledgement lost') throw new Error('lost');
    return result;
  }
}

function fixture(): { wire: Wire; publisher: IrPublisher; applied: string[] } {
  const applied: string[] = [];
  const wire = new Wire({
    apply: async (ir) => {
      applied.push([...ir.resources.keys()].join());
      return APPLIED;
    },
  });
  return { wire, publisher: new IrPublisher(wire), applied };
}

describe('IrPublisher and EngineReceiver', () => {
  it('send what changed', async () => {
    const { wire, publisher, applied } = fixture();
    await publisher.publish(irOf('a', 'b'));
    await publisher.publish(irOf('b', 'c'));
    assert.deepEqual(wire.sent, [2, 2]);
    assert.deepEqual(applied, ['a,b', 'b,c']);
    assert.equal(wire.ir.hash, irOf('b', 'c').hash);
  });

  it('a lost delta is found by the next one, which then brings everything', async () => {
    const { wire, publisher, applied } = fixture();
    await publisher.publish(irOf('a', 'b'));
    wire.fault = 'delta lost';
    await publisher.publish(irOf('a', 'b', 'c'));
    await publisher.publish(irOf('a', 'b', 'c', 'd'));
    assert.equal(applied.at(-1), 'a,b,c,d');
    assert.deepEqual(wire.sent, [2, 1, 1, 4]);
  });

  it('so is a lost acknowledgement', async () => {
    const { wire, publisher } = fixture();
    await publisher.publish(irOf('a'));
    wire.fault = 'acknowledgement lost';
    await assert.rejects(publisher.publish(irOf('a', 'b')), /lost/);
    await publisher.publish(irOf('a', 'c'));
    assert.equal(wire.ir.hash, irOf('a', 'c').hash);
  });
});
