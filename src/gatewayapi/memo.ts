// What translate() keeps from one call to the next: a table for each kind of computed fact. Bounded by what the last call needed.
import { readCaCertificates } from './ca-certificates.ts';
import { createBackendStatus } from './backend.ts';
import { resolveBackendTarget } from './backend-target.ts';
import { createBackendTlsPolicyStatus } from './backend-tls-policy.ts';
import { createCluster } from './cluster.ts';
import type { ComputedFacts, Facts, Settings } from './facts.ts';
import { createGatewayClassStatus } from './gateway-class.ts';
import { createGatewayModel, createRouteListeners } from './gateway.ts';
import { createGatewayStatus } from './gateway-status.ts';
import { translateHttpRoute } from './http-route.ts';
import { createRouteRules } from './http-route-rule.ts';
import { createListenerSetStatus } from './listener-set.ts';
import { MemoTable } from './memo-table.ts';
import { createPortPlan } from './port-plan.ts';
import { createRouteAttachments } from './route-attachment.ts';
import { readServerCertificate } from './server-certificate.ts';
import { createUnsupportedRouteStatus } from './unsupported-route.ts';
import { shareStructure } from '../lib/shared-structure.ts';

export type MemoTables = { readonly [N in keyof ComputedFacts]: MemoTable<Facts, ReturnType<ComputedFacts[N]['get']>> };

export class Memo {
  readonly tables: MemoTables = createTables();
  #settings: Settings | undefined;

  /** The same object for the same settings, so that their identity tells. */
  keepSettings({ controllerName, binding }: Settings): Settings {
    this.#settings = shareStructure(this.#settings, { controllerName, binding });
    return this.#settings;
  }
}

function createTables(): MemoTables {
  return {
    serverCertificate: new MemoTable(readServerCertificate),
    caCertificates: new MemoTable(readCaCertificates),
    gatewayClassStatus: new MemoTable(createGatewayClassStatus),
    gatewayModel: new MemoTable(createGatewayModel),
    portPlan: new MemoTable(createPortPlan),
    routeListeners: new MemoTable(createRouteListeners),
    backendTarget: new MemoTable(resolveBackendTarget),
    cluster: new MemoTable(createCluster),
    routeAttachments: new MemoTable(createRouteAttachments),
    routeRules: new MemoTable(createRouteRules),
    routeTranslation: new MemoTable(translateHttpRoute),
    gatewayStatus: new MemoTable(createGatewayStatus),
    backendStatus: new MemoTable(createBackendStatus),
    listenerSetStatus: new MemoTable(createListenerSetStatus),
    unsupportedRouteStatus: new MemoTable(createUnsupportedRouteStatus),
    backendTLSPolicyStatus: new MemoTable(createBackendTlsPolicyStatus),
  };
}
