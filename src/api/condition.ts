// Condition types and reasons of Gateway API v1.7.0, and the names under which Sluice writes them. Constants only.
// Deprecated types (Scheduled, Detached) and the reserved type Ready are left out on purpose.

/** GatewayClass.spec.controllerName of the classes that Sluice implements. */
export const CONTROLLER_NAME = 'sluice.dev/gateway-controller';

/** The GatewayClass that exists by default when manifests come from files. */
export const DEFAULT_CLASS_NAME = 'sluice';

export const GatewayClassCondition = {
  Accepted: 'Accepted',
  SupportedVersion: 'SupportedVersion',
} as const;

export const GatewayClassReason = {
  Accepted: 'Accepted',
  InvalidParameters: 'InvalidParameters',
  Pending: 'Pending',
  SupportedVersion: 'SupportedVersion',
  Unsupported: 'Unsupported',
  UnsupportedVersion: 'UnsupportedVersion',
} as const;

export const GatewayCondition = {
  Accepted: 'Accepted',
  AddressesAssigned: 'AddressesAssigned',
  InsecureFrontendValidationMode: 'InsecureFrontendValidationMode',
  Programmed: 'Programmed',
  ResolvedRefs: 'ResolvedRefs',
} as const;

export const GatewayReason = {
  Accepted: 'Accepted',
  AddressNotAssigned: 'AddressNotAssigned',
  AddressNotUsable: 'AddressNotUsable',
  AddressesAssigned: 'AddressesAssigned',
  ConfigurationChanged: 'ConfigurationChanged',
  Invalid: 'Invalid',
  InvalidClientCertificateRef: 'InvalidClientCertificateRef',
  InvalidParameters: 'InvalidParameters',
  ListenersNotResolved: 'ListenersNotResolved',
  ListenersNotValid: 'ListenersNotValid',
  NoResources: 'NoResources',
  NotAssigned: 'NotAssigned',
  NotReconciled: 'NotReconciled',
  PartiallyAssigned: 'PartiallyAssigned',
  Pending: 'Pending',
  Programmed: 'Programmed',
  RefNotPermitted: 'RefNotPermitted',
  ResolvedRefs: 'ResolvedRefs',
  UnsupportedAddress: 'UnsupportedAddress',
} as const;

/** Conditions of a listener, in a Gateway and in a ListenerSet. */
export const ListenerCondition = {
  Accepted: 'Accepted',
  Conflicted: 'Conflicted',
  OverlappingTLSConfig: 'OverlappingTLSConfig',
  Programmed: 'Programmed',
  ResolvedRefs: 'ResolvedRefs',
} as const;

/** ListenerConflict and TooManyListeners occur only in a ListenerSet. */
export const ListenerReason = {
  Accepted: 'Accepted',
  HostnameConflict: 'HostnameConflict',
  Invalid: 'Invalid',
  InvalidCACertificateKind: 'InvalidCACertificateKind',
  InvalidCACertificateRef: 'InvalidCACertificateRef',
  InvalidCertificateRef: 'InvalidCertificateRef',
  InvalidRouteKinds: 'InvalidRouteKinds',
  ListenerConflict: 'ListenerConflict',
  NoConflicts: 'NoConflicts',
  NoValidCACertificate: 'NoValidCACertificate',
  OverlappingCertificates: 'OverlappingCertificates',
  OverlappingHostnames: 'OverlappingHostnames',
  Pending: 'Pending',
  PortUnavailable: 'PortUnavailable',
  Programmed: 'Programmed',
  ProtocolConflict: 'ProtocolConflict',
  RefNotPermitted: 'RefNotPermitted',
  ResolvedRefs: 'ResolvedRefs',
  TooManyListeners: 'TooManyListeners',
  UnsupportedProtocol: 'UnsupportedProtocol',
  UnsupportedValue: 'UnsupportedValue',
} as const;

export const ListenerSetCondition = {
  Accepted: 'Accepted',
  Programmed: 'Programmed',
} as const;

export const ListenerSetReason = {
  Accepted: 'Accepted',
  Invalid: 'Invalid',
  ListenersNotValid: 'ListenersNotValid',
  NotAllowed: 'NotAllowed',
  ParentNotAccepted: 'ParentNotAccepted',
  ParentNotProgrammed: 'ParentNotProgrammed',
  Pending: 'Pending',
  PortUnavailable: 'PortUnavailable',
  Programmed: 'Programmed',
} as const;

export const RouteCondition = {
  Accepted: 'Accepted',
  PartiallyInvalid: 'PartiallyInvalid',
  ResolvedRefs: 'ResolvedRefs',
} as const;

export const RouteReason = {
  Accepted: 'Accepted',
  BackendNotFound: 'BackendNotFound',
  IncompatibleFilters: 'IncompatibleFilters',
  InvalidKind: 'InvalidKind',
  NoMatchingListenerHostname: 'NoMatchingListenerHostname',
  NoMatchingParent: 'NoMatchingParent',
  NotAllowedByListeners: 'NotAllowedByListeners',
  Pending: 'Pending',
  RefNotPermitted: 'RefNotPermitted',
  ResolvedRefs: 'ResolvedRefs',
  UnsupportedProtocol: 'UnsupportedProtocol',
  UnsupportedValue: 'UnsupportedValue',
} as const;

export const PolicyCondition = {
  Accepted: 'Accepted',
  ResolvedRefs: 'ResolvedRefs',
} as const;

export const PolicyReason = {
  Accepted: 'Accepted',
  Conflicted: 'Conflicted',
  Invalid: 'Invalid',
  InvalidCACertificateRef: 'InvalidCACertificateRef',
  InvalidKind: 'InvalidKind',
  NoValidCACertificate: 'NoValidCACertificate',
  ResolvedRefs: 'ResolvedRefs',
  TargetNotFound: 'TargetNotFound',
} as const;
