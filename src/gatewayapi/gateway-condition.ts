// Reasons and messages of the conditions of a Gateway.
import { GatewayReason } from '../api/condition.ts';
import type { LocalObjectReference } from '../api/generated/shared.ts';
import type { Problem } from './object-status.ts';
import { kindName, listNames, quote } from './quote.ts';

/** Of a condition that Sluice adds: whether the Gateway takes routes that name no parent (spec.defaultScope). */
export const DEFAULT_GATEWAY_CONDITION = 'DefaultGateway';

export const GATEWAY_ACCEPTED: Problem = { reason: GatewayReason.Accepted, message: 'All listeners are valid.' };

export const GATEWAY_PROGRAMMED: Problem = { reason: GatewayReason.Programmed, message: 'All listeners are served.' };

export const GATEWAY_REFS_RESOLVED: Problem = {
  reason: GatewayReason.ResolvedRefs,
  message: 'All references are resolved.',
};

export const NO_DEFAULT_GATEWAY: Problem = {
  reason: GatewayReason.Invalid,
  message:
    'spec.defaultScope is not supported yet: routes with useDefaultGateways attach only to the Gateways that their ' +
    'parentRefs name.',
};

export function classNotAccepted(className: string): Problem {
  return {
    reason: GatewayReason.InvalidParameters,
    message: `GatewayClass ${className} is not accepted; its status says why.`,
  };
}

export function invalidParameters(parametersRef: LocalObjectReference): Problem {
  return {
    reason: GatewayReason.InvalidParameters,
    message:
      `spec.infrastructure.parametersRef refers to a ${kindName(parametersRef)}, which Sluice has no use for; ` +
      'remove it. The Gateway is not served until then.',
  };
}

export function unsupportedAddressType(field: string, type: string): Problem {
  return {
    reason: GatewayReason.UnsupportedAddress,
    message: `${field}.type ${quote(type)} is not supported; use IPAddress or Hostname.`,
  };
}

/** `usable`: the addresses of that type that the Gateway can have. */
export function addressNotUsable(field: string, value: string, usable: readonly string[]): Problem {
  const offer = usable.length === 0 ? '' : `; it has ${listNames(usable)}`;
  return {
    reason: GatewayReason.AddressNotUsable,
    message: `${field}.value ${quote(value)} is not an address of this host${offer}.`,
  };
}

export function addressNotAssigned(field: string, type: string): Problem {
  return {
    reason: GatewayReason.AddressNotAssigned,
    message: `${field} asks for an address of type ${type}, of which this host has none left.`,
  };
}

export function routabilityNotSupported(field: string, routability: string): Problem {
  return {
    reason: GatewayReason.AddressNotAssigned,
    message: `${field}.routability ${quote(routability)} is not supported; leave it out.`,
  };
}

export const NO_ADDRESS: Problem = {
  reason: GatewayReason.AddressNotAssigned,
  message: 'The addresses of this host are not known.',
};

export function someListenersNotValid(invalid: readonly string[]): Problem {
  return {
    reason: GatewayReason.ListenersNotValid,
    message: `These listeners are not accepted, their status says why: ${listNames(invalid)}. The others are.`,
  };
}

export function noListenerValid(invalid: readonly string[]): Problem {
  return {
    reason: GatewayReason.ListenersNotValid,
    message: `No listener is accepted, their status says why: ${listNames(invalid)}.`,
  };
}

export const GATEWAY_NOT_ACCEPTED: Problem = {
  reason: GatewayReason.Invalid,
  message: 'The Gateway is not accepted; condition Accepted says why.',
};

export function noListenerServed(listeners: readonly string[]): Problem {
  return {
    reason: GatewayReason.Invalid,
    message: `No listener is served, their status says why: ${listNames(listeners)}.`,
  };
}

export function someListenersServed(notServed: readonly string[]): Problem {
  return {
    reason: GatewayReason.Programmed,
    message: `All listeners are served but ${listNames(notServed)}; their status says why.`,
  };
}

export function listenersNotResolved(listeners: readonly string[]): Problem {
  return {
    reason: GatewayReason.ListenersNotResolved,
    message: `References of these listeners do not resolve, their status says which: ${listNames(listeners)}.`,
  };
}

export const INSECURE_FALLBACK: Problem = {
  reason: GatewayReason.ConfigurationChanged,
  message:
    'spec.tls.frontend has the mode AllowInsecureFallback: clients without a valid certificate are let in, and it is up to the ' +
    'backends to turn them away.',
};
