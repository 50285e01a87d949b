// The sockets of all Gateways: who gets which port and hostname of which address, and the IR's Listeners. With binding `host` Gateways
// share the ports of the machine: the older Gateway wins, whether or not it can serve at the moment: a hostname never changes hands
// because a Secret is broken.
import { listenerKey, portName, portNameOfKey, type Listener, type VirtualHost } from '../ir/listener.ts';
import { certificateOfSecret } from './certificate-model.ts';
import type { FactReader } from './facts.ts';
import {
  allListeners,
  canServe,
  type GatewayModel,
  type ListenerModel,
  type PortPlan,
  type PortVerdict,
} from './gateway-model.ts';
import { hostnameTaken, portOutOfRange, portTaken, protocolTaken } from './listener-condition.ts';
import { decidePolicies, type PolicyDecisions } from './listener-settings.ts';
import { readsHostnames, socketProtocol } from './listener-protocol.ts';
import type { Problem } from './object-status.ts';
import { compareSeniority, compareText } from './seniority.ts';
import { findOverlaps } from './tls-overlap.ts';

const MAX_PORT = 65_535;

/** That a listener wants a socket. */
interface Claim {
  readonly gateway: GatewayModel;
  readonly listener: ListenerModel;
  readonly protocol: Listener['protocol'];
  readonly bindAddress: string;
  readonly bindPort: number;
}

/** What is found out about a listener as a whole, socket by socket. */
interface Verdict extends PortVerdict {
  readonly sockets: string[];
  refusal: Problem | undefined;
  policies: PortVerdict['policies'];
  overlap: Problem | undefined;
}

export function createPortPlan(_key: string, reader: FactReader): PortPlan {
  const gateways = reader
    .get('gateways', '')
    .map(({ metadata }) => reader.get('gatewayModel', `${metadata.namespace}/${metadata.name}`))
    .filter((gateway) => gateway !== undefined)
    .filter(({ rejection, addressProblem }) => rejection === undefined && addressProblem === undefined)
    .sort(compareSeniority);
  const claims: Claim[] = [];
  const listeners: Record<string, Listener> = {};
  const verdicts: Record<string, Verdict> = {};
  for (const gateway of gateways) {
    for (const listener of allListeners(gateway).filter(wantsPort)) {
      verdicts[listener.name] = { sockets: [], refusal: undefined, policies: NO_POLICIES, overlap: undefined };
      claims.push(...createClaims(reader, gateway, listener));
    }
  }
  for (const [key, claimsOfSocket] of Map.groupBy(claims, keyOf)) {
    const refusals = decide(claimsOfSocket);
    const winners = claimsOfSocket.filter(({ listener }) => !refusals.has(listener.name));
    const overlaps = findOverlaps(winners.map(({ listener }) => listener));
    const subjects = winners.map(({ gateway, listener }) => ({ gateway: gateway.key, listener }));
    const decisions = decidePolicies(reader, subjects);
    for (const { listener } of claimsOfSocket) {
      const verdict = verdicts[listener.name] as Verdict;
      const decided = decisions.get(listener.name);
      verdict.sockets.push(portNameOfKey(key));
      verdict.refusal ??= refusals.get(listener.name);
      verdict.overlap ??= overlaps.get(listener.name);
      if (decided !== undefined) verdict.policies = namesOf(decided);
    }
    const served = winners.filter(({ listener }) => canServe(listener));
    const [first] = served;
    if (first !== undefined) listeners[key] = createListener(key, first, served, decisions);
  }
  return { listeners, verdicts };
}

const NO_POLICIES: PortVerdict['policies'] = { socket: undefined, tls: undefined, grpcWeb: undefined };

function namesOf(decisions: PolicyDecisions): PortVerdict['policies'] {
  return { socket: decisions.socket?.policy, tls: decisions.tls?.policy, grpcWeb: decisions.grpcWeb?.policy };
}

function wantsPort({ protocol, rejection, conflict }: ListenerModel): boolean {
  return socketProtocol(protocol) !== undefined && rejection === undefined && conflict === undefined;
}

function createClaims(reader: FactReader, gateway: GatewayModel, listener: ListenerModel): readonly Claim[] {
  const protocol = socketProtocol(listener.protocol);
  if (protocol === undefined) return [];
  const bindPort = bindPortOf(reader, gateway, portName(listener.port, protocol), listener.port);
  if (bindPort === undefined) return [];
  return gateway.bindAddresses.map((bindAddress) => ({ gateway, listener, protocol, bindAddress, bindPort }));
}

/** Undefined as long as the Service has no port for it. */
function bindPortOf(
  reader: FactReader,
  { key, binding }: GatewayModel,
  name: string,
  port: number,
): number | undefined {
  switch (binding?.kind) {
    case 'host':
      return port + binding.portOffset;
    case 'service':
      return reader.get('gatewayService', key)?.targetPorts[name];
    case 'pool':
    case undefined:
      return port;
  }
}

function keyOf({ bindAddress, bindPort, protocol }: Claim): string {
  return listenerKey(bindAddress, bindPort, protocol);
}

/** Why listeners don't get what they want, by their names. The claims are for one socket, in order of seniority. */
function decide(claims: readonly Claim[]): ReadonlyMap<string, Problem> {
  const refusals = new Map<string, Problem>();
  const ownerOfHostname = new Map<string, ListenerModel>();
  const [first] = claims;
  for (const { listener, protocol: socket, bindPort } of claims) {
    const { name, port, hostname, protocol } = listener;
    const owner = ownerOfHostname.get(hostname);
    if (bindPort > MAX_PORT) refusals.set(name, portOutOfRange(port, bindPort - port));
    else if (first !== undefined && socket !== first.protocol)
      refusals.set(name, protocolTaken(port, first.listener.protocol, first.gateway.key));
    else if (owner !== undefined && !readsHostnames(protocol))
      refusals.set(name, portTaken(port, protocol, owner.name));
    else if (owner !== undefined) refusals.set(name, hostnameTaken(port, hostname, owner.name));
    else ownerOfHostname.set(hostname, listener);
  }
  return refusals;
}

function createListener(
  key: string,
  { listener, protocol, bindAddress, bindPort }: Claim,
  served: readonly Claim[],
  decisions: ReadonlyMap<string, PolicyDecisions>,
): Listener {
  const socketDecision = decisions.get(listener.name)?.socket;
  return {
    kind: 'listener',
    key,
    bindAddress,
    bindPort,
    port: listener.port,
    protocol,
    ...(socketDecision === undefined ? {} : { settings: socketDecision.settings }),
    virtualHosts: served
      .map((claim) => createVirtualHost(claim, decisions.get(claim.listener.name)))
      .sort((a, b) => compareText(a.name, b.name)),
  };
}

function createVirtualHost({ gateway, listener }: Claim, decisions: PolicyDecisions | undefined): VirtualHost {
  const { name, hostname, traffic, certificates, clientValidation } = listener;
  const { clientCertificate } = gateway;
  return {
    name,
    hostname,
    traffic,
    certificates: certificates.map(({ secret }) => certificateOfSecret(secret)),
    ...(clientValidation === undefined ? {} : { clientValidation }),
    ...(decisions?.tls === undefined ? {} : { tls: decisions.tls.settings }),
    ...(decisions?.grpcWeb === undefined ? {} : { grpcWeb: decisions.grpcWeb.settings }),
    ...(clientCertificate === undefined ? {} : { backendClientCertificate: certificateOfSecret(clientCertificate) }),
  };
}
