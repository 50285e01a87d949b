// Backends (sluice.dev): endpoints that no Service describes, with their own TLS, and their status.
import { PolicyCondition } from '../api/condition.ts';
import type { Backend, BackendEndpoint } from '../api/generated/backend.ts';
import type { Cluster, Endpoint, UpstreamTls } from '../ir/cluster.ts';
import {
  BACKEND_ACCEPTED,
  BACKEND_REFS_RESOLVED,
  backendProtocolNotSupported,
  invalidCaCertificateRef,
  noValidCaCertificate,
  serverNameNeeded,
} from './backend-condition.ts';
import type { FactReader } from './facts.ts';
import { objectKey, targetKey } from './object-key.ts';
import { ConditionMaker, joinProblems, objectStatus, type ObjectStatus, type Problem } from './object-status.ts';

const CLUSTER_PROTOCOLS: Readonly<Record<Backend['spec']['protocol'], Cluster['protocol'] | undefined>> = {
  HTTP: 'http1',
  WS: 'http1',
  H2C: undefined,
};

/** Why requests for the Backend are answered with 500. */
export function backendProblem(reader: FactReader, backend: Backend): Problem | undefined {
  const { metadata, spec } = backend;
  const key = objectKey(metadata.namespace, metadata.name);
  if (CLUSTER_PROTOCOLS[spec.protocol] === undefined) return backendProtocolNotSupported(key, spec.protocol);
  if (spec.tls === undefined) return undefined;
  if (spec.tls.sni === undefined && endpointNames(backend).size > 1) return serverNameNeeded(key);
  const { caPem, problems } = resolveCaCertificates(reader, backend);
  return problems.length > 0 && caPem === undefined ? noValidCaCertificate(key) : undefined;
}

export function backendProtocol({ spec }: Backend): Cluster['protocol'] {
  return CLUSTER_PROTOCOLS[spec.protocol] ?? 'http1';
}

export function backendEndpoints({ spec }: Backend): readonly Endpoint[] {
  return spec.endpoints.flatMap(createEndpoint);
}

function createEndpoint({ ip, fqdn }: BackendEndpoint): readonly Endpoint[] {
  if (ip !== undefined) return [{ kind: 'ip', ...ip }];
  return fqdn === undefined ? [] : [{ kind: 'fqdn', ...fqdn }];
}

export function backendTls(reader: FactReader, backend: Backend): UpstreamTls | undefined {
  const { tls } = backend.spec;
  if (tls === undefined) return undefined;
  const [endpointName = ''] = endpointNames(backend);
  const { caPem } = resolveCaCertificates(reader, backend);
  return { serverName: tls.sni ?? endpointName, ...(caPem === undefined ? {} : { caPem }) };
}

/** The names that certificates of the endpoints must carry where spec.tls.sni does not say. */
function endpointNames({ spec }: Backend): ReadonlySet<string> {
  return new Set(spec.endpoints.flatMap(({ ip, fqdn }) => ip?.address ?? fqdn?.hostname ?? []));
}

interface ResolvedCaCertificates {
  /** Undefined where no reference leads to one, or none is made. */
  readonly caPem: string | undefined;
  readonly problems: readonly Problem[];
}

function resolveCaCertificates(reader: FactReader, { metadata, spec }: Backend): ResolvedCaCertificates {
  const pems: string[] = [];
  const problems: Problem[] = [];
  for (const [index, { kind, name }] of (spec.tls?.caCertificateRefs ?? []).entries()) {
    const { pem, defect } = reader.get('caCertificates', targetKey(kind, metadata.namespace, name));
    if (pem !== undefined) pems.push(pem);
    else problems.push(invalidCaCertificateRef(`spec.tls.caCertificateRefs[${index}]`, `${kind} ${name}`, defect));
  }
  return { caPem: pems.length === 0 ? undefined : pems.join(''), problems };
}

export function createBackendStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const backend = reader.get('Backend', key);
  if (backend === undefined) return undefined;
  const conditions = new ConditionMaker(backend.metadata);
  const unresolved = joinProblems(resolveCaCertificates(reader, backend).problems);
  return objectStatus(backend, {
    conditions: [
      conditions.unless(PolicyCondition.Accepted, backendProblem(reader, backend), BACKEND_ACCEPTED),
      conditions.unless(PolicyCondition.ResolvedRefs, unresolved, BACKEND_REFS_RESOLVED),
    ],
  });
}
