// What the protocol of a listener means: which routes it takes, what its socket reads first, and what is routed behind it.
// A protocol that is not here is not supported.
import type { Listener } from '../api/generated/gateway.ts';
import type { RouteGroupKind } from '../api/generated/shared.ts';
import { GATEWAY_GROUP } from '../api/kinds.ts';
import { portName, type Listener as IrListener, type Traffic } from '../ir/listener.ts';

interface ProtocolTraits {
  readonly socket: IrListener['protocol'];
  readonly routeKinds: readonly RouteGroupKind[];
}

const PROTOCOLS: ReadonlyMap<string, ProtocolTraits> = new Map([
  ['HTTP', { socket: 'HTTP', routeKinds: kinds('HTTPRoute', 'GRPCRoute') }],
  ['HTTPS', { socket: 'TLS', routeKinds: kinds('HTTPRoute', 'GRPCRoute') }],
  ['TLS', { socket: 'TLS', routeKinds: kinds('TLSRoute') }],
  ['TCP', { socket: 'TCP', routeKinds: kinds('TCPRoute') }],
  ['UDP', { socket: 'UDP', routeKinds: kinds('UDPRoute') }],
]);

export const SUPPORTED_PROTOCOLS: readonly string[] = [...PROTOCOLS.keys()];

/** None: the protocol is not supported. */
export function routeKindsOf(protocol: string): readonly RouteGroupKind[] {
  return PROTOCOLS.get(protocol)?.routeKinds ?? [];
}

/** Undefined: the protocol is not supported. */
export function socketProtocol(protocol: string): IrListener['protocol'] | undefined {
  return PROTOCOLS.get(protocol)?.socket;
}

/** Equal for listeners that want the same port; undefined: the protocol is not supported. */
export function portNameOf({ protocol, port }: Pick<Listener, 'protocol' | 'port'>): string | undefined {
  const socket = socketProtocol(protocol);
  return socket && portName(port, socket);
}

/** Whether requests and server names tell listeners on one port apart; else there is one listener to a port. */
export function readsHostnames(protocol: string): boolean {
  const socket = socketProtocol(protocol);
  return socket === 'HTTP' || socket === 'TLS';
}

export function trafficOf({ protocol, tls }: Listener): Traffic {
  switch (protocol) {
    case 'TLS':
      return tls?.mode === 'Passthrough' ? 'passthrough' : 'stream';
    case 'TCP':
      return 'stream';
    case 'UDP':
      return 'datagram';
    default:
      return 'http';
  }
}

export function terminatesTls(protocol: string, traffic: Traffic): boolean {
  return socketProtocol(protocol) === 'TLS' && traffic !== 'passthrough';
}

function kinds(...names: readonly string[]): readonly RouteGroupKind[] {
  return names.map((kind) => ({ group: GATEWAY_GROUP, kind }));
}
