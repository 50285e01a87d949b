// Conflicts inside one Gateway: listeners that no request could be told apart by. No winner is picked: all of them lose.
// Listeners with protocols that are not supported take no part.
import { isSupportedProtocol } from './allowed-routes.ts';
import type { ListenerModel } from './gateway-model.ts';
import { hostnameConflict, protocolConflict } from './listener-condition.ts';
import type { Problem } from './object-status.ts';

export function withConflicts(listeners: readonly ListenerModel[]): readonly ListenerModel[] {
  const byPort = Map.groupBy(
    listeners.filter(({ protocol }) => isSupportedProtocol(protocol)),
    ({ port }) => port,
  );
  return listeners.map((listener) => {
    const neighbours = (byPort.get(listener.port) ?? []).filter((other) => other !== listener);
    const conflict = isSupportedProtocol(listener.protocol) ? findConflict(listener, neighbours) : undefined;
    return conflict === undefined ? listener : { ...listener, conflict };
  });
}

function findConflict(
  { port, protocol, hostname }: ListenerModel,
  neighbours: readonly ListenerModel[],
): Problem | undefined {
  const otherProtocol = neighbours.filter((other) => other.protocol !== protocol);
  if (otherProtocol.length > 0) return protocolConflict(port, sections(otherProtocol));
  const sameHostname = neighbours.filter((other) => other.hostname === hostname);
  return sameHostname.length > 0 ? hostnameConflict(port, hostname, sections(sameHostname)) : undefined;
}

function sections(listeners: readonly ListenerModel[]): readonly string[] {
  return listeners.map(({ section }) => section);
}
