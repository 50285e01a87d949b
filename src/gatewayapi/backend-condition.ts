// Reasons and messages about Services and Backends: on the routes that refer to them, and in a Backend's own status.
import { PolicyReason, RouteReason } from '../api/condition.ts';
import type { Problem } from './object-status.ts';
import { listNames, quote } from './quote.ts';

export function backendNotFound(kind: string, key: string): Problem {
  return { reason: RouteReason.BackendNotFound, message: `${kind} ${key} does not exist.` };
}

export function servicePortMissing(key: string): Problem {
  return {
    reason: RouteReason.BackendNotFound,
    message: `the reference to Service ${key} needs a port.`,
  };
}

/** `wanted`: `TCP port 80`; `ports`: those of the same transport. */
export function servicePortNotFound(key: string, wanted: string, ports: readonly number[]): Problem {
  const has = ports.length === 0 ? 'it has none' : `it has ${listNames(ports.map(String))}`;
  return { reason: RouteReason.BackendNotFound, message: `Service ${key} has no ${wanted}; ${has}.` };
}

/** CVE-2021-25740: an ExternalName can lead anywhere, past any grant. */
export function externalNameRefused(key: string): Problem {
  return {
    reason: RouteReason.UnsupportedValue,
    message:
      `Service ${key} is of type ExternalName, which may lead anywhere and is refused for that; ` +
      'use a Backend of sluice.dev with an fqdn endpoint.',
  };
}

/** `saying`: what the backend says that it speaks. */
export function protocolNotUsable(saying: string, defect: string): Problem {
  return { reason: RouteReason.UnsupportedProtocol, message: `${saying}, which ${defect}.` };
}

export function datagramsNotSecured(key: string): Problem {
  return {
    reason: RouteReason.UnsupportedProtocol,
    message: `Backend ${key} wants TLS, which there is not for datagrams.`,
  };
}

export function proxyProtocolNotUsable(key: string, isForDatagrams: boolean): Problem {
  return {
    reason: RouteReason.UnsupportedProtocol,
    message:
      `Backend ${key} has spec.proxyProtocol, which tells whose a connection is: ` +
      `${isForDatagrams ? 'datagrams have none' : 'those to HTTP backends serve many clients'}; only TCPRoutes and TLSRoutes can use it.`,
  };
}

/** `problem`: of the policy. */
export function policyNotKept(policy: string, { reason, message }: Problem): Problem {
  return {
    reason,
    message: `BackendTLSPolicy ${policy}: ${message} Requests are answered 500 rather than sent in plain text.`,
  };
}

export function noValidCaCertificate(field: string): Problem {
  return { reason: PolicyReason.NoValidCACertificate, message: `none of ${field} leads to a CA certificate.` };
}

export function serverNameNeeded(key: string): Problem {
  return {
    reason: RouteReason.UnsupportedValue,
    message:
      `spec.tls of Backend ${key} needs sni, since its endpoints have different names: it is what they are asked for, and what ` +
      'their certificates are verified against where subjectAltNames does not say.',
  };
}

export const BACKEND_ACCEPTED: Problem = { reason: PolicyReason.Accepted, message: 'The Backend can be used.' };

/** Of a Backend or a policy. */
export const BACKEND_REFS_RESOLVED: Problem = {
  reason: PolicyReason.ResolvedRefs,
  message: 'All references are resolved.',
};

// BackendTLSPolicy

export function tlsOptionNotSupported(option: string): Problem {
  return {
    reason: PolicyReason.Invalid,
    message: `spec.options has ${quote(option)}, which Sluice does not know; there are no options yet. Remove it.`,
  };
}

export function wellKnownCasNotSupported(name: string): Problem {
  return {
    reason: PolicyReason.Invalid,
    message: `spec.validation.wellKnownCACertificates ${quote(name)} is not known; use System.`,
  };
}

export function policyTargetNotFound(target: string): Problem {
  return { reason: PolicyReason.TargetNotFound, message: `${target} does not exist.` };
}

export function policyConflicted(target: string, winner: string): Problem {
  return {
    reason: PolicyReason.Conflicted,
    message: `${target} is decided by ${winner}, which comes first (the older one, or the first by name).`,
  };
}

export function policyOverridden(target: string): Problem {
  return {
    reason: PolicyReason.Conflicted,
    message: `${target} has a spec.tls of its own, which decides; remove one of the two.`,
  };
}

/** GEP-1897: TLS is for TCP only. */
export function portNotTcp(target: string): Problem {
  return { reason: PolicyReason.Invalid, message: `${target} is not for TCP, to which alone the policy applies.` };
}

export function portsNotAllTcp(target: string): Problem {
  return {
    reason: PolicyReason.Invalid,
    message: `${target} has ports that are not for TCP, to which alone the policy applies.`,
  };
}

/** `exceptions`: where the policy is not in force. */
export function policyAccepted(exceptions: readonly Problem[]): Problem {
  const rest = exceptions.map(({ message }) => ` But ${message}`).join('');
  return { reason: PolicyReason.Accepted, message: `The policy is in force.${rest}` };
}
