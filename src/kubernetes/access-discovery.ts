// Which cluster is meant where nobody says so in full: the file that was named, else KUBECONFIG, else the pod's service account, else
// the file in the home directory; the order that Kubernetes controllers have.
import { delimiter, join } from 'node:path';
import type { Clock } from './clock.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { Environment } from './exec-plugin.ts';
import { inClusterAccess, isInCluster } from './in-cluster.ts';
import { loadKubeconfig } from './kubeconfig.ts';

export interface AccessOptions {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly environment: Environment;
  /** Asked only where it matters: a pod's user may have none. */
  readonly homeDirectory: () => string;
  readonly clock: Clock;
}

/** @throws KubeconfigError, or Error where a pod's service account is incomplete. */
export function discoverAccess(options: AccessOptions): Promise<ClusterAccess> {
  const { kubeconfig, context, environment, homeDirectory, clock } = options;
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const files = kubeconfig === undefined ? listed : [kubeconfig];
  if (files.length === 0 && context === undefined && isInCluster(environment)) {
    return inClusterAccess({ environment, clock });
  }
  const chosen = files.length === 0 ? [join(homeDirectory(), '.kube', 'config')] : files;
  return loadKubeconfig({ files: chosen, context, environment, clock });
}
