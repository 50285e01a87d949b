// What a Gateway of ours and its listeners mean, before the IR is made of them: the values that the stages of the translator hand on.
import type { GatewayStatusAddress } from '../api/generated/gateway.ts';
import type { RouteGroupKind, RouteNamespaces } from '../api/generated/shared.ts';
import type { ClientValidation, Listener, Traffic } from '../ir/listener.ts';
import { terminatesTls } from './listener-protocol.ts';
import type { Problem } from './object-status.ts';
import type { Aged } from './seniority.ts';

/** One Gateway by itself, as far as its own spec and what it refers to tell. */
export interface GatewayModel extends Aged {
  /** Why Accepted is False for the Gateway as a whole. */
  readonly rejection: Problem | undefined;
  /** Why the addresses that the spec asks for can't be had. */
  readonly addressProblem: Problem | undefined;
  /** What status.addresses reports. */
  readonly addresses: readonly GatewayStatusAddress[];
  /** Why a reference of the Gateway itself, not of a listener, does not resolve. */
  readonly referenceProblem: Problem | undefined;
  /** `namespace/name` of the Secret whose certificate backends are shown. */
  readonly clientCertificate: string | undefined;
  readonly listeners: readonly ListenerModel[];
}

export interface ListenerModel {
  /** `namespace/gateway/section` */
  readonly name: string;
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

/** What all Gateways together make of the ports of the host. */
export interface PortPlan {
  /** By key. */
  readonly listeners: Readonly<Record<string, Listener>>;
  /** By the listener's name; for every listener that wants a port, that is, whose spec is accepted and free of conflicts. */
  readonly verdicts: Readonly<Record<string, PortVerdict>>;
}

/** What a ListenerPolicy decides about, each by itself. */
export type PolicyPart = 'socket' | 'tls' | 'grpcWeb';

export interface PortVerdict {
  /** `53`, or `53/udp`. */
  readonly bindPort: string;
  /** Why the listener does not get the port. */
  readonly refusal: Problem | undefined;
  /** `namespace/name` of the ListenerPolicies that decide for it, by what they decide. */
  readonly policies: Readonly<Record<PolicyPart, string | undefined>>;
  /** That its TLS configuration overlaps with that of another listener on the port. */
  readonly overlap: Problem | undefined;
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

/** Whether the listener by itself has all that it takes to serve. */
export function canServe(listener: ListenerModel): boolean {
  const { rejection, conflict, caProblem, protocol, traffic, supportedKinds, certificates } = listener;
  const isSound = rejection === undefined && conflict === undefined && caProblem === undefined;
  return isSound && supportedKinds.length > 0 && (!terminatesTls(protocol, traffic) || certificates.length > 0);
}
