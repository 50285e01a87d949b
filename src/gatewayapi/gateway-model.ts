// What a Gateway of ours and its listeners mean, before the IR is made of them: the values that the stages of the translator hand on.
import type { GatewayParametersService } from '../api/generated/gateway-parameters.ts';
import type { GatewaySpecAddress, GatewayStatusAddress } from '../api/generated/gateway.ts';
import type { RouteGroupKind, RouteNamespaces } from '../api/generated/shared.ts';
import type { ClientValidation, Listener, Traffic } from '../ir/listener.ts';
import type { Binding } from './binding.ts';
import { terminatesTls } from './listener-protocol.ts';
import type { Problem } from './object-status.ts';
import type { Aged } from './seniority.ts';

/** How a Gateway is to get addresses and sockets. */
export type GatewaySetup =
  | { readonly rejection: Problem; readonly binding?: never; readonly service?: never }
  | {
      readonly rejection?: never;
      readonly binding: Binding;
      /** What its Service is like, with binding `service`. */
      readonly service: GatewayParametersService;
    };

/** By `namespace/name` of Gateways: the addresses of a pool that they have, in canonical form. */
export type AddressPlan = Readonly<Record<string, readonly string[]>>;

export interface GatewayAddresses {
  /** One for each entry of spec.addresses that can be had, or all that the binding has. */
  readonly addresses: readonly GatewayStatusAddress[];
  /** Where its sockets listen: IP literals. */
  readonly bindAddresses: readonly string[];
  /** An address type that makes the whole Gateway unacceptable. */
  readonly rejection: Problem | undefined;
  /** Why addresses that the spec asks for can't be had. */
  readonly problem: Problem | undefined;
}

/** One Gateway by itself, as far as its own spec and what it refers to tell. */
export interface GatewayModel extends Aged {
  /** Why Accepted is False for the Gateway as a whole. */
  readonly rejection: Problem | undefined;
  /** Why the addresses that the spec asks for can't be had. */
  readonly addressProblem: Problem | undefined;
  /** What status.addresses reports. */
  readonly addresses: readonly GatewayStatusAddress[];
  /** Undefined where it is rejected. */
  readonly binding: Binding | undefined;
  /** Where its sockets listen. */
  readonly bindAddresses: readonly string[];
  /** Why a reference of the Gateway itself, not of a listener, does not resolve. */
  readonly referenceProblem: Problem | undefined;
  /** `namespace/name` of the Secret whose certificate backends are shown. */
  readonly clientCertificate: string | undefined;
  /** Of its own spec. */
  readonly listeners: readonly ListenerModel[];
  /** Those that it allows, in order of precedence. */
  readonly listenerSets: readonly ListenerSetModel[];
}

/** A ListenerSet of a Gateway of ours. */
export interface ListenerSetModel extends Aged {
  /** `namespace/name` */
  readonly gateway: string;
  /** That the Gateway does not allow it: then it has no listeners. */
  readonly rejection: Problem | undefined;
  readonly listeners: readonly ListenerModel[];
}

export interface ListenerModel {
  /** listenerName() */
  readonly name: string;
  /** `namespace/name` of the ListenerSet; undefined where it is of the Gateway's own spec. */
  readonly listenerSet: string | undefined;
  readonly section: string;
  readonly port: number;
  readonly protocol: string;
  readonly traffic: Traffic;
  /** `*` where the spec has none. */
  readonly hostname: string;
  readonly supportedKinds: readonly RouteGroupKind[];
  readonly namespaces: RouteNamespaces;
  /** Why Accepted is False. */
  readonly rejection: Problem | undefined;
  /** Why Conflicted is True. */
  readonly conflict: Problem | undefined;
  /** Why ResolvedRefs is False. */
  readonly referenceProblem: Problem | undefined;
  /** In order of certificateRefs; only those that can be used. */
  readonly certificates: readonly ListenerCertificate[];
  /** Undefined where clients are asked for no certificate, or none of the CAs to check it against can be had. */
  readonly clientValidation: ClientValidation | undefined;
  /** That none of these CAs can be had: Accepted is False, and the listener keeps its port and hostname. */
  readonly caProblem: Problem | undefined;
}

export interface ListenerCertificate {
  /** `namespace/name` of the Secret. */
  readonly secret: string;
  /** The DNS names that the certificate is for, lower case. */
  readonly dnsNames: readonly string[];
}

/** What is to exist in the cluster for a Gateway. */
export interface GatewayPlan {
  readonly binding: Binding['kind'];
  /** spec.addresses */
  readonly addresses: readonly GatewaySpecAddress[];
  /** What clients dial, each once, in order of numbers. */
  readonly ports: readonly PlannedPort[];
  readonly service: GatewayParametersService;
  /** spec.infrastructure: for every object that is made for the Gateway. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PlannedPort {
  /** `80`, `53/udp` */
  readonly name: string;
  readonly port: number;
  readonly transport: 'TCP' | 'UDP';
}

/** What all Gateways together make of the ports of their addresses. */
export interface PortPlan {
  /** By key. */
  readonly listeners: Readonly<Record<string, Listener>>;
  /** By the listener's name; for every listener that wants a port, that is, whose spec is accepted and free of conflicts. */
  readonly verdicts: Readonly<Record<string, PortVerdict>>;
}

/** What a ListenerPolicy decides about, each by itself. */
export type PolicyPart = 'socket' | 'tls' | 'grpcWeb';

export interface PortVerdict {
  /** portNameOfKey() of those that it listens on; none as long as its Gateway's Service has no port for it. */
  readonly sockets: readonly string[];
  /** Why the listener does not get the port. */
  readonly refusal: Problem | undefined;
  /** `namespace/name` of the ListenerPolicies that decide for it, by what they decide. */
  readonly policies: Readonly<Record<PolicyPart, string | undefined>>;
  /** That its TLS configuration overlaps with that of another listener on the port. */
  readonly overlap: Problem | undefined;
}

/** What a route sees of a Gateway or ListenerSet. */
export interface RouteParent {
  readonly kind: 'Gateway' | 'ListenerSet';
  /** `namespace/name` */
  readonly key: string;
  /** `namespace/name` of the Gateway that it is, or belongs to. */
  readonly gateway: string;
  /** Why it takes no routes at all. */
  readonly problem: Problem | undefined;
  readonly listeners: readonly RouteListener[];
}

/** What a route sees of a listener. */
export interface RouteListener {
  readonly name: string;
  readonly section: string;
  readonly port: number;
  readonly hostname: string;
  readonly supportedKinds: readonly RouteGroupKind[];
  readonly namespaces: RouteNamespaces;
  /** Whether the IR has a virtual host for it. Routes attach and are counted whether or not it has. */
  readonly isServed: boolean;
}

/** In order of precedence. */
export function allListeners({ listeners, listenerSets }: GatewayModel): readonly ListenerModel[] {
  return [...listeners, ...listenerSets.flatMap((listenerSet) => listenerSet.listeners)];
}

/** Whether the listener by itself has all that it takes to serve. */
export function canServe(listener: ListenerModel): boolean {
  const { rejection, conflict, caProblem, protocol, traffic, supportedKinds, certificates } = listener;
  const isSound = rejection === undefined && conflict === undefined && caProblem === undefined;
  return isSound && supportedKinds.length > 0 && (!terminatesTls(protocol, traffic) || certificates.length > 0);
}
