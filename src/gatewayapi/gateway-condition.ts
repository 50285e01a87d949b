// Reasons and messages of the conditions of a Gateway.
import { GatewayReason } from '../api/condition.ts';
import type { Problem } from './object-status.ts';
import { listNames, quote } from './quote.ts';

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

export function invalidParameters(defect: string): Problem {
  return {
    reason: GatewayReason.InvalidParameters,
    message: `spec.infrastructure.parametersRef ${defect}. The Gateway is not served until it is mended.`,
  };
}

export function bindingNotAvailable(binding: string): Problem {
  return {
    reason: GatewayReason.InvalidParameters,
    message: `The GatewayParameters ask for binding ${binding}, which this gateway does not offer. The Gateway is not served.`,
  };
}

export function unsupportedAddressType(field: string, type: string): Problem {
  return {
    reason: GatewayReason.UnsupportedAddress,
    message: `${field}.type ${quote(type)} is not supported; use IPAddress or Hostname.`,
  };
}

/** `source`: `this host`; `usable`: the addresses of that type that the Gateway can have. */
export function addressNotUsable(field: string, value: string, source: string, usable: readonly string[]): Problem {
  const offer = usable.length === 0 ? ' that it can have' : `; it has ${listNames(usable)}`;
  return {
    reason: GatewayReason.AddressNotUsable,
    message: `${field}.value ${quote(value)} is not an address of ${source}${offer}.`,
  };
}

export function addressNotAssigned(field: string, type: string, source: string): Problem {
  return {
    reason: GatewayReason.AddressNotAssigned,
    message: `${field} asks for an address of type ${type}, of which ${source} has none left.`,
  };
}

export function routabilityNotAvailable(field: string, routability: string, source: string): Problem {
  return {
    reason: GatewayReason.AddressNotAssigned,
    message: `${field}.routability ${quote(routability)} is more than can be said of any address of ${source}.`,
  };
}

/** `source`: `the address pool` */
export function noAddress(source: string): Problem {
  return { reason: GatewayReason.AddressNotAssigned, message: `There is no address yet: ${source} has none.` };
}

export const ADDRESSES_ASSIGNED: Problem = {
  reason: GatewayReason.AddressesAssigned,
  message: 'The Gateway has all addresses that it asks for.',
};

/** `problem`: what can't be had. */
export function addressesPartiallyAssigned({ message }: Problem): Problem {
  return { reason: GatewayReason.PartiallyAssigned, message };
}

export function addressesNotAssigned({ message }: Problem): Problem {
  return { reason: GatewayReason.NotAssigned, message };
}

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
