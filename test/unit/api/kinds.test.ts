import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CORE_KINDS, CUSTOM_RESOURCES, GATEWAY_GROUP, KINDS, SLUICE_GROUP } from '../../../src/api/kinds.ts';

test('kinds: the CRDs say versions, plural and scope, and the first version is v1 where there is one', () => {
  const rows = CUSTOM_RESOURCES.map(({ group, versions, kind, plural, namespaced }) =>
    [group, kind, plural, namespaced ? 'namespaced' : 'cluster', ...versions].join(' '),
  );
  assert.deepEqual(rows, [
    `${GATEWAY_GROUP} GatewayClass gatewayclasses cluster v1 v1beta1`,
    `${GATEWAY_GROUP} Gateway gateways namespaced v1 v1beta1`,
    `${GATEWAY_GROUP} ListenerSet listenersets namespaced v1`,
    `${GATEWAY_GROUP} HTTPRoute httproutes namespaced v1 v1beta1`,
    `${GATEWAY_GROUP} GRPCRoute grpcroutes namespaced v1`,
    `${GATEWAY_GROUP} TLSRoute tlsroutes namespaced v1 v1alpha2 v1alpha3`,
    `${GATEWAY_GROUP} TCPRoute tcproutes namespaced v1 v1alpha2`,
    `${GATEWAY_GROUP} UDPRoute udproutes namespaced v1 v1alpha2`,
    `${GATEWAY_GROUP} ReferenceGrant referencegrants namespaced v1 v1beta1`,
    `${GATEWAY_GROUP} BackendTLSPolicy backendtlspolicies namespaced v1 v1alpha3`,
    `${SLUICE_GROUP} Backend backends namespaced v1alpha1`,
    `${SLUICE_GROUP} ListenerPolicy listenerpolicies namespaced v1alpha1`,
    `${SLUICE_GROUP} GatewayParameters gatewayparameters namespaced v1alpha1`,
  ]);
});

test('kinds: every kind is listed once', () => {
  const names = KINDS.map(({ group, kind }) => `${group}/${kind}`);
  assert.equal(new Set(names).size, names.length);
  assert.equal(KINDS.length, CORE_KINDS.length + CUSTOM_RESOURCES.length);
});

test('kinds: a schema is built anew on every call, so that nobody keeps one alive', () => {
  const [first] = CUSTOM_RESOURCES;
  assert.notEqual(first?.schema(), first?.schema());
});
