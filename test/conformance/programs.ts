// The programs of others that the rig runs, in a cache folder outside the checkout, one folder per name and version. A folder that exists is
// complete: `build.ts` fills it under another name first.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const SUITE_VERSION = 'v1.7.0';
export const KUBERNETES_VERSION = 'v1.36.3';
export const ETCD_VERSION = 'v3.6.16';

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice');

export const SUITE_FOLDER: string = join(CACHE, `conformance-${SUITE_VERSION}`);
export const KUBERNETES_FOLDER: string = join(CACHE, `kubernetes-${KUBERNETES_VERSION}`);
export const KUBECTL_FOLDER: string = join(CACHE, `kubectl-${KUBERNETES_VERSION}`);
export const ETCD_FOLDER: string = join(CACHE, `etcd-${ETCD_VERSION}`);

/** Absolute paths. They exist when `missingFolders` names none of their folders. */
export interface Programs {
  readonly suite: string;
  /** What the suite's pods run. */
  readonly echoBasic: string;
  readonly apiserver: string;
  readonly controllerManager: string;
  readonly etcd: string;
  /** Has kustomize in it. */
  readonly kubectl: string;
}

export const PROGRAMS: Programs = {
  suite: join(SUITE_FOLDER, 'conformance.test'),
  echoBasic: join(SUITE_FOLDER, 'echo-basic'),
  apiserver: join(KUBERNETES_FOLDER, 'kube-apiserver'),
  controllerManager: join(KUBERNETES_FOLDER, 'kube-controller-manager'),
  etcd: join(ETCD_FOLDER, 'etcd'),
  kubectl: join(KUBECTL_FOLDER, 'kubectl'),
};

/** The CRDs of the suite's version, experimental channel. */
export const GATEWAY_API_CRDS: string = join(SUITE_FOLDER, 'crds');

export function missingFolders(folders: readonly string[]): string[] {
  return folders.filter((folder) => !existsSync(folder));
}
