// What a backendRef leads to, whoever refers to it: the key of a cluster, or why it can't be used.
import type { BackendTLSPolicy } from '../api/generated/backend-tls-policy.ts';
import { backendNotFound, policyNotSupported, servicePortMissing } from './backend-condition.ts';
import { isBackendKind } from './backend-ref.ts';
import { backendProblem } from './backend.ts';
import type { FactReader } from './facts.ts';
import { objectKey, targetKey } from './object-key.ts';
import type { Problem } from './object-status.ts';
import type { BackendTarget } from './route-model.ts';
import { findServicePort, isProblem, protocolProblem, serviceProblem } from './service.ts';

/** `key`: `Service/namespace/name/port`, `Service/namespace/name` where the reference has no port, `Backend/namespace/name`. */
export function resolveBackendTarget(key: string, reader: FactReader): BackendTarget {
  const [kind = '', namespace = '', name = '', port] = key.split('/');
  const objectName = objectKey(namespace, name);
  const problem =
    kind === 'Service'
      ? findServiceProblem(reader, objectName, port === undefined ? undefined : Number(port))
      : findBackendProblem(reader, objectName);
  return problem === undefined ? { cluster: `cluster/${key}` } : { problem };
}

function findServiceProblem(reader: FactReader, key: string, port: number | undefined): Problem | undefined {
  const service = reader.get('Service', key);
  if (service === undefined) return backendNotFound('Service', key);
  if (port === undefined) return servicePortMissing(key);
  const servicePort = serviceProblem(service) ?? findServicePort(service, port);
  if (isProblem(servicePort)) return servicePort;
  return protocolProblem(service, servicePort) ?? policyProblem(reader, 'Service', key, servicePort.name);
}

function findBackendProblem(reader: FactReader, key: string): Problem | undefined {
  const backend = reader.get('Backend', key);
  if (backend === undefined) return backendNotFound('Backend', key);
  return backendProblem(reader, backend) ?? policyProblem(reader, 'Backend', key, undefined);
}

/** A policy asks for TLS: without support for it, plain text would be sent where TLS is wanted. */
function policyProblem(
  reader: FactReader,
  kind: string,
  key: string,
  portName: string | undefined,
): Problem | undefined {
  const [namespace, name = ''] = key.split('/');
  const target = targetKey(kind, namespace, name);
  const policies = (reader.get('policiesOfTarget', target) ?? []).filter((policy) =>
    coversPort(policy, kind, name, portName),
  );
  if (policies.length === 0) return undefined;
  return policyNotSupported(
    `${kind} ${key}`,
    policies.map(({ metadata }) => objectKey(metadata.namespace, metadata.name)),
  );
}

function coversPort({ spec }: BackendTLSPolicy, kind: string, name: string, portName: string | undefined): boolean {
  return spec.targetRefs.some(
    (ref) =>
      isBackendKind(ref) &&
      ref.kind === kind &&
      ref.name === name &&
      (ref.sectionName === undefined || ref.sectionName === portName),
  );
}
