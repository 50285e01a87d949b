// What a route and its backends mean: the values that the stages of the translator hand on.
import type { GRPCRoute } from '../api/generated/grpc-route.ts';
import type { HTTPRoute } from '../api/generated/http-route.ts';
import type { ParentReference } from '../api/generated/shared.ts';
import type { TCPRoute } from '../api/generated/tcp-route.ts';
import type { TLSRoute } from '../api/generated/tls-route.ts';
import type { UDPRoute } from '../api/generated/udp-route.ts';
import type { Route, RouteAttachment, StreamRoute } from '../ir/route.ts';
import type { ObjectStatus, Problem } from './object-status.ts';

/** A route of the API, of any kind. */
export type RouteObject = HTTPRoute | GRPCRoute | TLSRoute | TCPRoute | UDPRoute;
export type RouteKind = RouteObject['kind'];

export const ROUTE_KINDS: readonly RouteKind[] = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'];

/** Where a route attaches: depends on parents, listeners and namespaces, not on the route's rules. */
export interface RouteAttachments {
  /** In the order of parentRefs; only those that name a parent of ours. */
  readonly parents: readonly ParentVerdict[];
  /** Names of the listeners that take the route, served or not. */
  readonly listeners: readonly string[];
  /** What the IR gets: the served ones among them. */
  readonly attachments: readonly RouteAttachment[];
}

export interface ParentVerdict {
  readonly parentRef: ParentReference;
  /** `namespace/name` of the Gateway that the parent is, or belongs to. */
  readonly gateway: string;
  /** Why no listener of this parent takes the route. */
  readonly rejection: Problem | undefined;
}

/** What a route's rules mean: depends on what backendRefs name, not on where the route attaches. */
export interface RouteRules {
  readonly content: RouteContent;
  /** Why a rule is not valid, by rule; `undefined` for the valid ones. */
  readonly ruleProblems: readonly (Problem | undefined)[];
  /** Why ResolvedRefs is False. */
  readonly referenceProblem: Problem | undefined;
  /** Keys of all clusters that the rules name. */
  readonly clusters: readonly string[];
  /** `kind/namespace/name` of all backends that the rules name, resolved or not. */
  readonly targets: readonly string[];
}

/** What the IR gets of the rules. */
export type RouteContent = Pick<Route, 'kind' | 'protocol' | 'rules'> | Pick<StreamRoute, 'kind' | 'backends'>;

export interface RouteTranslation {
  /** Undefined where nothing would reach it. */
  readonly resource: Route | StreamRoute | undefined;
  readonly clusters: readonly string[];
  /** Undefined where no parent is ours. */
  readonly status: ObjectStatus | undefined;
  /** Names of the listeners whose attachedRoutes count the route. */
  readonly attachedTo: readonly string[];
  /** Gateways that accepted the route, and the backends that they use through it. */
  readonly gateways: readonly string[];
  readonly targets: readonly string[];
}

/** What a backendRef leads to: the key of a cluster, or why requests for it are answered with 500. */
export type BackendTarget =
  | { readonly cluster: string; readonly problem?: never }
  | { readonly cluster?: never; readonly problem: Problem };
