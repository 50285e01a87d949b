import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { expand } from '../../../conformance/kubelet/pod-data.ts';
import { podField } from '../../../conformance/kubelet/pod-types.ts';
import type { Pod } from '../../../conformance/kubelet/pod-types.ts';

test('variables in words, as Kubernetes expands them', () => {
  const environment = { A: '1', B: '$(A)' };
  assert.equal(expand('$(A)-$(B)-$(C)-$$(A)-$A', environment), '1-$(A)-$(C)-$(A)-$A');
});

suite('fields of a pod', () => {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { app: 'x', 'example.com/tier': 'y' } },
    spec: { nodeName: 'node', containers: [] },
  };

  test('by path', () => {
    const paths = ['metadata.name', 'metadata.namespace', 'spec.serviceAccountName', 'status.podIP'];
    assert.deepEqual(
      paths.map((path) => podField(pod, '10.244.0.2', path)),
      ['p', 'n', 'default', '10.244.0.2'],
    );
    assert.equal(podField(pod, '', "metadata.labels['example.com/tier']"), 'y');
    assert.equal(podField(pod, '', "metadata.annotations['none']"), '');
    assert.equal(podField(pod, '', 'metadata.labels'), 'app="x"\nexample.com/tier="y"\n');
  });

  test('unknown ones are refused', () => {
    assert.throws(() => podField(pod, '', 'status.phase'), /status\.phase/);
  });
});
