// The ports of the host, which all Gateways share: who gets which port and hostname, and the IR's Listeners.
// The older Gateway wins, whether or not it can serve at the moment: a hostname never changes hands because a Secret is broken.
import { listenerKey, type Listener, type VirtualHost } from '../ir/listener.ts';
import { certificateOfSecret } from './certificate-model.ts';
import type { Binding, FactReader } from './facts.ts';
import { canServe, type GatewayModel, type ListenerModel, type PortPlan, type PortVerdict } from './gateway-model.ts';
import { hostnameTaken, portOutOfRange, protocolTaken } from './listener-condition.ts';
import type { Problem } from './object-status.ts';
import { compareSeniority, compareText } from './seniority.ts';
import { findOverlaps } from './tls-overlap.ts';

const MAX_PORT = 65_535;

interface Claim {
  readonly gateway: GatewayModel;
  readonly listener: ListenerModel;
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
    .flatMap((gateway) => gateway.listeners.map((listener) => ({ gateway, listener })))
    .filter(({ listener }) => listener.rejection === undefined && listener.conflict === undefined);
  const listeners: Record<string, Listener> = {};
  const verdicts: Record<string, PortVerdict> = {};
  for (const [port, claimsOfPort] of Map.groupBy(claims, ({ listener }) => listener.port)) {
    const bindPort = port + binding.portOffset;
    const refusals = decide(port, claimsOfPort, binding);
    const winners = claimsOfPort.map(({ listener }) => listener).filter(({ name }) => !refusals.has(name));
    const overlaps = findOverlaps(winners);
    for (const { listener } of claimsOfPort) {
      const { name } = listener;
      verdicts[name] = { bindPort, refusal: refusals.get(name), overlap: overlaps.get(name) };
    }
    const served = winners.filter(canServe);
    if (served.length === 0) continue;
    const listener = createListener(port, served, binding);
    listeners[listener.key] = listener;
  }
  return { listeners, verdicts };
}

/** Why listeners don't get what they want, by their names. The claims are in order of seniority. */
function decide(port: number, claims: readonly Claim[], { portOffset }: Binding): ReadonlyMap<string, Problem> {
  const refusals = new Map<string, Problem>();
  const ownerOfHostname = new Map<string, ListenerModel>();
  const [first] = claims;
  for (const { listener } of claims) {
    const { name, hostname, protocol } = listener;
    const owner = ownerOfHostname.get(hostname);
    if (port + portOffset > MAX_PORT) refusals.set(name, portOutOfRange(port, portOffset));
    else if (first !== undefined && protocol !== first.listener.protocol)
      refusals.set(name, protocolTaken(port, first.listener.protocol, first.gateway.key));
    else if (owner !== undefined) refusals.set(name, hostnameTaken(port, hostname, owner.name));
    else ownerOfHostname.set(hostname, listener);
  }
  return refusals;
}

function createListener(port: number, served: readonly ListenerModel[], binding: Binding): Listener {
  const bindPort = port + binding.portOffset;
  const protocol = served[0]?.protocol === 'HTTPS' ? 'TLS' : 'HTTP';
  return {
    kind: 'listener',
    key: listenerKey(binding.bindAddress, bindPort, protocol),
    bindAddress: binding.bindAddress,
    bindPort,
    port,
    protocol,
    virtualHosts: served.map(createVirtualHost).sort((a, b) => compareText(a.name, b.name)),
  };
}

function createVirtualHost({ name, hostname, certificates }: ListenerModel): VirtualHost {
  return {
    name,
    hostname,
    traffic: 'http',
    certificates: certificates.map(({ secret }) => certificateOfSecret(secret)),
  };
}
