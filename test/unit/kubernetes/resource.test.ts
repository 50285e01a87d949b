// Paths as API servers serve them, and a complete list of what is watched.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectionPath, LEASE, objectPath, resourceName, WATCHED_KINDS } from '../../../src/kubernetes/resource.ts';

function watched(kind: string): (typeof WATCHED_KINDS)[number] {
  return WATCHED_KINDS.find((candidate) => candidate.kind === kind) ?? assert.fail(`${kind} is not watched`);
}

test('paths of groups, scopes, versions and subresources', () => {
  assert.equal(collectionPath(watched('Secret')), '/api/v1/secrets');
  assert.equal(collectionPath(watched('Secret'), { namespace: 'a' }), '/api/v1/namespaces/a/secrets');
  const route = watched('HTTPRoute');
  assert.equal(
    objectPath(route, { version: 'v1beta1', namespace: 'a', name: 'x', subresource: 'status' }),
    '/apis/gateway.networking.k8s.io/v1beta1/namespaces/a/httproutes/x/status',
  );
  assert.equal(
    objectPath(watched('GatewayClass'), { namespace: 'ignored', name: 'x' }),
    '/apis/gateway.networking.k8s.io/v1/gatewayclasses/x',
  );
  assert.equal(objectPath(LEASE, { namespace: 'a', name: 'x:y z' }).split('/').at(-1), 'x%3Ay%20z');
  assert.throws(() => objectPath(LEASE, { name: 'x' }), TypeError);
});

test('every kind is watched once', () => {
  const names = WATCHED_KINDS.map(resourceName);
  assert.deepEqual(names, [...new Set(names)]);
  const wanted =
    'GatewayClass Gateway ListenerSet HTTPRoute GRPCRoute TLSRoute TCPRoute UDPRoute ReferenceGrant BackendTLSPolicy XBackend ' +
    'XBackendTrafficPolicy Service EndpointSlice Secret ConfigMap ClusterTrustBundle Namespace CustomResourceDefinition';
  for (const kind of wanted.split(' ')) watched(kind);
});
