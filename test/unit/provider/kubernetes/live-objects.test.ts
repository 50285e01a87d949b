import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { liveKey, LiveObjects } from '../../../../src/provider/kubernetes/live-objects.ts';
import type { LiveObject } from '../../../../src/provider/kubernetes/live-objects.ts';

type Metadata = Partial<LiveObject['metadata']>;

function gateway(metadata: Metadata = {}, status: LiveObject['status'] = {}): LiveObject {
  const fixed = { namespace: 'shop', name: 'gw', uid: 'u1', generation: 1, resourceVersion: '1' };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { ...fixed, ...metadata },
    status,
  };
}

describe('objects as the API server has them', () => {
  test('keys are those of statuses', () => {
    assert.equal(liveKey(gateway()), 'Gateway/shop/gw');
    assert.equal(liveKey({ kind: 'GatewayClass', metadata: { name: 'a' } }), 'GatewayClass/a');
  });

  test('the last one counts, until it is deleted', () => {
    const live = new LiveObjects();
    live.put(gateway());
    const last = gateway({ resourceVersion: '2' });
    live.put(last);
    assert.deepEqual([[...live.keys()], live.get('Gateway/shop/gw')], [['Gateway/shop/gw'], last]);
    live.delete('Gateway/shop/gw');
    assert.deepEqual([[...live.keys()], live.get('Gateway/shop/gw')], [[], undefined]);
  });

  for (const [what, metadata, status] of [
    ['another status', { resourceVersion: '2' }, { conditions: [{ type: 'Accepted' }] }],
    ['another version alone', { resourceVersion: '2' }, {}],
  ] as const) {
    test(`${what} changes nothing of what is asked`, () => {
      const live = new LiveObjects();
      live.put(gateway());
      assert.equal(live.put(gateway(metadata, status)), false);
    });
  }

  for (const [what, metadata, status] of [
    ['another generation', { generation: 2 }, {}],
    ['another object of the same name', { uid: 'u2' }, {}],
    ['a label', { labels: { a: 'b' } }, {}],
    ['an annotation', { annotations: { a: 'b' } }, {}],
    ['a deletion that has begun', { deletionTimestamp: '2030-01-01T00:00:00Z' }, {}],
    ['addresses that it was given', {}, { addresses: [{ value: '192.0.2.1' }] }],
  ] as const) {
    test(`${what} changes it`, () => {
      const live = new LiveObjects();
      assert.equal(live.put(gateway()), true);
      assert.equal(live.put(gateway(metadata, status)), true);
    });
  }

  test('objects without a generation may always have changed', () => {
    const live = new LiveObjects();
    const object = gateway();
    const { generation: _generation, ...metadata } = object.metadata;
    live.put({ ...object, metadata });
    assert.equal(live.put({ ...object, metadata }), true);
  });
});
