// Everything that a computation of the translator may ask, by name: the provider's objects, what was computed from them, and the
// options of the caller. A computation that reads through a FactReader is recomputed when an answer changes, and only then.
import type { ConfigMap, EndpointSlice, Namespace, Secret, Service } from '../api/core.ts';
import type { Backend } from '../api/generated/backend.ts';
import type { BackendTLSPolicy } from '../api/generated/backend-tls-policy.ts';
import type { GatewayClass } from '../api/generated/gateway-class.ts';
import type { Gateway } from '../api/generated/gateway.ts';
import type { GRPCRoute } from '../api/generated/grpc-route.ts';
import type { HTTPRoute } from '../api/generated/http-route.ts';
import type { ListenerSet } from '../api/generated/listener-set.ts';
import type { ReferenceGrant } from '../api/generated/reference-grant.ts';
import type { TCPRoute } from '../api/generated/tcp-route.ts';
import type { TLSRoute } from '../api/generated/tls-route.ts';
import type { UDPRoute } from '../api/generated/udp-route.ts';
import type { Cluster } from '../ir/cluster.ts';
import type { CaCertificates, ServerCertificate } from './certificate-model.ts';
import type { GatewayModel, PortPlan, RouteListener } from './gateway-model.ts';
import type { Reader, Source } from './memo-table.ts';
import type { ObjectStatus } from './object-status.ts';
import type { BackendTarget, RouteAttachments, RouteRules, RouteTranslation } from './route-model.ts';

/** What the caller of translate() decides. */
export interface Settings {
  /** spec.controllerName of the GatewayClasses that are ours. */
  readonly controllerName: string;
  readonly binding: Binding;
}

/** How listeners get sockets. `host`: on all addresses of the machine, at the listener's port plus an offset. */
export interface Binding {
  readonly kind: 'host';
  /** An IP literal; `::` for all addresses. */
  readonly bindAddress: string;
  readonly portOffset: number;
  /** Where clients reach the host: what status.addresses reports, and what spec.addresses may ask for. */
  readonly addresses: readonly HostAddress[];
}

export interface HostAddress {
  readonly type: 'IPAddress' | 'Hostname';
  readonly value: string;
}

/** Objects by `namespace/name`, cluster-scoped ones by name. */
export interface ObjectFacts {
  readonly Backend: Source<Backend | undefined>;
  readonly BackendTLSPolicy: Source<BackendTLSPolicy | undefined>;
  readonly ConfigMap: Source<ConfigMap | undefined>;
  readonly GRPCRoute: Source<GRPCRoute | undefined>;
  readonly Gateway: Source<Gateway | undefined>;
  readonly GatewayClass: Source<GatewayClass | undefined>;
  readonly HTTPRoute: Source<HTTPRoute | undefined>;
  readonly ListenerSet: Source<ListenerSet | undefined>;
  readonly Namespace: Source<Namespace | undefined>;
  readonly Secret: Source<Secret | undefined>;
  readonly Service: Source<Service | undefined>;
  readonly TCPRoute: Source<TCPRoute | undefined>;
  readonly TLSRoute: Source<TLSRoute | undefined>;
  readonly UDPRoute: Source<UDPRoute | undefined>;
}

/** What the provider has beyond single objects. */
export interface IndexFacts {
  /** All Gateways, ours or not; asked with the key ''. */
  readonly gateways: Source<readonly Gateway[]>;
  /** By `namespace/name` of the Service. */
  readonly slicesOfService: Source<readonly EndpointSlice[] | undefined>;
  /** By namespace. */
  readonly grantsInNamespace: Source<readonly ReferenceGrant[] | undefined>;
  /** By `kind/namespace/name` of the target. */
  readonly policiesOfTarget: Source<readonly BackendTLSPolicy[] | undefined>;
}

/** What is computed, in the order in which it builds up. */
export interface ComputedFacts {
  /** By `namespace/name` of the Secret. */
  readonly serverCertificate: Source<ServerCertificate>;
  /** By `kind/namespace/name` of the ConfigMap or Secret. */
  readonly caCertificates: Source<CaCertificates>;
  readonly gatewayClassStatus: Source<ObjectStatus | undefined>;
  /** By `namespace/name`; undefined where the Gateway does not exist or is not ours. */
  readonly gatewayModel: Source<GatewayModel | undefined>;
  /** Asked with the key ''. */
  readonly portPlan: Source<PortPlan>;
  /** By `namespace/name` of the Gateway; undefined where it does not exist or is not ours. */
  readonly routeListeners: Source<readonly RouteListener[] | undefined>;
  /** By `kind/namespace/name[/port]`. */
  readonly backendTarget: Source<BackendTarget>;
  /** By the cluster's key. */
  readonly cluster: Source<Cluster>;
  readonly routeAttachments: Source<RouteAttachments>;
  readonly routeRules: Source<RouteRules>;
  readonly routeTranslation: Source<RouteTranslation>;
  readonly gatewayStatus: Source<ObjectStatus | undefined>;
  readonly backendStatus: Source<ObjectStatus | undefined>;
  readonly listenerSetStatus: Source<ObjectStatus | undefined>;
  /** By `kind/namespace/name` of a route of a kind that is not supported yet. */
  readonly unsupportedRouteStatus: Source<ObjectStatus | undefined>;
  readonly backendTLSPolicyStatus: Source<ObjectStatus | undefined>;
}

/** What is summed up over all routes, or comes from the caller. */
export interface GivenFacts {
  /** Asked with the key ''. */
  readonly settings: Source<Settings>;
  /** Why a port can't be bound, by port number. */
  readonly unavailablePort: Source<string | undefined>;
  /** By the listener's name. */
  readonly attachedRoutes: Source<number | undefined>;
  /** By `kind/namespace/name` of a policy's target: the Gateways that use it, `namespace/name` joined by blanks. */
  readonly gatewaysOfTarget: Source<string | undefined>;
}

export interface Facts extends ObjectFacts, IndexFacts, ComputedFacts, GivenFacts {}

export type FactReader = Reader<Facts>;
