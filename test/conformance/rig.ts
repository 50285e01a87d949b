// A cluster with everything that acts on the objects the suite creates, but a gateway: API server, controllers, one node. It stands in
// namespaces of its own, and nothing takes it down but their end.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ChildProgram } from './child-program.ts';
import { freePorts, startCluster, toArguments } from './cluster.ts';
import { auditFlags } from './audit-log.ts';
import { AUTHORSHIP_RULE } from './authorship.ts';
import type { Cluster } from './cluster.ts';
import type { Images } from './kubelet/image.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { BRIDGE_ADDRESS } from './kubelet/pod-network.ts';
import { GATEWAY_API_CRDS, PROGRAMS } from './programs.ts';

export const ROOT: string = join(import.meta.dirname, '../..');

const OWN_CRDS = join(ROOT, 'deploy/crds');
const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'endpointslice-controller',
  'namespace-controller',
  'endpointslice-mirroring-controller',
  'garbage-collector-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  'clusterrole-aggregation-controller',
  'horizontal-pod-autoscaler-controller',
];
/** Programs of this machine in place of images; this checkout is the image `sluice`, and this Node the image `node`. */
const SYSTEM_MOUNTS = Object.fromEntries(
  ['/usr', '/bin', '/lib', '/lib64', '/proc', '/dev'].map((path) => [path, path]),
);
const NODE_FOLDER = dirname(process.execPath);
const IMAGES: Images = {
  'echo-basic': { entrypoint: ['/echo-basic'], mounts: { '/echo-basic': PROGRAMS.echoBasic } },
  sluice: {
    entrypoint: ['/nodejs/node', '/app/bin/sluice.js'],
    mounts: { ...SYSTEM_MOUNTS, '/nodejs': NODE_FOLDER, '/app': ROOT },
  },
  node: { entrypoint: ['/nodejs/node'], mounts: { ...SYSTEM_MOUNTS, '/nodejs': NODE_FOLDER } },
};

/**
 * Returns when pods can be created.
 * @param crds folders of those that are there from the start
 */
export async function startRig(
  folder: string,
  report: (line: string) => void,
  crds: readonly string[] = [GATEWAY_API_CRDS, OWN_CRDS],
): Promise<Cluster> {
  const cluster = await startCluster(join(folder, 'cluster'), {
    alsoAt: BRIDGE_ADDRESS,
    flags: auditFlags(folder, AUTHORSHIP_RULE),
  });
  report(`kube-apiserver is ready at ${cluster.server}`);
  const kubelet = new Kubelet(cluster, { images: IMAGES, folder, report });
  const manifests = crds.flatMap(readManifests);
  await Promise.all([kubelet.start(), ...manifests.map((text) => cluster.admin.apply(text))]);
  report('CRDs are established');
  // Last, for it looks again at all there is whenever a kind comes.
  const controllers = await startControllerManager(cluster);
  await cluster.admin.until('/api/v1/namespaces/default/serviceaccounts/default', () => {
    controllers.assertRunning();
    return true;
  });
  report('controllers and node are ready');
  return cluster;
}

/** All manifests of a folder, by the names of their files. What has no apiVersion is something else. */
export function readManifests(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
    .toSorted()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .filter((text) => /^apiVersion:/m.test(text));
}

async function startControllerManager(cluster: Cluster): Promise<ChildProgram> {
  const [port = 0] = await freePorts(1);
  const flags = {
    kubeconfig: cluster.writeUserKubeconfig('system:kube-controller-manager'),
    'use-service-account-credentials': 'true',
    'leader-elect': 'false',
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    // Or it looks for a CA that is not there, every few seconds.
    'authentication-skip-lookup': 'true',
    'service-account-private-key-file': cluster.credentials.tokenKey,
    'root-ca-file': cluster.credentials.authority.certificate,
    'allocate-node-cidrs': 'false',
    'kube-api-qps': '500',
    'kube-api-burst': '1000',
    // Without metrics it still keeps to the least number of replicas.
    'horizontal-pod-autoscaler-sync-period': '1s',
    'concurrent-namespace-syncs': '10',
    'concurrent-deployment-syncs': '10',
    'concurrent-service-endpoint-syncs': '10',
    controllers: CONTROLLERS.join(','),
  };
  const command = [PROGRAMS.controllerManager, ...toArguments(flags)];
  return new ChildProgram(command, { log: cluster.logOf('kube-controller-manager') });
}
