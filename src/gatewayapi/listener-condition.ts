// Reasons and messages of the conditions of a Gateway's listener.
import { ListenerReason } from '../api/condition.ts';
import type { RouteGroupKind } from '../api/generated/shared.ts';
import { ANY_HOSTNAME } from '../lib/hostname.ts';
import { SUPPORTED_PROTOCOLS } from './listener-protocol.ts';
import type { Problem } from './object-status.ts';
import { kindName, listNames, quote } from './quote.ts';
import type { Referrer } from './reference-grant.ts';

export const LISTENER_ACCEPTED: Problem = { reason: ListenerReason.Accepted, message: 'The listener is valid.' };

export const LISTENER_PROGRAMMED: Problem = { reason: ListenerReason.Programmed, message: 'The listener is served.' };

export const LISTENER_REFS_RESOLVED: Problem = {
  reason: ListenerReason.ResolvedRefs,
  message: 'All references are resolved.',
};

export const NO_CONFLICTS: Problem = {
  reason: ListenerReason.NoConflicts,
  message: 'No other listener of the Gateway wants the same.',
};

// Accepted

export function unsupportedProtocol(protocol: string): Problem {
  return {
    reason: ListenerReason.UnsupportedProtocol,
    message: `protocol ${quote(protocol)} is not supported; there are ${listNames(SUPPORTED_PROTOCOLS)}.`,
  };
}

export function noValidCaCertificate(field: string): Problem {
  return {
    reason: ListenerReason.NoValidCACertificate,
    message: `none of ${field} of the Gateway leads to a CA certificate; the listener is not served without one.`,
  };
}

export const FILTERS_NOT_SUPPORTED: Problem = {
  reason: ListenerReason.UnsupportedValue,
  message: 'filters are not supported yet. The listener is not served without them.',
};

export function tlsOptionNotSupported(option: string): Problem {
  return {
    reason: ListenerReason.UnsupportedValue,
    message: `tls.options has ${quote(option)}, which Sluice does not know; there are no options yet. Remove it.`,
  };
}

export function invalidNamespaceSelector(defect: string): Problem {
  return {
    reason: ListenerReason.UnsupportedValue,
    message: `allowedRoutes.namespaces.selector${defect}.`,
  };
}

// Conflicts inside one Gateway

export function protocolConflict(port: number, others: readonly string[]): Problem {
  return {
    reason: ListenerReason.ProtocolConflict,
    message: `Port ${port} can't have listeners of different protocols at once; it also has ${listNames(others)}. None is served.`,
  };
}

/** HTTPS and TLS: only the server name could tell their connections apart. */
export function trafficConflict(port: number, hostname: string, others: readonly string[]): Problem {
  return {
    reason: ListenerReason.ProtocolConflict,
    message:
      `Hostname ${quote(hostname)} on port ${port} can't be for HTTPS and TLS at once; it is also that of ` +
      `${listNames(others)}. None is served.`,
  };
}

export function hostnameConflict(port: number, hostname: string, others: readonly string[]): Problem {
  return {
    reason: ListenerReason.HostnameConflict,
    message: `Hostname ${quote(hostname)} on port ${port} is also that of ${listNames(others)}. None is served.`,
  };
}

// Conflicts of a ListenerSet with listeners that come before: its messages name none, as they may be in namespaces of others

export function protocolConflictBefore(port: number, protocol: string): Problem {
  return {
    reason: ListenerReason.ProtocolConflict,
    message: `Port ${port} has listeners of another protocol, which ${protocol} can't share it with; ${COMES_BEFORE}`,
  };
}

export function trafficConflictBefore(port: number, hostname: string): Problem {
  return {
    reason: ListenerReason.ProtocolConflict,
    message: `Hostname ${quote(hostname)} on port ${port} can't be for HTTPS and TLS at once; ${COMES_BEFORE}`,
  };
}

export function hostnameConflictBefore(port: number, hostname: string): Problem {
  return {
    reason: ListenerReason.HostnameConflict,
    message: `Hostname ${quote(hostname)} on port ${port} is that of another listener; ${COMES_BEFORE}`,
  };
}

const COMES_BEFORE =
  'the listeners of the Gateway go first, then those of older ListenerSets, then by namespace and name.';

// Ports

export function portOutOfRange(port: number, portOffset: number): Problem {
  return {
    reason: ListenerReason.PortUnavailable,
    message: `Port ${port} plus the port offset ${portOffset} is above 65535; use a lower port.`,
  };
}

export function protocolTaken(port: number, protocol: string, owner: string): Problem {
  return {
    reason: ListenerReason.PortUnavailable,
    message: `Port ${port} serves ${protocol} for Gateway ${owner}, ${PRECEDENCE}; use another port.`,
  };
}

export function portTaken(port: number, protocol: string, owner: string): Problem {
  return {
    reason: ListenerReason.PortUnavailable,
    message: `${protocol} port ${port} is that of listener ${owner}, ${PRECEDENCE}; use another port.`,
  };
}

export function hostnameTaken(port: number, hostname: string, owner: string): Problem {
  const hosts = hostname === ANY_HOSTNAME ? 'all hosts without a listener of their own' : quote(hostname);
  return {
    reason: ListenerReason.PortUnavailable,
    message: `Port ${port} serves ${hosts} for listener ${owner}, ${PRECEDENCE}; use another hostname or port.`,
  };
}

const PRECEDENCE = 'which comes first (the older Gateway, or the first by namespace and name)';

export function bindFailed(bindPort: string, why: string): Problem {
  return { reason: ListenerReason.PortUnavailable, message: `Port ${bindPort} of the host can't be bound: ${why}` };
}

// References

export function invalidRouteKinds(unknown: readonly RouteGroupKind[], offered: readonly RouteGroupKind[]): Problem {
  return {
    reason: ListenerReason.InvalidRouteKinds,
    message:
      `allowedRoutes.kinds has ${listNames(unknown.map(kindName))}, which a listener of its protocol can't serve; ` +
      `it can serve ${listNames(offered.map(({ kind }) => kind))}.`,
  };
}

export const NO_CERTIFICATE_REF: Problem = {
  reason: ListenerReason.InvalidCertificateRef,
  message: 'tls.certificateRefs names no Secret; a listener that terminates TLS needs a certificate.',
};

export function certificateKindNotSupported(field: string, kind: string): Problem {
  return {
    reason: ListenerReason.InvalidCertificateRef,
    message: `${field} refers to a ${kind}; only a Secret of type kubernetes.io/tls can be used.`,
  };
}

export function certificateNotPermitted(field: string, secret: string, { kind, namespace }: Referrer): Problem {
  return {
    reason: ListenerReason.RefNotPermitted,
    message:
      `${field} refers to Secret ${secret}, and no ReferenceGrant in that namespace allows it: ` +
      `it must grant ${kind}s in namespace ${namespace} access to Secrets.`,
  };
}

export function certificateNotUsable(field: string, secret: string, defect: string): Problem {
  return {
    reason: ListenerReason.InvalidCertificateRef,
    message: `${field} refers to Secret ${secret}, which ${defect}.`,
  };
}

// Overlaps

export function overlappingHostnames(others: readonly string[]): Problem {
  return {
    reason: ListenerReason.OverlappingHostnames,
    message: `The hostname overlaps with ${listNames(others)}: ${COALESCING}`,
  };
}

export function overlappingCertificates(others: readonly string[]): Problem {
  return {
    reason: ListenerReason.OverlappingCertificates,
    message: `The certificates are valid for hosts of those of ${listNames(others)}, too: ${COALESCING}`,
  };
}

const COALESCING =
  'a client that reuses its connection for a host of another listener is not served there (over HTTPS: 421) and has to connect again.';

// Programmed

export const LISTENER_NOT_SERVED: Problem = {
  reason: ListenerReason.Invalid,
  message: 'The listener is not served; its other conditions say why.',
};

export const LISTENER_PENDING: Problem = {
  reason: ListenerReason.Pending,
  message: 'The Service of the Gateway has no port for the listener yet.',
};

export const GATEWAY_NOT_SERVED: Problem = {
  reason: ListenerReason.Invalid,
  message: 'The Gateway is not served; its conditions say why.',
};
