// GatewayClasses of ours: their status, and which Gateways they make ours.
import { GatewayClassCondition } from '../api/condition.ts';
import type { GatewayClass, SupportedFeature } from '../api/generated/gateway-class.ts';
import type { FactReader } from './facts.ts';
import { CLASS_ACCEPTED, invalidClassParameters, VERSION_SUPPORTED } from './gateway-class-condition.ts';
import { ConditionMaker, objectStatus, type ObjectStatus, type Problem } from './object-status.ts';

/** Ascending, as the specification wants it; only what is implemented and can be tried. */
const SUPPORTED_FEATURES: readonly SupportedFeature[] = [
  'BackendTLSPolicy',
  'BackendTLSPolicySANValidation',
  'GRPCRoute',
  'GRPCRouteNamedRouteRule',
  'GRPCRouteRequestHeaderModifier',
  'Gateway',
  'GatewayAddressEmpty',
  'GatewayBackendClientCertificate',
  'GatewayFrontendClientCertificateValidation',
  'GatewayFrontendClientCertificateValidationInsecureFallback',
  'GatewayHTTPListenerIsolation',
  'GatewayHTTPSListenerDetectMisdirectedRequests',
  'GatewayPort8080',
  'GatewayRouteHostnameIntersectionPrecedence',
  'GatewayStaticAddresses',
  'HTTPRoute',
  'HTTPRoute303RedirectStatusCode',
  'HTTPRoute307RedirectStatusCode',
  'HTTPRoute308RedirectStatusCode',
  'HTTPRouteBackendProtocolH2C',
  'HTTPRouteBackendProtocolWebSocket',
  'HTTPRouteBackendRequestHeaderModification',
  'HTTPRouteBackendTimeout',
  'HTTPRouteBackendURLRewrite',
  'HTTPRouteCORS',
  'HTTPRouteDestinationPortMatching',
  'HTTPRouteHostRewrite',
  'HTTPRouteMethodMatching',
  'HTTPRouteNamedRouteRule',
  'HTTPRouteParentRefPort',
  'HTTPRoutePathRedirect',
  'HTTPRoutePathRewrite',
  'HTTPRoutePortRedirect',
  'HTTPRouteQueryParamMatching',
  'HTTPRouteRequestMirror',
  'HTTPRouteRequestMultipleMirrors',
  'HTTPRouteRequestPercentageMirror',
  'HTTPRouteRequestTimeout',
  'HTTPRouteResponseHeaderModification',
  'HTTPRouteRetryCodes',
  'HTTPRouteRetryConnectionError',
  'HTTPRouteSchemeRedirect',
  'ReferenceGrant',
  'TCPRoute',
  'TLSRoute',
  'TLSRouteModeMixed',
  'TLSRouteModeTerminate',
  'UDPRoute',
].map((name) => ({ name }));

/** The class of that name where it is ours. */
export function findOwnClass(reader: FactReader, name: string): GatewayClass | undefined {
  const found = reader.get('GatewayClass', name);
  return found?.spec.controllerName === reader.get('settings', '').controllerName ? found : undefined;
}

/** Why a class of ours is not accepted. */
export function classProblem({ spec }: GatewayClass): Problem | undefined {
  return spec.parametersRef === undefined ? undefined : invalidClassParameters(spec.parametersRef);
}

export function createGatewayClassStatus(name: string, reader: FactReader): ObjectStatus | undefined {
  const gatewayClass = findOwnClass(reader, name);
  if (gatewayClass === undefined) return undefined;
  const conditions = new ConditionMaker(gatewayClass.metadata);
  return objectStatus(gatewayClass, {
    conditions: [
      conditions.unless(GatewayClassCondition.Accepted, classProblem(gatewayClass), CLASS_ACCEPTED),
      conditions.isTrue(GatewayClassCondition.SupportedVersion, VERSION_SUPPORTED),
    ],
    supportedFeatures: SUPPORTED_FEATURES,
  });
}
