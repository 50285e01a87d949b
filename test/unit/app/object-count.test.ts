import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countObjects } from '../../../src/app/object-count.ts';

test('objects are counted by kind, without those that exist anyway', () => {
  const object = (kind: string, name: string): Parameters<typeof countObjects>[0] => [
    { apiVersion: 'v1', kind, metadata: { name } },
  ];
  const objects = [
    ...object('Gateway', 'web'),
    ...object('HTTPRoute', 'a'),
    ...object('HTTPRoute', 'b'),
    ...object('GatewayClass', 'sluice'),
    ...object('GatewayClass', 'own'),
    ...object('Namespace', 'shop'),
  ];
  assert.deepEqual(countObjects(objects), { Gateway: 1, HTTPRoute: 2, GatewayClass: 1 });
});
