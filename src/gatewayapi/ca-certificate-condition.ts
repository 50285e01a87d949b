// Reasons and messages about references to CA certificates, on whatever makes them.
import { ListenerReason, PolicyReason } from '../api/condition.ts';
import type { Problem } from './object-status.ts';
import type { Referrer } from './reference-grant.ts';

/** `reason`: the one that the referring kind has for it. */
export function caKindNotSupported(reason: string, field: string, kind: string): Problem {
  return {
    reason,
    message: `${field} refers to a ${kind}; only a ConfigMap, a Secret or a ClusterTrustBundle.certificates.k8s.io can be used.`,
  };
}

export function caNotPermitted(field: string, target: string, { kind, namespace }: Referrer): Problem {
  return {
    reason: ListenerReason.RefNotPermitted,
    message:
      `${field} refers to ${target}, and no ReferenceGrant in that namespace allows it: ` +
      `it must grant ${kind}s in namespace ${namespace} access to it.`,
  };
}

/** The same reason on listeners and on policies. */
export function invalidCaCertificateRef(field: string, target: string, defect: string): Problem {
  return { reason: PolicyReason.InvalidCACertificateRef, message: `${field} refers to ${target}, which ${defect}.` };
}
