import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EndpointSlice } from '../../../src/api/core.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { Resources } from '../../../src/gatewayapi/resources.ts';

function object(kind: string, name: string, more: object = {}): KubernetesObject {
  return { apiVersion: 'v1', kind, metadata: { name, namespace: 'a' }, ...more };
}

function slice(name: string, service: string | undefined): EndpointSlice {
  const labels = service === undefined ? {} : { 'kubernetes.io/service-name': service };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'a', labels },
    addressType: 'IPv4',
  };
}

describe('Resources', () => {
  it('holds one object per kind and name', () => {
    const resources = new Resources();
    const service = object('Service', 'x');
    resources.put(object('Service', 'x'));
    resources.put(service);
    resources.put(object('Secret', 'x'));
    resources.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } });
    assert.equal(resources.get({ kind: 'Service', namespace: 'a', name: 'x' }), service);
    assert.deepEqual(resources.list('Service'), [service]);
    assert.equal(resources.byKey('Service').get('a/x'), service);
    assert.equal(resources.get({ kind: 'Namespace', name: 'a' })?.metadata.name, 'a');
    resources.delete({ kind: 'Service', namespace: 'a', name: 'x' });
    assert.deepEqual(resources.list('Service'), []);
    assert.equal(resources.list('Secret').length, 1);
  });

  it('gives the same list until something in it changes', () => {
    const resources = new Resources();
    const service = object('Service', 'x');
    const empty = resources.list('Service');
    assert.equal(resources.list('Service'), empty);
    resources.put(service);
    const one = resources.list('Service');
    assert.notEqual(one, empty);
    resources.put(service);
    resources.put(object('Secret', 'x'));
    resources.delete({ kind: 'Service', namespace: 'a', name: 'unknown' });
    resources.delete({ kind: 'Unknown', namespace: 'a', name: 'x' });
    assert.equal(resources.list('Service'), one);
    resources.put(object('Service', 'x'));
    assert.notEqual(resources.list('Service'), one);
  });

  it('finds the EndpointSlices of a Service by their label, in the order of their names', () => {
    const resources = new Resources();
    for (const name of ['c', 'a', 'b']) resources.put(slice(name, 'web'));
    resources.put(slice('d', undefined));
    const found = resources.slicesOfService.get('a/web');
    assert.deepEqual(
      found?.map(({ metadata }) => metadata.name),
      ['a', 'b', 'c'],
    );
    resources.put(slice('e', 'other'));
    assert.equal(resources.slicesOfService.get('a/web'), found);
    resources.put(slice('b', 'other'));
    assert.equal(resources.slicesOfService.get('a/web')?.length, 2);
    assert.equal(resources.slicesOfService.get('a/other')?.length, 2);
    for (const name of ['a', 'c']) resources.delete({ kind: 'EndpointSlice', namespace: 'a', name });
    assert.equal(resources.slicesOfService.has('a/web'), false);
  });

  it('finds ReferenceGrants by namespace, and policies by each of their targets', () => {
    const resources = new Resources();
    resources.put(object('ReferenceGrant', 'x', { spec: { from: [], to: [] } }));
    const targetRefs = [
      { group: '', kind: 'Service', name: 'web', sectionName: 'one' },
      { group: '', kind: 'Service', name: 'web', sectionName: 'two' },
      { group: '', kind: 'Service', name: 'other' },
    ];
    resources.put(object('BackendTLSPolicy', 'x', { spec: { targetRefs } }));
    assert.equal(resources.grantsInNamespace.get('a')?.length, 1);
    assert.equal(resources.policiesOfTarget.get('Service/a/web')?.length, 1);
    assert.equal(resources.policiesOfTarget.get('Service/a/other')?.length, 1);
    resources.delete({ kind: 'BackendTLSPolicy', namespace: 'a', name: 'x' });
    assert.equal(resources.policiesOfTarget.size, 0);
  });
});
