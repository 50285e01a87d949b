// GatewayClasses of ours: their status, and which Gateways they make ours.
import { GatewayClassCondition } from '../api/condition.ts';
import type { GatewayClass, SupportedFeature } from '../api/generated/gateway-class.ts';
import { hasExperimentalFields, unknownVersions } from './api-version.ts';
import type { FactReader, Settings } from './facts.ts';
import { CLASS_ACCEPTED, VERSION_SUPPORTED, versionNotSupported } from './gateway-class-condition.ts';
import { resolveClassParameters } from './gateway-parameters.ts';
import { ConditionMaker, objectStatus, type ObjectStatus } from './object-status.ts';

/** Ascending, as the specification wants it; only what is implemented and can be tried. */
const SUPPORTED_FEATURES: readonly SupportedFeature[] = [
  'BackendTLSPolicy',
  'BackendTLSPolicySANValidation',
  'ClusterTrustBundle',
  'GRPCRoute',
  'GRPCRouteNamedRouteRule',
  'GRPCRouteRequestHeaderModifier',
  'Gateway',
  'GatewayAddressEmpty',
  'GatewayAddressRoutability',
  'GatewayBackendClientCertificate',
  'GatewayFrontendClientCertificateValidation',
  'GatewayFrontendClientCertificateValidationInsecureFallback',
  'GatewayHTTPListenerIsolation',
  'GatewayHTTPSListenerDetectMisdirectedRequests',
  'GatewayInfrastructure',
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
  'ListenerSet',
  'ReferenceGrant',
  'TCPRoute',
  'TLSRoute',
  'TLSRouteModeMixed',
  'TLSRouteModeTerminate',
  'UDPRoute',
].map((name) => ({ name }));

/** What needs fields that only the experimental channel has. */
const EXPERIMENTAL: ReadonlySet<string> = new Set(['GatewayAddressRoutability']);
/** What needs a cluster, in which something can be made for a Gateway. */
const IN_CLUSTERS: ReadonlySet<string> = new Set(['GatewayInfrastructure']);

function supportedFeatures(installedCrds: Settings['installedCrds']): readonly SupportedFeature[] {
  const hasExperimental = hasExperimentalFields(installedCrds);
  return SUPPORTED_FEATURES.filter(
    ({ name }) =>
      (hasExperimental || !EXPERIMENTAL.has(name)) && (installedCrds !== undefined || !IN_CLUSTERS.has(name)),
  );
}

/** The class of that name where it is ours. */
export function findOwnClass(reader: FactReader, name: string): GatewayClass | undefined {
  const found = reader.get('GatewayClass', name);
  return found?.spec.controllerName === reader.get('settings', '').controllerName ? found : undefined;
}

export function createGatewayClassStatus(name: string, reader: FactReader): ObjectStatus | undefined {
  const gatewayClass = findOwnClass(reader, name);
  if (gatewayClass === undefined) return undefined;
  const { installedCrds } = reader.get('settings', '');
  const unknown = unknownVersions(installedCrds ?? []);
  const versionProblem = unknown.length === 0 ? undefined : versionNotSupported(unknown);
  const conditions = new ConditionMaker(gatewayClass.metadata);
  return objectStatus(gatewayClass, {
    conditions: [
      conditions.unless(
        GatewayClassCondition.Accepted,
        resolveClassParameters(reader, gatewayClass).problem,
        CLASS_ACCEPTED,
      ),
      conditions.unless(GatewayClassCondition.SupportedVersion, versionProblem, VERSION_SUPPORTED),
    ],
    supportedFeatures: supportedFeatures(installedCrds),
  });
}
