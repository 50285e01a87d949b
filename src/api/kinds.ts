// The kinds that Sluice knows, in the order in which they depend on each other. A kind that is not listed here is none of
// Sluice's business: providers skip it.
import { backendResource } from './generated/backend-schema.ts';
import { backendTLSPolicyResource } from './generated/backend-tls-policy-schema.ts';
import { gatewayClassResource } from './generated/gateway-class-schema.ts';
import { gatewayParametersResource } from './generated/gateway-parameters-schema.ts';
import { gatewayResource } from './generated/gateway-schema.ts';
import { grpcRouteResource } from './generated/grpc-route-schema.ts';
import { httpRouteResource } from './generated/http-route-schema.ts';
import { listenerPolicyResource } from './generated/listener-policy-schema.ts';
import { listenerSetResource } from './generated/listener-set-schema.ts';
import { referenceGrantResource } from './generated/reference-grant-schema.ts';
import { tcpRouteResource } from './generated/tcp-route-schema.ts';
import { tlsRouteResource } from './generated/tls-route-schema.ts';
import { udpRouteResource } from './generated/udp-route-schema.ts';
import type { CustomResource, ResourceKind } from './schema.ts';

export const GATEWAY_GROUP = 'gateway.networking.k8s.io';
export const SLUICE_GROUP = 'sluice.dev';

/** Kinds of Kubernetes itself; Sluice only reads them. */
export const CORE_KINDS: readonly ResourceKind[] = [
  { group: '', versions: ['v1'], kind: 'Namespace', plural: 'namespaces', namespaced: false },
  { group: '', versions: ['v1'], kind: 'Secret', plural: 'secrets', namespaced: true },
  { group: '', versions: ['v1'], kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
  { group: '', versions: ['v1'], kind: 'Service', plural: 'services', namespaced: true },
  {
    group: 'discovery.k8s.io',
    versions: ['v1'],
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
  },
  {
    group: 'certificates.k8s.io',
    versions: ['v1', 'v1beta1', 'v1alpha1'],
    kind: 'ClusterTrustBundle',
    plural: 'clustertrustbundles',
    namespaced: false,
  },
];

/** Kinds that a CRD defines. */
export const CUSTOM_RESOURCES: readonly CustomResource[] = [
  gatewayClassResource,
  gatewayResource,
  listenerSetResource,
  httpRouteResource,
  grpcRouteResource,
  tlsRouteResource,
  tcpRouteResource,
  udpRouteResource,
  referenceGrantResource,
  backendTLSPolicyResource,
  backendResource,
  listenerPolicyResource,
  gatewayParametersResource,
];

export const KINDS: readonly ResourceKind[] = [...CORE_KINDS, ...CUSTOM_RESOURCES];
