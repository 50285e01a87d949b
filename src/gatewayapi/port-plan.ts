// The ports of the host, which all Gateways share: who gets which port and hostname, and the IR's Listeners.
// The older Gateway wins, whether or not it can serve at the moment: a hostname never changes hands because a Secret is broken.
import { listenerKey, portName, type Listener, type VirtualHost } from '../ir/listener.ts';
import { certificateOfSecret } from './certificate-model.ts';
import type { Binding, FactReader } from './facts.ts';
import { canServe, type GatewayModel, type ListenerModel, type PortPlan, type PortVerdict } from './gateway-model.ts';
import { hostnameTaken, portOutOfRange, portTaken, protocolTaken } from './listener-condition.ts';
import { decidePolicies, type PolicyDecisions } from './listener-settings.ts';
import { portNameOf, readsHostnames, socketProtocol } from './listener-protocol.ts';
import type { Problem } from './object-status.ts';
import { compareSeniority, compareText } from './seniority.ts';
import { findOverlaps } from './tls-overlap.ts';

const MAX_PORT = 65_535;

interface Claim {
  readonly gateway: GatewayModel;
  readonly listener: ListenerModel;
  readonly socket: Listener['protocol'];
}

export function createPortPlan(_key: string, reader: FactReader): PortPlan {
  const { binding } = reader.get('settings', '');
  const gateways = reader
    .get('gateways', '')
    .map(({ metadata }) => reader.get('gatewayModel', `${metadata.namespace}/${metadata.name}`))
    .filter((gateway) => gateway !== undefined)
    .sort(compareSeniority);
  const claims = gateways
    .filter(({ rejection, addressProblem }) => rejection === undefined && addressProblem === undefined)
    .flatMap(createClaims);
  const listeners: Record<string, Listener> = {};
  const verdicts: Record<string, PortVerdict> = {};
  for (const claimsOfPort of Map.groupBy(claims, ({ listener }) => portNameOf(listener)).values()) {
    const refusals = decide(claimsOfPort, binding);
    const winners = claimsOfPort.filter(({ listener }) => !refusals.has(listener.name));
    const overlaps = findOverlaps(winners.map(({ listener }) => listener));
    const subjects = winners.map(({ gateway, listener }) => ({ gateway: gateway.key, listener }));
    const decisions = decidePolicies(reader, subjects);
    for (const { listener, socket } of claimsOfPort) {
      const { name, port } = listener;
      verdicts[name] = {
        bindPort: portName(port + binding.portOffset, socket),
        refusal: refusals.get(name),
        policies: namesOf(decisions.get(name)),
        overlap: overlaps.get(name),
      };
    }
    const served = winners.filter(({ listener }) => canServe(listener));
    const [first] = served;
    if (first === undefined) continue;
    const listener = createListener(first, served, decisions, binding);
    listeners[listener.key] = listener;
  }
  return { listeners, verdicts };
}

function namesOf(decisions: PolicyDecisions | undefined): PortVerdict['policies'] {
  return { socket: decisions?.socket?.policy, tls: decisions?.tls?.policy, grpcWeb: decisions?.grpcWeb?.policy };
}

function createClaims(gateway: GatewayModel): readonly Claim[] {
  return gateway.listeners.flatMap((listener) => {
    const socket = socketProtocol(listener.protocol);
    const isSound = listener.rejection === undefined && listener.conflict === undefined;
    return isSound && socket !== undefined ? { gateway, listener, socket } : [];
  });
}

/** Why listeners don't get what they want, by their names. The claims are for one port, in order of seniority. */
function decide(claims: readonly Claim[], { portOffset }: Binding): ReadonlyMap<string, Problem> {
  const refusals = new Map<string, Problem>();
  const ownerOfHostname = new Map<string, ListenerModel>();
  const [first] = claims;
  for (const { listener, socket } of claims) {
    const { name, port, hostname, protocol } = listener;
    const owner = ownerOfHostname.get(hostname);
    if (port + portOffset > MAX_PORT) refusals.set(name, portOutOfRange(port, portOffset));
    else if (first !== undefined && socket !== first.socket)
      refusals.set(name, protocolTaken(port, first.listener.protocol, first.gateway.key));
    else if (owner !== undefined && !readsHostnames(protocol))
      refusals.set(name, portTaken(port, protocol, owner.name));
    else if (owner !== undefined) refusals.set(name, hostnameTaken(port, hostname, owner.name));
    else ownerOfHostname.set(hostname, listener);
  }
  return refusals;
}

function createListener(
  { listener, socket }: Claim,
  served: readonly Claim[],
  decisions: ReadonlyMap<string, PolicyDecisions>,
  binding: Binding,
): Listener {
  const { port } = listener;
  const bindPort = port + binding.portOffset;
  const socketDecision = decisions.get(listener.name)?.socket;
  return {
    kind: 'listener',
    key: listenerKey(binding.bindAddress, bindPort, socket),
    bindAddress: binding.bindAddress,
    bindPort,
    port,
    protocol: socket,
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
