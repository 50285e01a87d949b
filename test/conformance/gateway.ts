// The gateway under test: its rights, its GatewayClass, its process. It speaks for a ServiceAccount with the rights that `deploy/` gives it, and
// never for the administrator.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ChildProgram } from './child-program.ts';
import type { Cluster } from './cluster.ts';
import { splitManifests } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { gatewayCommand } from './options.ts';
import { readManifests, ROOT } from './rig.ts';
import { GATEWAY_CLASS } from './suite.ts';

const RIGHTS = new Set(['Namespace', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding']);
const ACCEPTED_BOUND_MS = 60_000;
const DEFAULT_NAMESPACE = 'sluice-system';
const GATEWAY_CLASS_MANIFEST = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata:
  name: ${GATEWAY_CLASS}
spec:
  controllerName: sluice.dev/gateway-controller
`;
/** Where the manifests of the repository are not there yet. */
const ALL_RIGHTS = `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: sluice
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: sluice
subjects:
  - kind: ServiceAccount
    name: sluice
    namespace: ${DEFAULT_NAMESPACE}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: cluster-admin
`;

interface GatewayClassStatus {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Whether the folder has manifests at all. */
export function hasManifests(deploy: string): boolean {
  return existsSync(resolve(ROOT, deploy));
}

export interface InstalledGateway {
  /** A path. */
  readonly kubeconfig: string;
  /** As the API server names it. */
  readonly user: string;
}

/** Creates GatewayClass, ServiceAccount and its rights. */
export async function installGateway(cluster: Cluster, deploy: string): Promise<InstalledGateway> {
  const { admin } = cluster;
  const folder = resolve(ROOT, deploy);
  const installed = hasManifests(deploy);
  const namespace = namespaceOf(folder) ?? DEFAULT_NAMESPACE;
  await admin.apply(`apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n`);
  const applied: Manifest[] = [];
  for (const text of installed ? readManifests(folder) : [ALL_RIGHTS]) {
    const rights = splitManifests(text).filter(({ kind }) => RIGHTS.has(kind));
    for (const manifest of rights) applied.push(...(await admin.apply(manifest.text, namespace)));
  }
  const account = applied.find(({ kind }) => kind === 'ServiceAccount');
  if (account === undefined) throw new Error(`no ServiceAccount in ${folder}`);
  await admin.apply(GATEWAY_CLASS_MANIFEST);
  const accountNamespace = account.namespace ?? namespace;
  return {
    kubeconfig: await cluster.writeServiceAccountKubeconfig(accountNamespace, account.name),
    user: `system:serviceaccount:${accountNamespace}:${account.name}`,
  };
}

/** Returns when it has accepted the GatewayClass. */
export async function startGateway(
  cluster: Cluster,
  template: string,
  kubeconfig: string,
  folder: string,
): Promise<ChildProgram> {
  const command = gatewayCommand(template, { kubeconfig, node: process.execPath });
  const gateway = new ChildProgram(command, { log: join(folder, 'gateway.log'), workingFolder: ROOT });
  await cluster.admin.until<GatewayClassStatus>(
    `/apis/gateway.networking.k8s.io/v1/gatewayclasses/${GATEWAY_CLASS}`,
    ({ status }) => {
      gateway.assertRunning();
      return status?.conditions?.some((condition) => condition.type === 'Accepted' && condition.status === 'True');
    },
    ACCEPTED_BOUND_MS,
  );
  return gateway;
}

function namespaceOf(folder: string): string | undefined {
  const kustomization = join(folder, 'kustomization.yaml');
  if (!existsSync(kustomization)) return undefined;
  return /^namespace:\s*(\S+)/m.exec(readFileSync(kustomization, 'utf8'))?.[1];
}
