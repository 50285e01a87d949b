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

export function servicePortNotFound(key: string, port: number, ports: readonly number[]): Problem {
  const has = ports.length === 0 ? 'it has none' : `it has ${listNames(ports.map(String))}`;
  return { reason: RouteReason.BackendNotFound, message: `Service ${key} has no TCP port ${port}; ${has}.` };
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

export function appProtocolNotSupported(key: string, port: number, appProtocol: string): Problem {
  return {
    reason: RouteReason.UnsupportedProtocol,
    message:
      `port ${port} of Service ${key} has appProtocol ${quote(appProtocol)}, which is not supported yet; ` +
      'use http, kubernetes.io/ws or none.',
  };
}

export function policyNotSupported(target: string, policies: readonly string[]): Problem {
  return {
    reason: RouteReason.UnsupportedProtocol,
    message:
      `BackendTLSPolicy ${listNames(policies)} asks for TLS to ${target}, which is not supported yet. ` +
      'Requests are answered 500 rather than sent in plain text.',
  };
}

export function backendProtocolNotSupported(key: string, protocol: string): Problem {
  return {
    reason: RouteReason.UnsupportedProtocol,
    message: `spec.protocol ${protocol} of Backend ${key} is not supported yet; use HTTP or WS.`,
  };
}

export function noValidCaCertificate(key: string): Problem {
  return {
    reason: PolicyReason.NoValidCACertificate,
    message: `none of spec.tls.caCertificateRefs of Backend ${key} leads to a CA certificate. Requests are answered 500.`,
  };
}

export function serverNameNeeded(key: string): Problem {
  return {
    reason: RouteReason.UnsupportedValue,
    message:
      `spec.tls of Backend ${key} needs sni, since its endpoints have different names: it is what their certificates ` +
      'are verified against.',
  };
}

export function invalidCaCertificateRef(field: string, target: string, defect: string): Problem {
  return {
    reason: PolicyReason.InvalidCACertificateRef,
    message: `${field} refers to ${target}, which ${defect}.`,
  };
}

export const BACKEND_ACCEPTED: Problem = { reason: PolicyReason.Accepted, message: 'The Backend can be used.' };

export const BACKEND_REFS_RESOLVED: Problem = {
  reason: PolicyReason.ResolvedRefs,
  message: 'All references are resolved.',
};
