// The translator: resources in, the IR and the statuses out. A pure function but for the memo, which only makes it fast:
// with an empty one the result is the same.
import type { Gateway } from '../api/generated/gateway.ts';
import type { Certificate } from '../ir/certificate.ts';
import { createIr, type Ir, type Resource } from '../ir/ir.ts';
import { secretOfCertificate } from './certificate-model.ts';
import type { GatewayService } from './binding.ts';
import type { Facts, ObjectFacts, Settings } from './facts.ts';
import type { GatewayPlan } from './gateway-model.ts';
import { Memo } from './memo.ts';
import { targetKey } from './object-key.ts';
import type { ObjectStatus } from './object-status.ts';
import type { Resources } from './resources.ts';
import { ROUTE_KINDS, type RouteTranslation } from './route-model.ts';

export interface TranslateOptions extends Settings {
  /** By portNameOfKey(): why the data plane could not bind it. Such listeners stay in the IR, so that it is tried again. */
  readonly unavailablePorts: ReadonlyMap<string, string>;
  /** By `namespace/name` of the Gateway; for those with binding `service`. */
  readonly gatewayServices?: ReadonlyMap<string, GatewayService>;
  /** By `namespace/name` of the Secret: what is in force while the Secret is bad. */
  readonly lastGoodCertificates?: ReadonlyMap<string, Certificate>;
}

export interface Translation {
  readonly ir: Ir;
  /** By `kind/namespace/name`, cluster-scoped ones by `kind/name`. An object that is not here gets no status from Sluice. */
  readonly statuses: ReadonlyMap<string, ObjectStatus>;
  /** By `namespace/name` of the Gateway; for those that are ours and acceptable. */
  readonly plans: ReadonlyMap<string, GatewayPlan>;
}

export function createMemo(): Memo {
  return new Memo();
}

export function translate(resources: Resources, memo: Memo, options: TranslateOptions): Translation {
  const sums = new RouteSums(resources);
  const facts = collectFacts(resources, memo, options, sums);
  return memo.runRound(resources, facts, () => new TranslationBuilder(resources, facts, sums).build());
}

class TranslationBuilder {
  readonly #resources: Resources;
  readonly #facts: Facts;
  readonly #sums: RouteSums;
  readonly #ir: Resource[] = [];
  readonly #statuses = new Map<string, ObjectStatus>();
  readonly #plans = new Map<string, GatewayPlan>();

  constructor(resources: Resources, facts: Facts, sums: RouteSums) {
    this.#resources = resources;
    this.#facts = facts;
    this.#sums = sums;
  }

  /** Only what matters gets into the IR: served listeners, routes that reach one, and what these refer to. */
  build(): Translation {
    this.#addListeners();
    this.#addRoutes();
    const facts = this.#facts;
    this.#addStatuses('GatewayClass', (key) => facts.gatewayClassStatus.get(key));
    // After the routes, which a Gateway counts and a policy's targets are reached by.
    this.#addStatuses('Gateway', (key) => facts.gatewayStatus.get(key));
    this.#addStatuses('BackendTLSPolicy', (key) => facts.backendTLSPolicyStatus.get(key));
    this.#addStatuses('ListenerPolicy', (key) => facts.listenerPolicyStatus.get(key));
    this.#addStatuses('Backend', (key) => facts.backendStatus.get(key));
    this.#addStatuses('ListenerSet', (key) => facts.listenerSetStatus.get(key));
    this.#addPlans();
    return { ir: createIr(this.#ir), statuses: this.#statuses, plans: this.#plans };
  }

  #addListeners(): void {
    const listeners = Object.values(this.#facts.portPlan.get('').listeners);
    this.#ir.push(...listeners);
    const hosts = listeners.flatMap(({ virtualHosts }) => virtualHosts);
    const certificates = hosts.flatMap(({ certificates: shown, backendClientCertificate: client }) =>
      client === undefined ? shown : [...shown, client],
    );
    for (const key of new Set(certificates)) {
      const { usable } = this.#facts.serverCertificate.get(secretOfCertificate(key));
      if (usable !== undefined) this.#ir.push(usable.certificate);
    }
  }

  #addRoutes(): void {
    const clusters = new Set<string>();
    for (const kind of ROUTE_KINDS) {
      for (const name of this.#resources.byKey(kind).keys()) {
        const key = targetKey(kind, undefined, name);
        const translated = this.#facts.routeTranslation.get(key);
        this.#sums.add(translated);
        const { resource, status } = translated;
        if (resource !== undefined) this.#ir.push(resource);
        if (status !== undefined) this.#statuses.set(key, status);
        for (const cluster of translated.clusters) clusters.add(cluster);
      }
    }
    for (const key of clusters) this.#ir.push(this.#facts.cluster.get(key));
  }

  #addPlans(): void {
    for (const key of this.#resources.byKey('Gateway').keys()) {
      const plan = this.#facts.gatewayPlan.get(key);
      if (plan !== undefined) this.#plans.set(key, plan);
    }
  }

  #addStatuses(kind: string, statusOf: (key: string) => ObjectStatus | undefined): void {
    for (const key of this.#resources.byKey(kind).keys()) {
      const status = statusOf(key);
      if (status !== undefined) this.#statuses.set(targetKey(kind, undefined, key), status);
    }
  }
}

/** What only all routes together tell. */
class RouteSums {
  readonly #policiesOfTarget: ReadonlyMap<string, unknown>;
  readonly attachedRoutes = new Map<string, number>();
  readonly #gatewaysOfTarget = new Map<string, Set<string>>();

  constructor({ policiesOfTarget }: Resources) {
    this.#policiesOfTarget = policiesOfTarget;
  }

  add({ attachedTo, gateways, targets }: RouteTranslation): void {
    for (const listener of attachedTo) this.attachedRoutes.set(listener, (this.attachedRoutes.get(listener) ?? 0) + 1);
    for (const target of targets) {
      if (!this.#policiesOfTarget.has(target)) continue;
      const users = this.#gatewaysOfTarget.get(target) ?? new Set();
      this.#gatewaysOfTarget.set(target, users.union(new Set(gateways)));
    }
  }

  gatewaysOfTarget(target: string): string | undefined {
    const gateways = this.#gatewaysOfTarget.get(target);
    return gateways && [...gateways].sort().join(' ');
  }
}

function collectFacts(resources: Resources, memo: Memo, options: TranslateOptions, sums: RouteSums): Facts {
  const settings = memo.keepSettings(options);
  return {
    ...objectFacts(resources),
    ...memo.tables,
    gateways: { get: () => resources.list('Gateway') as readonly Gateway[] },
    slicesOfService: resources.slicesOfService,
    grantsInNamespace: resources.grantsInNamespace,
    policiesOfTarget: resources.policiesOfTarget,
    policiesOfGateway: resources.policiesOfGateway,
    listenerSetsOfGateway: resources.listenerSetsOfGateway,
    settings: { get: () => settings },
    unavailablePort: options.unavailablePorts,
    gatewayService: { get: (gateway) => options.gatewayServices?.get(gateway) },
    lastGoodCertificate: { get: (secret) => options.lastGoodCertificates?.get(secret) },
    attachedRoutes: sums.attachedRoutes,
    gatewaysOfTarget: { get: (target) => sums.gatewaysOfTarget(target) },
  };
}

/** The provider validated each object against the schema of its kind: here it gets the kind's type. */
function objectFacts(resources: Resources): ObjectFacts {
  const of = <K extends keyof ObjectFacts>(kind: K): ObjectFacts[K] => resources.byKey(kind) as ObjectFacts[K];
  return {
    Backend: of('Backend'),
    BackendTLSPolicy: of('BackendTLSPolicy'),
    ClusterTrustBundle: of('ClusterTrustBundle'),
    ConfigMap: of('ConfigMap'),
    GRPCRoute: of('GRPCRoute'),
    Gateway: of('Gateway'),
    GatewayClass: of('GatewayClass'),
    GatewayParameters: of('GatewayParameters'),
    HTTPRoute: of('HTTPRoute'),
    ListenerPolicy: of('ListenerPolicy'),
    ListenerSet: of('ListenerSet'),
    Namespace: of('Namespace'),
    Secret: of('Secret'),
    Service: of('Service'),
    TCPRoute: of('TCPRoute'),
    TLSRoute: of('TLSRoute'),
    UDPRoute: of('UDPRoute'),
  };
}
