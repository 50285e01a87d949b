// Which BackendTLSPolicy decides for a port, and the TLS that it or a Backend itself asks for. What is in force but can't be kept is a
// problem of the target: nothing is sent there in plain text, and no other policy takes its place.
import { PolicyReason } from '../api/condition.ts';
import type { Backend } from '../api/generated/backend.ts';
import type { BackendTLSPolicy } from '../api/generated/backend-tls-policy.ts';
import type { SubjectAltName } from '../api/generated/shared.ts';
import { GATEWAY_GROUP, SLUICE_GROUP } from '../api/kinds.ts';
import type { SubjectAltName as UpstreamSubjectAltName, UpstreamTls } from '../ir/cluster.ts';
import {
  noValidCaCertificate,
  policyNotKept,
  serverNameNeeded,
  tlsOptionNotSupported,
  wellKnownCasNotSupported,
} from './backend-condition.ts';
import { isBackendKind } from './backend-ref.ts';
import { resolveCaCertificateRefs } from './ca-certificate-ref.ts';
import type { FactReader } from './facts.ts';
import { objectKey, targetKey } from './object-key.ts';
import type { Problem } from './object-status.ts';
import { compareSeniority, creationTimeMs } from './seniority.ts';

export interface BackendTls {
  /** Absent, and no problem: plain text is what is wanted. */
  readonly tls?: UpstreamTls;
  readonly problem?: Problem;
}

/** What an object asks for, by itself. */
export interface RequestedTls extends BackendTls {
  /** Why references to CA certificates don't resolve. */
  readonly unresolved: readonly Problem[];
}

/** `key`: `namespace/name` of the Service. A policy for the port goes before one for all. */
export function tlsOfServicePort(reader: FactReader, key: string, port: string | undefined): BackendTls {
  const ofPort = port === undefined ? undefined : findPolicy(reader, 'Service', key, port);
  return tlsOfPolicy(reader, ofPort ?? findPolicy(reader, 'Service', key));
}

/** What a Backend says itself goes before policies. */
export function tlsOfBackend(reader: FactReader, backend: Backend): BackendTls {
  const { metadata, spec } = backend;
  return spec.tls === undefined
    ? tlsOfPolicy(reader, findPolicy(reader, 'Backend', objectKey(metadata.namespace, metadata.name)))
    : readBackend(reader, backend);
}

function tlsOfPolicy(reader: FactReader, policy: BackendTLSPolicy | undefined): BackendTls {
  if (policy === undefined) return {};
  const { tls, problem } = readPolicy(reader, policy);
  return problem === undefined ? { ...(tls && { tls }) } : { problem: policyNotKept(policyKey(policy), problem) };
}

/** The policy that decides for a target as a whole, or for one section of it: the oldest, then the first by name. */
export function findPolicy(
  reader: FactReader,
  kind: string,
  key: string,
  sectionName?: string,
): BackendTLSPolicy | undefined {
  const [namespace, name = ''] = key.split('/');
  const candidates = (reader.get('policiesOfTarget', targetKey(kind, namespace, name)) ?? []).filter(({ spec }) =>
    spec.targetRefs.some(
      (ref) => isBackendKind(ref) && ref.kind === kind && ref.name === name && ref.sectionName === sectionName,
    ),
  );
  const [first] = candidates
    .map((policy) => ({ policy, key: policyKey(policy), createdAtMs: creationTimeMs(policy.metadata) }))
    .sort(compareSeniority);
  return first?.policy;
}

export function policyKey({ metadata }: BackendTLSPolicy): string {
  return objectKey(metadata.namespace, metadata.name);
}

/** Whatever the targets are. */
export function readPolicy(reader: FactReader, { metadata, spec }: BackendTLSPolicy): RequestedTls {
  const { hostname, subjectAltNames, caCertificateRefs = [], wellKnownCACertificates } = spec.validation;
  const field = 'spec.validation.caCertificateRefs';
  const { caPem, problems: unresolved } = resolveCaCertificateRefs(reader, caCertificateRefs, {
    group: GATEWAY_GROUP,
    kind: 'BackendTLSPolicy',
    namespace: metadata.namespace,
    field,
    invalidKind: PolicyReason.InvalidKind,
  });
  const [option] = Object.keys(spec.options ?? {});
  if (option !== undefined) return { problem: tlsOptionNotSupported(option), unresolved };
  if (wellKnownCACertificates !== undefined && wellKnownCACertificates !== 'System')
    return { problem: wellKnownCasNotSupported(wellKnownCACertificates), unresolved };
  if (caCertificateRefs.length > 0 && caPem === undefined) return { problem: noValidCaCertificate(field), unresolved };
  return { tls: createUpstreamTls(hostname, subjectAltNames, caPem), unresolved };
}

/** Nothing where it has no spec.tls. */
export function readBackend(reader: FactReader, { metadata, spec }: Backend): RequestedTls {
  if (spec.tls === undefined) return { unresolved: [] };
  const { sni, subjectAltNames, caCertificateRefs = [] } = spec.tls;
  const field = 'spec.tls.caCertificateRefs';
  const key = objectKey(metadata.namespace, metadata.name);
  const { caPem, problems: unresolved } = resolveCaCertificateRefs(reader, caCertificateRefs, {
    group: SLUICE_GROUP,
    kind: 'Backend',
    namespace: metadata.namespace,
    field,
    invalidKind: PolicyReason.InvalidKind,
  });
  const [endpointName = '', ...others] = new Set(
    spec.endpoints.flatMap(({ ip, fqdn }) => ip?.address ?? fqdn?.hostname ?? []),
  );
  if (sni === undefined && others.length > 0) return { problem: serverNameNeeded(key), unresolved };
  if (caCertificateRefs.length > 0 && caPem === undefined)
    return { problem: noValidCaCertificate(`${field} of Backend ${key}`), unresolved };
  return { tls: createUpstreamTls(sni ?? endpointName, subjectAltNames, caPem), unresolved };
}

function createUpstreamTls(
  serverName: string,
  subjectAltNames: readonly SubjectAltName[] = [],
  caPem: string | undefined,
): UpstreamTls {
  const names = subjectAltNames.map(createSubjectAltName);
  return {
    serverName,
    ...(names.length === 0 ? {} : { subjectAltNames: names }),
    ...(caPem === undefined ? {} : { caPem }),
  };
}

function createSubjectAltName({ hostname, uri = '' }: SubjectAltName): UpstreamSubjectAltName {
  return hostname === undefined ? { type: 'uri', value: uri } : { type: 'hostname', value: hostname };
}
