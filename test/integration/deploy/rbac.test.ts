// The rights that deploy/ gives, against what the audit log of a real API server says was asked for: Sluice runs with nothing but its
// ServiceAccount's token, gets all that it asks for, and asks for all that it is given.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '../../conformance/cluster.ts';
import type { Cluster } from '../../conformance/cluster.ts';
import { GATEWAY_API_CRDS } from '../../conformance/programs.ts';
import { SluiceProcess } from '../../harness/sluice-process.ts';
import { AuditLog, rightOf } from './audit-log.ts';
import type { Audit } from './audit-log.ts';
import { buildKustomization, kubectl, skipWithoutCrds } from './kubectl.ts';
import type { BuiltObject } from './kubectl.ts';

const BASE = 'deploy/kustomize/base';
const USER = 'system:serviceaccount:sluice-system:sluice';
const SCOPED_USER = 'system:serviceaccount:sluice-system:scoped';
/** What has no namespace, as docs/kubernetes.md says it. */
const CLUSTER_SCOPED = [
  'namespaces',
  'clustertrustbundles',
  'customresourcedefinitions',
  'gatewayclasses',
  'gatewayclasses/status',
];
const BOUND_MS = 60_000;
const POLL_EVERY_MS = 100;
/** Of this process alone: on loopback, where nobody else listens. */
const ADDRESSES = `127.${(process.pid >> 8) & 255 || 1}.${process.pid & 255}`;
/** What takes longer to use than a test should. */
const NOT_SHOWN_HERE: ReadonlyMap<string, string> = new Map([
  ['patch events.k8s.io/events', 'an Event that comes again is counted after a minute: test/integration/kubernetes'],
]);

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface Role extends BuiltObject {
  readonly rules: readonly Rule[];
}

/** One object of each kind that gets a status, and what they need. */
const OBJECTS = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web }
spec:
  gatewayClassName: sluice
  allowedListeners: { namespaces: { from: Same } }
  listeners:
    - { name: http, port: 8080, protocol: HTTP }
    - { name: https, port: 8443, protocol: HTTPS, tls: { certificateRefs: [{ name: certificate }] } }
    - { name: tls, port: 8444, protocol: TLS, tls: { mode: Passthrough } }
    - { name: tcp, port: 9000, protocol: TCP }
    - { name: udp, port: 9001, protocol: UDP }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: leaving }
spec:
  gatewayClassName: sluice
  listeners: [{ name: http, port: 8080, protocol: HTTP }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: { name: more }
spec:
  parentRef: { name: web }
  listeners: [{ name: http, port: 8081, protocol: HTTP }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: http }
spec:
  parentRefs: [{ name: web, sectionName: http }]
  rules:
    - backendRefs: [{ name: shop, port: 80 }, { group: sluice.dev, kind: Backend, name: shop }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: grpc }
spec:
  parentRefs: [{ name: web, sectionName: http }]
  rules: [{ backendRefs: [{ name: shop, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: { name: tls }
spec:
  parentRefs: [{ name: web, sectionName: tls }]
  hostnames: [shop.example.com]
  rules: [{ backendRefs: [{ name: shop, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: { name: tcp }
spec:
  parentRefs: [{ name: web, sectionName: tcp }]
  rules: [{ backendRefs: [{ name: shop, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: UDPRoute
metadata: { name: udp }
spec:
  parentRefs: [{ name: web, sectionName: udp }]
  rules: [{ backendRefs: [{ name: shop, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: shop }
spec:
  targetRefs: [{ group: '', kind: Service, name: shop }]
  validation:
    hostname: shop.example.com
    caCertificateRefs: [{ group: '', kind: ConfigMap, name: authority }]
---
apiVersion: sluice.dev/v1alpha1
kind: Backend
metadata: { name: shop }
spec:
  endpoints: [{ ip: { address: 127.0.0.1, port: 9 } }]
---
apiVersion: sluice.dev/v1alpha1
kind: ListenerPolicy
metadata: { name: web }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: web }]
  path: { escapedSlashes: Reject }
---
apiVersion: v1
kind: Service
metadata: { name: shop }
spec:
  ports: [{ port: 80 }]
---
apiVersion: v1
kind: Secret
metadata: { name: certificate }
type: Opaque
---
apiVersion: v1
kind: ConfigMap
metadata: { name: authority }
`;

describe('the rights of the ServiceAccount', { skip: skipWithoutCrds() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-rbac-'));
  const log = new AuditLog(folder, [USER, SCOPED_USER]);
  let cluster: Cluster;

  before(async () => {
    // Not every API server has ClusterTrustBundles: only where there are some can they be watched.
    const trustBundles = {
      'feature-gates': 'ClusterTrustBundle=true',
      'runtime-config': 'certificates.k8s.io/v1beta1/clustertrustbundles=true',
    };
    cluster = await startCluster(folder, { flags: { ...log.flags, ...trustBundles } });
    for (const kustomization of [GATEWAY_API_CRDS, 'deploy/crds']) await apply('-k', kustomization);
    await kubectl(cluster.kubeconfig, ['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
    await apply('-k', BASE);
    await apply('-f', '-');
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function apply(...source: readonly string[]): Promise<void> {
    await kubectl(cluster.kubeconfig, ['apply', '--server-side', ...source], OBJECTS);
  }

  async function start(account: string, ...options: readonly string[]): Promise<SluiceProcess> {
    const kubeconfig = await cluster.writeServiceAccountKubeconfig('sluice-system', account);
    const pool = ['--address-pool', `${ADDRESSES}.1-${ADDRESSES}.9`, '--admin', '127.0.0.1:0'];
    return new SluiceProcess(['run', '--provider', 'kubernetes', '--kubeconfig', kubeconfig, ...pool, ...options]);
  }

  /** Ends when all rights have been used, or after a while. */
  async function waitForUse(user: string, rights: readonly string[]): Promise<Audit> {
    const deadline = performance.now() + BOUND_MS;
    for (;;) {
      const audit = log.read(user);
      if (rights.every((right) => audit.used.has(right)) || performance.now() > deadline) return audit;
      await delay(POLL_EVERY_MS);
    }
  }

  test('each is used, and no other is asked for', async () => {
    const expected = (await roles())
      .flatMap(({ rules }) => rightsOf(rules))
      .filter((right) => !NOT_SHOWN_HERE.has(right))
      .toSorted();
    await using sluice = await start('sluice');
    await sluice.untilErrors(/is running/);
    await kubectl(cluster.kubeconfig, ['wait', 'gateway/leaving', '--for=condition=Programmed', '--timeout=60s']);
    // It is somebody else's now, and so its Service goes.
    const patch = JSON.stringify({ spec: { gatewayClassName: 'foreign' } });
    await kubectl(cluster.kubeconfig, ['patch', 'gateway/leaving', '--type=merge', '-p', patch]);
    // What goes wrong becomes an Event.
    await kubectl(cluster.kubeconfig, ['delete', 'service/shop']);
    const { used, refused } = await waitForUse(USER, expected);
    assert.deepEqual([...refused], []);
    assert.deepEqual([...used].filter((right) => !NOT_SHOWN_HERE.has(right)).toSorted(), expected);
  });

  test('for some namespaces, Roles in these do, and a ClusterRole for what has no namespace', async () => {
    const [clusterRole, leaseRole] = await roles();
    const rules = clusterRole?.rules.flatMap(({ resources, ...rule }) =>
      resources.map((resource): Rule => ({ ...rule, resources: [resource] })),
    );
    const isClusterScoped = ({ resources: [resource = ''] }: Rule): boolean => CLUSTER_SCOPED.includes(resource);
    const ofCluster = rules?.filter(isClusterScoped) ?? [];
    const ofNamespaces = rules?.filter((rule) => !isClusterScoped(rule)) ?? [];
    const objects = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'scoped', namespace: 'sluice-system' } },
      ...grant('ClusterRole', undefined, ofCluster),
      ...grant('Role', 'default', ofNamespaces),
      ...grant('Role', 'sluice-system', leaseRole?.rules ?? []),
    ];
    await kubectl(
      cluster.kubeconfig,
      ['create', '-f', '-'],
      JSON.stringify({ kind: 'List', apiVersion: 'v1', items: objects }),
    );
    await using sluice = await start('scoped', '--namespaces', 'default');
    await sluice.untilErrors(/is running/);
    const reading = rightsOf([...ofCluster, ...ofNamespaces]).filter((right) => /^(?:list|watch) /.test(right));
    const { used, refused } = await waitForUse(SCOPED_USER, reading);
    assert.deepEqual([...refused], []);
    assert.deepEqual(
      reading.filter((right) => !used.has(right)),
      [],
    );
  });
});

/** The ClusterRole, and the Role for the Lease. */
async function roles(): Promise<readonly Role[]> {
  const { objects } = await buildKustomization(BASE);
  return ['ClusterRole', 'Role'].map((wanted) => objects.find(({ kind }) => kind === wanted) as Role);
}

function grant(kind: 'ClusterRole' | 'Role', namespace: string | undefined, rules: readonly Rule[]): object[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const metadata = { name: 'scoped', namespace };
  const subjects = [{ kind: 'ServiceAccount', name: 'scoped', namespace: 'sluice-system' }];
  return [
    { apiVersion, kind, metadata, rules },
    { apiVersion, kind: `${kind}Binding`, metadata, roleRef: { apiGroup, kind, name: 'scoped' }, subjects },
  ];
}

function rightsOf(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => rightOf(verb, group, resource)))),
  );
}
