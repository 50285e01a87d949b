// The CRDs of our kinds at a real API server: taken as they are, and each of their rules refuses what it should. A rule without a case fails.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseYaml } from '../../../src/lib/yaml-document.ts';
import { startCluster } from '../../conformance/cluster.ts';
import type { Cluster } from '../../conformance/cluster.ts';
import { ROOT } from '../../harness/markdown-page.ts';
import { kubectl, skipWithoutKubectl } from './kubectl.ts';

const API = '/apis/sluice.dev/v1alpha1/namespaces/default';
const CRDS = ['backends', 'gatewayparameters', 'listenerpolicies'];
const ENDPOINTS = [{ ip: { address: '192.0.2.1', port: 80 } }];
const TARGET = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'web' };
const CLASS = { loadBalancerClass: 'example.com/internal' };
const SUITE = 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256';

const GOOD: Readonly<Record<string, object>> = {
  backends: {
    endpoints: [...ENDPOINTS, { fqdn: { hostname: 'shop.example.com', port: 443 } }],
    protocol: 'H2C',
    tls: { sni: 'shop.example.com', wellKnownCACertificates: 'System' },
  },
  gatewayparameters: { service: { ...CLASS, type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/24'] } },
  listenerpolicies: { targetRefs: [TARGET], proxyProtocol: { trustedSources: ['10.0.0.0/8'] } },
};

/** By plural: specs that are refused, each by a rule's message. */
const REFUSED: Readonly<Record<string, readonly (readonly [message: string, spec: object])[]>> = {
  backends: [
    ['address must be an IPv4 or IPv6 address', { endpoints: [{ ip: { address: '192.0.2.300', port: 80 } }] }],
    [
      'hostname must not be an IP address; use ip instead of fqdn',
      { endpoints: [{ fqdn: { hostname: '192.0.2.1', port: 80 } }] },
    ],
    [
      'exactly one of ip and fqdn must be set',
      { endpoints: [{ ...ENDPOINTS[0], fqdn: { hostname: 'a.example', port: 80 } }] },
    ],
    ['exactly one of ip and fqdn must be set', { endpoints: [{}] }],
    ['sni must not be an IP address', { endpoints: ENDPOINTS, tls: tls({ sni: '192.0.2.1' }) }],
    [
      'hostname must be set if type is Hostname, and only then',
      { endpoints: ENDPOINTS, tls: tls({ subjectAltNames: [{ type: 'Hostname' }] }) },
    ],
    [
      'uri must be set if type is URI, and only then',
      { endpoints: ENDPOINTS, tls: tls({ subjectAltNames: [{ type: 'URI', hostname: 'a.example' }] }) },
    ],
    ['exactly one of caCertificateRefs and wellKnownCACertificates must be set', { endpoints: ENDPOINTS, tls: {} }],
  ],
  gatewayparameters: [
    [
      'addressPool must have IP addresses, or ranges of them such as 192.0.2.1-192.0.2.20',
      { addressPool: ['192.0.2.1-192.0.2.2-192.0.2.3'] },
    ],
    [
      'loadBalancerSourceRanges must be networks with a prefix length, such as 192.0.2.0/24',
      { service: { loadBalancerSourceRanges: ['192.0.2.1'] } },
    ],
    [
      'loadBalancerClass and loadBalancerSourceRanges are for type LoadBalancer',
      { service: { ...CLASS, type: 'NodePort' } },
    ],
    [
      'externalTrafficPolicy is not for type ClusterIP',
      { service: { type: 'ClusterIP', externalTrafficPolicy: 'Local' } },
    ],
    ['addressPool is for binding Pool', { binding: 'Host', addressPool: ['192.0.2.1'] }],
    ['service is for binding Service', { binding: 'Pool', service: {} }],
  ],
  listenerpolicies: [
    ['targetRefs must be unique', { targetRefs: [TARGET, TARGET], path: { escapedSlashes: 'Reject' } }],
    [
      'trustedSources must be networks with a prefix length, such as 192.0.2.0/24',
      { targetRefs: [TARGET], proxyProtocol: { trustedSources: ['10.0.0.1'] } },
    ],
    [
      'with minVersion 1.3, cipherSuites must be of TLS 1.3 (without ECDHE in their names)',
      { targetRefs: [TARGET], tls: { minVersion: '1.3', cipherSuites: [SUITE] } },
    ],
    ['at least one setting must be given beside targetRefs', { targetRefs: [TARGET] }],
  ],
};

function tls(fields: object): object {
  return { wellKnownCACertificates: 'System', ...fields };
}

/** The messages of all rules of a CRD. */
function messagesOf(plural: string): readonly string[] {
  const text = readFileSync(join(ROOT, `deploy/crds/sluice.dev_${plural}.yaml`), 'utf8');
  const messages = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { 'x-kubernetes-validations': rules = [] } = value as { 'x-kubernetes-validations'?: { message: string }[] };
    for (const { message } of rules) messages.add(message);
    Object.values(value).forEach(visit);
  };
  for (const { value } of parseYaml(text)) visit(value);
  return [...messages].toSorted();
}

describe('the CRDs of our kinds', { skip: skipWithoutKubectl() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-crds-'));
  let cluster: Cluster;

  before(async () => {
    cluster = await startCluster(folder);
    await kubectl(cluster.kubeconfig, ['apply', '--server-side', '--validate=strict', '-k', 'deploy/crds']);
    const names = CRDS.map((plural) => `crd/${plural}.sluice.dev`);
    await kubectl(cluster.kubeconfig, ['wait', '--for=condition=Established', '--timeout=30s', ...names]);
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const plural of CRDS) {
    test(`${plural}: a good one is taken, has a status of its own, and columns`, async () => {
      const { group, kind, scope } = { group: 'sluice.dev', kind: kindOf(plural), scope: `${API}/${plural}` };
      const object = { apiVersion: `${group}/v1alpha1`, kind, metadata: { name: 'good' }, spec: GOOD[plural] };
      const created = await cluster.adminRequest('POST', `${scope}?fieldValidation=Strict`, object);
      assert.equal(created.status, 201, JSON.stringify(created.body));
      assert.match(await kubectl(cluster.kubeconfig, ['get', plural]), /NAME.*AGE\ngood /);
    });

    for (const [message, spec] of REFUSED[plural] ?? []) {
      test(`${plural}: ${message}`, async () => {
        const object = { apiVersion: 'sluice.dev/v1alpha1', kind: kindOf(plural), metadata: { name: 'bad' }, spec };
        const { status, body } = await cluster.adminRequest('POST', `${API}/${plural}`, object);
        assert.equal(status, 422);
        assert.ok((body as { message: string }).message.includes(message), JSON.stringify(body));
      });
    }

    test(`${plural}: each rule has a case`, () => {
      const cases = (REFUSED[plural] ?? []).map(([message]) => message);
      assert.deepEqual([...new Set(cases)].toSorted(), messagesOf(plural));
    });
  }
});

function kindOf(plural: string): string {
  return (
    { backends: 'Backend', gatewayparameters: 'GatewayParameters', listenerpolicies: 'ListenerPolicy' }[plural] ?? ''
  );
}
