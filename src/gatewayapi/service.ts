// Services as backends: which can be used, and what a port of one is.
import type { Service, ServicePort } from '../api/core.ts';
import { externalNameRefused, servicePortNotFound } from './backend-condition.ts';
import { objectKey } from './object-key.ts';
import type { Problem } from './object-status.ts';

export function serviceProblem({ metadata, spec }: Service): Problem | undefined {
  return spec.type === 'ExternalName' ? externalNameRefused(objectKey(metadata.namespace, metadata.name)) : undefined;
}

/** TCP and UDP have ports of their own, which may have the same number. */
export function findServicePort(
  { metadata, spec }: Service,
  port: number,
  transport: 'TCP' | 'UDP',
): ServicePort | Problem {
  const ports = (spec.ports ?? []).filter(({ protocol }) => protocol === transport);
  const found = ports.find((candidate) => candidate.port === port);
  const key = objectKey(metadata.namespace, metadata.name);
  return (
    found ??
    servicePortNotFound(
      key,
      `${transport} port ${port}`,
      ports.map((candidate) => candidate.port),
    )
  );
}

export function isProblem(value: ServicePort | Problem): value is Problem {
  return 'reason' in value;
}
