// What translate() keeps from one call to the next: a table for each kind of computed fact, and what it takes to see which sources
// changed in between. Bounded by what the calls since the last sweep needed.
import { shareStructure } from '../lib/shared-structure.ts';
import { createAddressPlan } from './address-plan.ts';
import { createBackendStatus } from './backend.ts';
import { resolveBackendTarget } from './backend-target.ts';
import { createBackendTlsPolicyStatus } from './backend-tls-policy.ts';
import { readCaCertificates } from './ca-certificates.ts';
import { createCluster } from './cluster.ts';
import type { ComputedFacts, Facts, GivenFacts, IndexFacts, ObjectFacts, Settings } from './facts.ts';
import { createGatewayClassStatus } from './gateway-class.ts';
import { createGatewayModel } from './gateway.ts';
import { createGatewayAddresses } from './gateway-address.ts';
import { createGatewayPlan } from './gateway-plan.ts';
import { createGatewaySetup } from './gateway-setup.ts';
import { createGatewayStatus } from './gateway-status.ts';
import { createListenerPolicyStatus } from './listener-policy.ts';
import { createListenerSetModel } from './listener-set.ts';
import { createListenerSetStatus } from './listener-set-status.ts';
import { MemoTable, type Source } from './memo-table.ts';
import { createPortPlan } from './port-plan.ts';
import type { Resources } from './resources.ts';
import { translateRoute } from './route.ts';
import { createRouteAttachments } from './route-attachment.ts';
import { createRouteParent } from './route-parent.ts';
import { createRouteRules } from './route-rules.ts';
import { readServerCertificate } from './server-certificate.ts';

export type MemoTables = {
  readonly [N in keyof ComputedFacts]: ComputedFacts[N] extends Source<infer K, infer T>
    ? MemoTable<Facts, K, T>
    : never;
};

/** Every so many rounds all is looked at again, so that tables whose sources never change lose what nobody asks for any more. */
const FULL_ROUND_INTERVAL = 64;

/** Small, and compared answer by answer. */
const ALWAYS_CHANGED: readonly (keyof GivenFacts)[] = [
  'unavailablePort',
  'gatewayService',
  'lastGoodCertificate',
  'attachedRoutes',
  'gatewaysOfTarget',
];

/** The kind of the objects behind each source. */
const KIND_OF_SOURCE: Readonly<Record<keyof ObjectFacts | keyof IndexFacts, string>> = {
  Backend: 'Backend',
  BackendTLSPolicy: 'BackendTLSPolicy',
  ClusterTrustBundle: 'ClusterTrustBundle',
  ConfigMap: 'ConfigMap',
  GRPCRoute: 'GRPCRoute',
  Gateway: 'Gateway',
  GatewayClass: 'GatewayClass',
  GatewayParameters: 'GatewayParameters',
  HTTPRoute: 'HTTPRoute',
  ListenerPolicy: 'ListenerPolicy',
  ListenerSet: 'ListenerSet',
  Namespace: 'Namespace',
  Secret: 'Secret',
  Service: 'Service',
  TCPRoute: 'TCPRoute',
  TLSRoute: 'TLSRoute',
  UDPRoute: 'UDPRoute',
  gateways: 'Gateway',
  slicesOfService: 'EndpointSlice',
  grantsInNamespace: 'ReferenceGrant',
  policiesOfTarget: 'BackendTLSPolicy',
  policiesOfGateway: 'ListenerPolicy',
  listenerSetsOfGateway: 'ListenerSet',
};

export class Memo {
  readonly tables: MemoTables = createTables();
  #settings: Settings | undefined;
  #rounds = 0;
  /** By source, of the last round that was completed. */
  #versions: ReadonlyMap<string, unknown> = new Map();

  /** The same object for the same settings, so that their identity tells. */
  keepSettings({ controllerName, binding, otherBindings = [], installedCrds }: Settings): Settings {
    const settings = { controllerName, binding, otherBindings, ...(installedCrds && { installedCrds }) };
    this.#settings = shareStructure(this.#settings, settings);
    return this.#settings;
  }

  /** Calls `work` with the tables ready to be asked. */
  runRound<T>(resources: Resources, facts: Facts, work: () => T): T {
    const number = ++this.#rounds;
    const versions = this.#versionsOf(resources);
    const isFull = number % FULL_ROUND_INTERVAL === 1;
    const changed = new Set(
      Object.keys(facts).filter((source) => isFull || versions.get(source) !== this.#versions.get(source)),
    );
    for (const source of ALWAYS_CHANGED) changed.add(source);
    const tables = Object.entries(this.tables);
    for (let size = -1; size !== changed.size;) {
      size = changed.size;
      for (const [name, table] of tables) if (table.dependsOn(changed)) changed.add(name);
    }
    for (const [, table] of tables) table.beginRound({ number, sources: facts, changed });
    const result = work();
    for (const [, table] of tables) table.endRound();
    this.#versions = versions;
    return result;
  }

  /** By source: an object that is another one as soon as an answer may be another. Computed facts change with their sources. */
  #versionsOf(resources: Resources): ReadonlyMap<string, unknown> {
    const versions = Object.entries(KIND_OF_SOURCE).map(([source, kind]) => [source, resources.list(kind)] as const);
    return new Map<string, unknown>([...versions, ['settings', this.#settings]]);
  }
}

function createTables(): MemoTables {
  return {
    serverCertificate: new MemoTable(readServerCertificate),
    caCertificates: new MemoTable(readCaCertificates),
    gatewayClassStatus: new MemoTable(createGatewayClassStatus),
    gatewaySetup: new MemoTable(createGatewaySetup),
    addressPlan: new MemoTable(createAddressPlan),
    gatewayAddresses: new MemoTable(createGatewayAddresses),
    listenerSetModel: new MemoTable(createListenerSetModel),
    gatewayModel: new MemoTable(createGatewayModel),
    portPlan: new MemoTable(createPortPlan),
    routeParent: new MemoTable(createRouteParent),
    backendTarget: new MemoTable(resolveBackendTarget),
    cluster: new MemoTable(createCluster),
    routeAttachments: new MemoTable(createRouteAttachments, new WeakMap()),
    routeRules: new MemoTable(createRouteRules, new WeakMap()),
    routeTranslation: new MemoTable(translateRoute),
    gatewayPlan: new MemoTable(createGatewayPlan),
    gatewayStatus: new MemoTable(createGatewayStatus),
    backendStatus: new MemoTable(createBackendStatus),
    listenerSetStatus: new MemoTable(createListenerSetStatus),
    backendTLSPolicyStatus: new MemoTable(createBackendTlsPolicyStatus),
    listenerPolicyStatus: new MemoTable(createListenerPolicyStatus),
  };
}
