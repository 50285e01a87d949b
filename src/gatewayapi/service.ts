// Services as backends: which can be used, and what a port of one is.
import type { Service, ServicePort } from '../api/core.ts';
import type { Cluster } from '../ir/cluster.ts';
import { appProtocolNotSupported, externalNameRefused, servicePortNotFound } from './backend-condition.ts';
import { objectKey } from './object-key.ts';
import type { Problem } from './object-status.ts';

const CLUSTER_PROTOCOLS: ReadonlyMap<string, Cluster['protocol']> = new Map([
  ['', 'http1'],
  ['http', 'http1'],
  ['kubernetes.io/ws', 'http1'],
]);

export function serviceProblem({ metadata, spec }: Service): Problem | undefined {
  return spec.type === 'ExternalName' ? externalNameRefused(objectKey(metadata.namespace, metadata.name)) : undefined;
}

export function findServicePort({ metadata, spec }: Service, port: number): ServicePort | Problem {
  const ports = (spec.ports ?? []).filter(({ protocol }) => protocol === 'TCP');
  const found = ports.find((candidate) => candidate.port === port);
  const key = objectKey(metadata.namespace, metadata.name);
  return (
    found ??
    servicePortNotFound(
      key,
      port,
      ports.map((candidate) => candidate.port),
    )
  );
}

export function protocolProblem({ metadata }: Service, { port, appProtocol = '' }: ServicePort): Problem | undefined {
  if (CLUSTER_PROTOCOLS.has(appProtocol)) return undefined;
  return appProtocolNotSupported(objectKey(metadata.namespace, metadata.name), port, appProtocol);
}

export function clusterProtocol({ appProtocol = '' }: ServicePort): Cluster['protocol'] {
  return CLUSTER_PROTOCOLS.get(appProtocol) ?? 'http1';
}

export function isProblem(value: ServicePort | Problem): value is Problem {
  return 'reason' in value;
}
