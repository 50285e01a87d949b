// References of Gateways and ListenerSets to Secrets with a certificate and its key: those that listeners serve, each of which may fail by itself, and
// the one that backends are shown.
import { GatewayReason, ListenerReason } from '../api/condition.ts';
import { GATEWAY_GROUP } from '../api/kinds.ts';
import type { Gateway, Listener } from '../api/generated/gateway.ts';
import type { ListenerSet } from '../api/generated/listener-set.ts';
import type { SecretObjectReference } from '../api/generated/shared.ts';
import type { FactReader } from './facts.ts';
import type { ListenerCertificate } from './gateway-model.ts';
import {
  certificateKindNotSupported,
  certificateNotPermitted,
  certificateNotUsable,
  NO_CERTIFICATE_REF,
} from './listener-condition.ts';
import { objectKey } from './object-key.ts';
import type { Problem } from './object-status.ts';
import { kindName } from './quote.ts';
import { isReferenceGranted } from './reference-grant.ts';

export interface ResolvedCertificates {
  readonly certificates: readonly ListenerCertificate[];
  readonly problems: readonly Problem[];
}

/** `owner`: whose spec has the listener, and whom grants must name. */
export function resolveCertificateRefs(
  reader: FactReader,
  owner: Gateway | ListenerSet,
  { tls }: Listener,
): ResolvedCertificates {
  const refs = tls?.certificateRefs ?? [];
  if (refs.length === 0) return { certificates: [], problems: [NO_CERTIFICATE_REF] };
  const certificates: ListenerCertificate[] = [];
  const problems: Problem[] = [];
  for (const [index, ref] of refs.entries()) {
    const { certificate, problem } = resolveCertificateRef(reader, owner, ref, `tls.certificateRefs[${index}]`);
    if (certificate !== undefined) certificates.push(certificate);
    if (problem !== undefined) problems.push(problem);
  }
  return { certificates, problems };
}

export interface ResolvedClientCertificate {
  /** `namespace/name` of the Secret. */
  readonly secret?: string;
  readonly problem?: Problem;
}

export function resolveClientCertificateRef(reader: FactReader, gateway: Gateway): ResolvedClientCertificate {
  const ref = gateway.spec.tls?.backend?.clientCertificateRef;
  if (ref === undefined) return {};
  const field = 'spec.tls.backend.clientCertificateRef';
  const { certificate, problem } = resolveCertificateRef(reader, gateway, ref, field);
  return {
    ...(certificate === undefined ? {} : { secret: certificate.secret }),
    ...(problem === undefined ? {} : { problem: asGatewayProblem(problem) }),
  };
}

/** A Gateway has a reason of its own for what a listener calls an invalid reference. */
function asGatewayProblem({ reason, message }: Problem): Problem {
  return {
    reason: reason === ListenerReason.InvalidCertificateRef ? GatewayReason.InvalidClientCertificateRef : reason,
    message,
  };
}

interface ResolvedCertificate {
  readonly certificate?: ListenerCertificate;
  readonly problem?: Problem;
}

function resolveCertificateRef(
  reader: FactReader,
  { kind, metadata }: Gateway | ListenerSet,
  ref: SecretObjectReference,
  field: string,
): ResolvedCertificate {
  if (ref.group !== '' || ref.kind !== 'Secret') return { problem: certificateKindNotSupported(field, kindName(ref)) };
  const from = { group: GATEWAY_GROUP, kind, namespace: metadata.namespace };
  const to = { group: '', kind: 'Secret', namespace: ref.namespace ?? metadata.namespace, name: ref.name };
  const secret = objectKey(to.namespace, to.name);
  if (!isReferenceGranted(reader, from, to)) return { problem: certificateNotPermitted(field, secret, from) };
  const { usable, defect } = reader.get('serverCertificate', secret);
  return {
    ...(usable === undefined ? {} : { certificate: { secret, dnsNames: usable.dnsNames } }),
    ...(defect === undefined ? {} : { problem: certificateNotUsable(field, secret, defect) }),
  };
}
