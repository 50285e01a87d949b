// Conflicts inside one Gateway: listeners that nothing that arrives could be told apart by. No winner is picked: all of them lose.
// Listeners with protocols that are not supported take no part.
import { ListenerReason } from '../api/condition.ts';
import type { ListenerModel } from './gateway-model.ts';
import { hostnameConflict, protocolConflict, trafficConflict } from './listener-condition.ts';
import { portNameOf, socketProtocol } from './listener-protocol.ts';

export function withConflicts(listeners: readonly ListenerModel[]): readonly ListenerModel[] {
  const byPort = Map.groupBy(listeners, portNameOf);
  return listeners.map((listener) => {
    const port = portNameOf(listener);
    if (port === undefined) return listener;
    const neighbours = (byPort.get(port) ?? []).filter((other) => other !== listener);
    return { ...listener, ...findConflict(listener, neighbours) };
  });
}

function findConflict(
  { port, protocol, hostname, rejection }: ListenerModel,
  neighbours: readonly ListenerModel[],
): Partial<Pick<ListenerModel, 'conflict' | 'rejection'>> {
  const otherSocket = neighbours.filter((other) => socketProtocol(other.protocol) !== socketProtocol(protocol));
  if (otherSocket.length > 0) return { conflict: protocolConflict(port, sections(otherSocket)) };
  const sameHostname = neighbours.filter((other) => other.hostname === hostname);
  if (sameHostname.length === 0) return {};
  if (sameHostname.every((other) => other.protocol === protocol))
    return { conflict: hostnameConflict(port, hostname, sections(sameHostname)) };
  const conflict = trafficConflict(port, hostname, sections(sameHostname));
  return { conflict, rejection: rejection ?? { ...conflict, reason: ListenerReason.Invalid } };
}

function sections(listeners: readonly ListenerModel[]): readonly string[] {
  return listeners.map(({ section }) => section);
}
