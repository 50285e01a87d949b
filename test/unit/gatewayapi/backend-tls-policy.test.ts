// What a live gateway sees of a policy: its CAs come and go, and what is touched then.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { createMemo, translate, type Translation } from '../../../src/gatewayapi/translate.ts';
import type { Cluster } from '../../../src/ir/cluster.ts';
import { CA_TEXTS } from '../../property/gatewayapi/pem.ts';
import { gateway, options, resourcesOf, route, service } from './configuration.ts';

const [CA = ''] = CA_TEXTS;
const CLUSTER = 'cluster/Service/shop/web/80';
const POLICY = 'BackendTLSPolicy/shop/tls';

function policy(): KubernetesObject {
  const targetRefs = [{ group: '', kind: 'Service', name: 'web' }];
  const caCertificateRefs = [{ group: '', kind: 'ConfigMap', name: 'ca' }];
  const spec = { targetRefs, validation: { hostname: 'web.example.com', caCertificateRefs } };
  const metadata = { name: 'tls', namespace: 'shop' };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    metadata,
    spec,
  } as KubernetesObject;
}

function caMap(text: string): KubernetesObject {
  const metadata = { name: 'ca', namespace: 'shop' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': text } } as KubernetesObject;
}

/** `type: status (reason)` of each condition of the first ancestor. */
function conditionsOf({ statuses }: Translation): readonly string[] {
  const status = statuses.get(POLICY)?.status;
  const [first] = status !== undefined && 'ancestors' in status ? status.ancestors : [];
  return (first?.conditions ?? []).map((condition) => `${condition.type}: ${condition.status} (${condition.reason})`);
}

function changedResources(from: Translation, to: Translation): readonly string[] {
  const keys = new Set([...from.ir.resources.keys(), ...to.ir.resources.keys()]);
  return [...keys].filter((key) => from.ir.resources.get(key) !== to.ir.resources.get(key)).sort();
}

describe('BackendTLSPolicy', () => {
  it('has no cluster while its CA is missing, and never one without TLS', () => {
    const resources = resourcesOf(gateway(), service('web'), route('web'), policy());
    const memo = createMemo();
    const refused = ['Accepted: False (NoValidCACertificate)', 'ResolvedRefs: False (InvalidCACertificateRef)'];
    const accepted = ['Accepted: True (Accepted)', 'ResolvedRefs: True (ResolvedRefs)'];
    let last = translate(resources, memo, options());
    for (const [text, conditions] of [
      [CA, accepted],
      ['', refused],
      ['garbage', refused],
      [CA, accepted],
    ] as const) {
      resources.put(caMap(text));
      last = translate(resources, memo, options());
      const cluster = last.ir.resources.get(CLUSTER) as Cluster | undefined;
      assert.equal(cluster?.tls?.caPem, conditions === accepted ? CA : undefined);
      assert.equal(cluster === undefined, conditions === refused);
      assert.deepEqual(conditionsOf(last), conditions);
    }
    resources.delete({ kind: 'ConfigMap', namespace: 'shop', name: 'ca' });
    last = translate(resources, memo, options());
    assert.deepEqual(conditionsOf(last), refused);
    assert.ok(!last.ir.resources.has(CLUSTER));
  });

  it('touches its cluster alone when the CA is exchanged', () => {
    const resources = resourcesOf(gateway(), service('web'), route('web'), policy(), caMap(CA));
    const memo = createMemo();
    const before = translate(resources, memo, options());
    resources.put(caMap(`${CA}${CA}`));
    const after = translate(resources, memo, options());
    assert.deepEqual(changedResources(before, after), [CLUSTER]);
    assert.equal(after.statuses.get(POLICY), before.statuses.get(POLICY));
    assert.equal(after.statuses.get('HTTPRoute/shop/web'), before.statuses.get('HTTPRoute/shop/web'));
  });

  it('goes back to plain text only when it is deleted', () => {
    const resources = resourcesOf(gateway(), service('web'), route('web'), policy(), caMap(CA));
    const memo = createMemo();
    translate(resources, memo, options());
    resources.delete({ kind: 'BackendTLSPolicy', namespace: 'shop', name: 'tls' });
    const { ir, statuses } = translate(resources, memo, options());
    const { protocol, tls } = ir.resources.get(CLUSTER) as Cluster;
    assert.deepEqual([protocol, tls], ['http1', undefined]);
    assert.ok(!statuses.has(POLICY));
  });

  it('has a status for at most 16 Gateways', () => {
    const names = Array.from({ length: 17 }, (_, index) => `gw-${index}`);
    const gateways = names.map((name, index) => {
      const made = gateway([{ port: 8000 + index }]);
      return { ...made, metadata: { ...made.metadata, name } };
    });
    const parentRefs = names.map((name) => ({ group: 'gateway.networking.k8s.io', kind: 'Gateway', name }));
    const made = route('web') as KubernetesObject & { readonly spec: object };
    const everywhere = { ...made, spec: { ...made.spec, parentRefs } };
    const resources = resourcesOf(...gateways, service('web'), everywhere, policy(), caMap(CA));
    const status = translate(resources, createMemo(), options()).statuses.get(POLICY)?.status;
    assert.ok(status !== undefined && 'ancestors' in status);
    assert.equal(status.ancestors.length, 16);
  });
});
