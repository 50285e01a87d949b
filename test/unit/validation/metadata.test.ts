import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemsOf, valid } from './validation.ts';

function configMap(metadata: unknown): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata };
}

function named(kind: string, name: unknown): object {
  const spec = { ports: [{ port: 80 }] };
  return { apiVersion: 'v1', kind, metadata: { name }, spec };
}

test('metadata and its name are required', () => {
  assert.deepEqual(problemsOf({ apiVersion: 'v1', kind: 'ConfigMap' }), ['metadata: is required']);
  assert.deepEqual(problemsOf(configMap({ generateName: 'a-' })), ['metadata.name: is required']);
  assert.deepEqual(problemsOf(configMap([])), ['metadata: must be a mapping, not a list']);
});

test('names are domain names of at most 253 characters, and labels of at most 63 for Namespaces and Services', () => {
  valid(named('ConfigMap', 'a.b-c.d0'));
  valid(named('ConfigMap', `${'a.'.repeat(126)}a`));
  for (const name of ['A', 'a_b', '-a', 'a..b', '', 'a'.repeat(254), 80]) {
    assert.equal(problemsOf(named('ConfigMap', name)).length, 1, String(name));
  }
  for (const kind of ['Namespace', 'Service']) {
    valid(named(kind, 'a'.repeat(63)));
    for (const name of ['a.b', 'a'.repeat(64)])
      assert.equal(problemsOf(named(kind, name)).length, 1, `${kind} ${name}`);
  }
});

test('a namespaced object without a namespace is in the default one; a cluster-scoped object has none', () => {
  assert.equal(valid(configMap({ name: 'a' })).metadata.namespace, 'default');
  assert.equal(valid(configMap({ name: 'a', namespace: 'b' })).metadata.namespace, 'b');
  assert.deepEqual(valid({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a', namespace: 'b' } }).metadata, {
    name: 'a',
  });
  const gatewayClass = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: 'a', namespace: 'b' },
    spec: { controllerName: 'a/b' },
  };
  assert.deepEqual(valid(gatewayClass).metadata, { name: 'a' });
  for (const namespace of ['a.b', 'A', 'a'.repeat(64)]) {
    assert.equal(problemsOf(configMap({ name: 'a', namespace })).length, 1, namespace);
  }
});

test('what a server sets is dropped, creationTimestamp is kept, other fields are refused', () => {
  const fromServer = {
    name: 'a',
    namespace: 'b',
    creationTimestamp: '2026-01-01T00:00:00Z',
    managedFields: [{ manager: 'kubectl' }],
    uid: 'x',
    resourceVersion: '1',
    generation: 3,
    selfLink: '/x',
    ownerReferences: [],
    finalizers: ['x'],
    deletionTimestamp: '2026-01-01T00:00:00Z',
    deletionGracePeriodSeconds: 0,
  };
  assert.deepEqual(valid(configMap(fromServer)).metadata, {
    name: 'a',
    namespace: 'b',
    creationTimestamp: '2026-01-01T00:00:00Z',
  });
  valid(configMap({ name: 'a', creationTimestamp: null }));
  assert.equal(problemsOf(configMap({ name: 'a', creationTimestamp: 'yesterday' })).length, 1);
  const gatewayClass = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: 'a', lables: {} },
    spec: { controllerName: 'a/b' },
  };
  assert.deepEqual(problemsOf(gatewayClass), ['metadata.lables: unknown field; did you mean labels?']);
});

test('labels: keys are qualified names, values are short', () => {
  valid(configMap({ name: 'a', labels: { app: 'A_b.c', 'example.com/app': '', ['a'.repeat(63)]: 'x' } }));
  for (const key of ['', 'a b', '-a', 'a/b/c', '/a', 'a/', 'exa_mple.com/a', 'a'.repeat(64), `${'a'.repeat(254)}/b`]) {
    assert.deepEqual(problemsOf(configMap({ name: 'a', labels: { [key]: 'x' } })).length, 1, key);
  }
  assert.deepEqual(problemsOf(configMap({ name: 'a', labels: { on: true } })), [
    'metadata.labels.on: must be a string, not true; put it in quotes',
  ]);
  for (const value of ['a b', '-a', 'a'.repeat(64)]) {
    assert.equal(problemsOf(configMap({ name: 'a', labels: { a: value } })).length, 1, value);
  }
});

test('annotations: keys are qualified names, values are free but bounded in all', () => {
  valid(configMap({ name: 'a', annotations: { 'example.com/a': 'any text\n', 'Example.com/b': '' } }));
  assert.equal(problemsOf(configMap({ name: 'a', annotations: { 'a b': 'x' } })).length, 1);
  assert.deepEqual(problemsOf(configMap({ name: 'a', annotations: { a: 'x'.repeat(262_144) } })), [
    'metadata.annotations: must have at most 262144 characters in all, has 262145',
  ]);
});
