// Everything that a computation of the translator may ask, by name: the provider's objects, what was computed from them, and the
// options of the caller. A computation that reads through a FactReader is recomputed when an answer changes, and only then.
import type { Certificate } from '../ir/certificate.ts';
import type { ClusterTrustBundle, ConfigMap, EndpointSlice, Namespace, Secret, Service } from '../api/core.ts';
import type { Backend } from '../api/generated/backend.ts';
import type { BackendTLSPolicy } from '../api/generated/backend-tls-policy.ts';
import type { GatewayClass } from '../api/generated/gateway-class.ts';
import type { GatewayParameters } from '../api/generated/gateway-parameters.ts';
import type { Gateway } from '../api/generated/gateway.ts';
import type { GRPCRoute } from '../api/generated/grpc-route.ts';
import type { HTTPRoute } from '../api/generated/http-route.ts';
import type { ListenerPolicy } from '../api/generated/listener-policy.ts';
import type { ListenerSet } from '../api/generated/listener-set.ts';
import type { ReferenceGrant } from '../api/generated/reference-grant.ts';
import type { TCPRoute } from '../api/generated/tcp-route.ts';
import type { TLSRoute } from '../api/generated/tls-route.ts';
import type { UDPRoute } from '../api/generated/udp-route.ts';
import type { Cluster } from '../ir/cluster.ts';
import type { CaCertificates, ServerCertificate } from './certificate-model.ts';
import type { Binding, GatewayService } from './binding.ts';
import type {
  AddressPlan,
  GatewayAddresses,
  GatewayModel,
  GatewayPlan,
  GatewaySetup,
  ListenerSetModel,
  PortPlan,
  RouteParent,
} from './gateway-model.ts';
import type { Reader, Source } from './memo-table.ts';
import type { ObjectStatus } from './object-status.ts';
import type { BackendTarget, RouteAttachments, RouteObject, RouteRules, RouteTranslation } from './route-model.ts';

type ByName<T> = Source<string, T>;

/** What the caller of translate() decides. */
export interface Settings {
  /** spec.controllerName of the GatewayClasses that are ours. */
  readonly controllerName: string;
  /** Of Gateways whose GatewayParameters name none. */
  readonly binding: Binding;
  /** What else GatewayParameters may name; of each kind one. */
  readonly otherBindings?: readonly Binding[];
  /** The CRDs of Gateway API that the API server has; absent where there is none. */
  readonly installedCrds?: readonly InstalledCrd[];
}

/** A CRD that the API server has. */
export interface InstalledCrd {
  /** `gateways.gateway.networking.k8s.io` */
  readonly name: string;
  /** Of its annotations; absent where it has none. */
  readonly bundleVersion?: string;
  readonly channel?: string;
}

/** Objects by `namespace/name`, cluster-scoped ones by name. */
export interface ObjectFacts {
  readonly Backend: ByName<Backend | undefined>;
  readonly BackendTLSPolicy: ByName<BackendTLSPolicy | undefined>;
  readonly ClusterTrustBundle: ByName<ClusterTrustBundle | undefined>;
  readonly ConfigMap: ByName<ConfigMap | undefined>;
  readonly GRPCRoute: ByName<GRPCRoute | undefined>;
  readonly Gateway: ByName<Gateway | undefined>;
  readonly GatewayClass: ByName<GatewayClass | undefined>;
  readonly GatewayParameters: ByName<GatewayParameters | undefined>;
  readonly HTTPRoute: ByName<HTTPRoute | undefined>;
  readonly ListenerPolicy: ByName<ListenerPolicy | undefined>;
  readonly ListenerSet: ByName<ListenerSet | undefined>;
  readonly Namespace: ByName<Namespace | undefined>;
  readonly Secret: ByName<Secret | undefined>;
  readonly Service: ByName<Service | undefined>;
  readonly TCPRoute: ByName<TCPRoute | undefined>;
  readonly TLSRoute: ByName<TLSRoute | undefined>;
  readonly UDPRoute: ByName<UDPRoute | undefined>;
}

/** What the provider has beyond single objects. */
export interface IndexFacts {
  /** All Gateways, ours or not; asked with the key ''. */
  readonly gateways: ByName<readonly Gateway[]>;
  /** By `namespace/name` of the Service. */
  readonly slicesOfService: ByName<readonly EndpointSlice[] | undefined>;
  /** By namespace. */
  readonly grantsInNamespace: ByName<readonly ReferenceGrant[] | undefined>;
  /** By `kind/namespace/name` of the target. */
  readonly policiesOfTarget: ByName<readonly BackendTLSPolicy[] | undefined>;
  /** By `namespace/name` of the Gateway. */
  readonly policiesOfGateway: ByName<readonly ListenerPolicy[] | undefined>;
  /** By `namespace/name` of the Gateway. */
  readonly listenerSetsOfGateway: ByName<readonly ListenerSet[] | undefined>;
}

/** What is computed, in the order in which it builds up. */
export interface ComputedFacts {
  /** By `namespace/name` of the Secret. */
  readonly serverCertificate: ByName<ServerCertificate>;
  /** By `kind/namespace/name` of the ConfigMap or Secret. */
  readonly caCertificates: ByName<CaCertificates>;
  readonly gatewayClassStatus: ByName<ObjectStatus | undefined>;
  /** By `namespace/name`; undefined where the Gateway does not exist or is not ours. */
  readonly gatewaySetup: ByName<GatewaySetup | undefined>;
  /** Asked with the key ''. */
  readonly addressPlan: ByName<AddressPlan>;
  /** By `namespace/name`. */
  readonly gatewayAddresses: ByName<GatewayAddresses>;
  /** By `namespace/name`; undefined where it does not exist or has no Gateway of ours. */
  readonly listenerSetModel: ByName<ListenerSetModel | undefined>;
  /** By `namespace/name`; undefined where the Gateway does not exist or is not ours. */
  readonly gatewayModel: ByName<GatewayModel | undefined>;
  /** Asked with the key ''. */
  readonly portPlan: ByName<PortPlan>;
  /** By `kind/namespace/name` of the Gateway or ListenerSet; undefined where it does not exist or is not ours. */
  readonly routeParent: ByName<RouteParent | undefined>;
  /** By `traffic/kind/namespace/name[/port]`. */
  readonly backendTarget: ByName<BackendTarget>;
  /** By the cluster's key. */
  readonly cluster: ByName<Cluster>;
  /** By the route itself: what was computed goes when the object goes. */
  readonly routeAttachments: Source<RouteObject, RouteAttachments>;
  readonly routeRules: Source<RouteObject, RouteRules>;
  /** By `kind/namespace/name`. */
  readonly routeTranslation: ByName<RouteTranslation>;
  readonly gatewayStatus: ByName<ObjectStatus | undefined>;
  readonly gatewayPlan: ByName<GatewayPlan | undefined>;
  readonly backendStatus: ByName<ObjectStatus | undefined>;
  readonly listenerSetStatus: ByName<ObjectStatus | undefined>;
  readonly backendTLSPolicyStatus: ByName<ObjectStatus | undefined>;
  readonly listenerPolicyStatus: ByName<ObjectStatus | undefined>;
}

/** What is summed up over all routes, or comes from the caller. */
export interface GivenFacts {
  /** Asked with the key ''. */
  readonly settings: ByName<Settings>;
  /** Why a socket can't be bound, by portNameOfKey(). */
  readonly unavailablePort: ByName<string | undefined>;
  /** By `namespace/name` of the Gateway. */
  readonly gatewayService: ByName<GatewayService | undefined>;
  /** What a Secret, `namespace/name`, held when it was good. */
  readonly lastGoodCertificate: ByName<Certificate | undefined>;
  /** By the listener's name. */
  readonly attachedRoutes: ByName<number | undefined>;
  /** By `kind/namespace/name` of a policy's target: the Gateways that use it, `namespace/name` joined by blanks. */
  readonly gatewaysOfTarget: ByName<string | undefined>;
}

export interface Facts extends ObjectFacts, IndexFacts, ComputedFacts, GivenFacts {}

export type FactReader = Reader<Facts>;
