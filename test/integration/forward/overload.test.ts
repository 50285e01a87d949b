// What clients see of an overloaded gateway, with limits that are always exceeded.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OverloadStep } from '../../../src/dataplane/overload/overload.ts';
import { Conditions } from '../../harness/deadline.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

interface Stage {
  readonly bed: TestBed;
  readonly gateway: RunningEngine;
  readonly untilStep: (step: OverloadStep) => Promise<void>;
}

async function start(t: ConstructorParameters<typeof TestBed>[0], overload: object): Promise<Stage> {
  const bed = new TestBed(t);
  const upstream = await bed.upstream();
  const conditions = new Conditions();
  const steps: OverloadStep[] = [];
  const gateway = await bed.gateway(
    upstream.port,
    {},
    {
      overload,
      onOverload: (step) => {
        steps.push(step);
        conditions.changed();
      },
    },
  );
  return {
    bed,
    gateway,
    untilStep: async (step) => {
      await conditions.until(`the step ${step}`, () => steps.includes(step) || undefined);
    },
  };
}

describe('an overloaded gateway', { timeout: 20_000 }, () => {
  test('closes who has been idle for a while, and others after their answer', async (t) => {
    const { bed, gateway, untilStep } = await start(t, { maxMemoryBytes: process.memoryUsage.rss() / 0.88 });
    const silent = await bed.client(gateway);
    await untilStep('close_idle');
    await silent.untilClosed();
    const served = await bed.client(gateway);
    await served.send(GET).untilResponses(1);
    assert.match(served.received.toString('latin1'), /connection: close/);
    await served.untilClosed();
  });

  test('refuses requests with 503 and Retry-After', async (t) => {
    const { bed, gateway, untilStep } = await start(t, { maxMemoryBytes: process.memoryUsage.rss() / 0.96 });
    await untilStep('refuse_requests');
    const client = await bed.client(gateway);
    const [answer] = await client.send(GET).untilResponses(1);
    assert.equal(answer?.startLine[1], '503');
    assert.match(client.received.toString('latin1'), /retry-after: 1\r\n/);
    assert.equal((await gateway.logged()).flag, 'OM');
  });

  test('refuses connections', async (t) => {
    const { bed, gateway, untilStep } = await start(t, { maxHeapBytes: 1 });
    await untilStep('refuse_connections');
    const client = await bed.client(gateway);
    await client.untilClosed();
    assert.equal(client.received.length, 0);
    assert.equal(gateway.metrics.connectionOverflows.cell({ address: '127.0.0.1:0' }).value, 1);
  });
});
