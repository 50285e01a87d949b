// The kinds of Kubernetes itself that a gateway reads, with the fields that it reads. Objects carry other fields too;
// they are allowed and ignored.
import type { NamespacedObjectMeta, ObjectMeta } from './object.ts';

export interface Namespace {
  readonly apiVersion: 'v1';
  readonly kind: 'Namespace';
  readonly metadata: ObjectMeta;
}

export type TransportProtocol = 'TCP' | 'UDP' | 'SCTP';

export interface Service {
  readonly apiVersion: 'v1';
  readonly kind: 'Service';
  readonly metadata: NamespacedObjectMeta;
  readonly spec: ServiceSpec;
}

export interface ServiceSpec {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** An address, or None for a headless Service. Absent in a manifest that no API server has seen. */
  readonly clusterIP?: string;
  readonly externalName?: string;
  /** Absent only when type is ExternalName. */
  readonly ports?: readonly ServicePort[];
}

export interface ServicePort {
  /** May be absent when the Service has one port. */
  readonly name?: string;
  readonly port: number;
  /** The port number, or the name of a port of the pods. */
  readonly targetPort: number | string;
  readonly protocol: TransportProtocol;
  readonly appProtocol?: string;
}

/** The label of an EndpointSlice that names its Service. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

export interface EndpointSlice {
  readonly apiVersion: 'discovery.k8s.io/v1';
  readonly kind: 'EndpointSlice';
  readonly metadata: NamespacedObjectMeta;
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints?: readonly SliceEndpoint[];
  readonly ports?: readonly EndpointPort[];
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: EndpointConditions;
  readonly hostname?: string;
  readonly zone?: string;
}

/** `ready` and `serving` count as true when absent, `terminating` as false. */
export interface EndpointConditions {
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}

export interface EndpointPort {
  /** Equals the name of the Service's port; '' when that has none. */
  readonly name: string;
  /** Absent means all ports. */
  readonly port?: number;
  readonly protocol: TransportProtocol;
  readonly appProtocol?: string;
}

export interface Secret {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: NamespacedObjectMeta;
  readonly type: string;
  /** Values are base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** Of group certificates.k8s.io, in a version of which all others are alike. */
export interface ClusterTrustBundle {
  readonly apiVersion: string;
  readonly kind: 'ClusterTrustBundle';
  readonly metadata: ObjectMeta;
  readonly spec: ClusterTrustBundleSpec;
}

export interface ClusterTrustBundleSpec {
  readonly signerName?: string;
  /** PEM certificates. */
  readonly trustBundle: string;
}

export interface ConfigMap {
  readonly apiVersion: 'v1';
  readonly kind: 'ConfigMap';
  readonly metadata: NamespacedObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
  /** Values are base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
}
