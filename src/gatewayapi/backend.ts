// Backends (sluice.dev): endpoints that no Service describes, and their status.
import { PolicyCondition } from '../api/condition.ts';
import type { Backend, BackendEndpoint } from '../api/generated/backend.ts';
import type { Endpoint } from '../ir/cluster.ts';
import { BACKEND_ACCEPTED, BACKEND_REFS_RESOLVED } from './backend-condition.ts';
import { readBackend } from './backend-tls.ts';
import type { FactReader } from './facts.ts';
import { ConditionMaker, joinProblems, objectStatus, type ObjectStatus } from './object-status.ts';

export function backendEndpoints({ spec }: Backend): readonly Endpoint[] {
  return spec.endpoints.flatMap(createEndpoint);
}

function createEndpoint({ ip, fqdn }: BackendEndpoint): readonly Endpoint[] {
  if (ip !== undefined) return [{ kind: 'ip', ...ip }];
  return fqdn === undefined ? [] : [{ kind: 'fqdn', ...fqdn }];
}

export function createBackendStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const backend = reader.get('Backend', key);
  if (backend === undefined) return undefined;
  const conditions = new ConditionMaker(backend.metadata);
  const { problem, unresolved } = readBackend(reader, backend);
  return objectStatus(backend, {
    conditions: [
      conditions.unless(PolicyCondition.Accepted, problem, BACKEND_ACCEPTED),
      conditions.unless(PolicyCondition.ResolvedRefs, joinProblems(unresolved), BACKEND_REFS_RESOLVED),
    ],
  });
}
