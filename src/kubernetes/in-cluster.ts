// The access that a pod has by its service account. The kubelet replaces token and authority now and then, so both are read again.
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { bearer, DEFAULT_NAMESPACE, fileCredentials, readSecretFile } from './cluster-access.ts';
import type { ClusterAccess } from './cluster-access.ts';
import type { Environment } from './exec-plugin.ts';

export const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface InClusterOptions {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly directory?: string;
}

/** Whether this process runs in a pod, as far as its environment says. */
export function isInCluster(environment: Environment): boolean {
  return Boolean(environment['KUBERNETES_SERVICE_HOST']) && Boolean(environment['KUBERNETES_SERVICE_PORT']);
}

/** @throws Error that says what a pod has and this process lacks. */
export async function inClusterAccess({
  environment,
  clock,
  directory = SERVICE_ACCOUNT_DIRECTORY,
}: InClusterOptions): Promise<ClusterAccess> {
  if (!isInCluster(environment)) {
    throw new Error(
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is not a pod; use --kubeconfig',
    );
  }
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const server = new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${environment['KUBERNETES_SERVICE_PORT']}`);
  const tokenFile = join(directory, 'token');
  const credentialSource = fileCredentials(async () => {
    const authorization = bearer(await readSecretFile(tokenFile));
    if (authorization === undefined) throw new Error(`${tokenFile} holds no token`);
    return { authorization, authorityPem: await readSecretFile(join(directory, 'ca.crt')) };
  }, clock);
  await credentialSource();
  const namespace = (await readFile(join(directory, 'namespace'), 'utf8').catch(() => '')).trim();
  return {
    server,
    tlsServerName: undefined,
    skipTlsVerify: false,
    namespace: namespace || DEFAULT_NAMESPACE,
    credentialSource,
    origin: `service account in ${directory}`,
  };
}
