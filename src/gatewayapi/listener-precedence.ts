// Conflicts of ListenerSets with the Gateway and with each other: the Gateway's own listeners go first, whatever state they are in,
// then those of older ListenerSets, then the first by namespace and name, then the order in the list. Who comes later loses alone.
import type { ListenerModel, ListenerSetModel } from './gateway-model.ts';
import { hostnameConflictBefore, protocolConflictBefore, trafficConflictBefore } from './listener-condition.ts';
import { portNameOf, socketProtocol } from './listener-protocol.ts';
import type { Problem } from './object-status.ts';
import { compareSeniority } from './seniority.ts';

/** @returns the ListenerSets in order of precedence. */
export function withPrecedence(
  gatewayListeners: readonly ListenerModel[],
  listenerSets: readonly ListenerSetModel[],
): readonly ListenerSetModel[] {
  const claims = new PortClaims();
  for (const listener of gatewayListeners) claims.add(listener);
  return listenerSets.toSorted(compareSeniority).map((listenerSet) => ({
    ...listenerSet,
    listeners: listenerSet.listeners.map((listener) => {
      const conflict = claims.findConflict(listener);
      if (conflict !== undefined) return { ...listener, conflict };
      if (listener.rejection === undefined) claims.add(listener);
      return listener;
    }),
  }));
}

/** Who got which port and hostname. */
class PortClaims {
  /** By name of the port, then by hostname. */
  readonly #ports = new Map<string, Map<string, ListenerModel>>();

  /** Protocols that are not supported take no part. */
  add(listener: ListenerModel): void {
    const port = portNameOf(listener);
    if (port === undefined) return;
    const owners = this.#ports.get(port);
    if (owners === undefined) this.#ports.set(port, new Map([[listener.hostname, listener]]));
    else if (!owners.has(listener.hostname)) owners.set(listener.hostname, listener);
  }

  findConflict(listener: ListenerModel): Problem | undefined {
    const { port, protocol, hostname } = listener;
    const owners = this.#ports.get(portNameOf(listener) ?? '');
    const [first] = owners?.values() ?? [];
    if (owners === undefined || first === undefined) return undefined;
    if (socketProtocol(first.protocol) !== socketProtocol(protocol)) return protocolConflictBefore(port, protocol);
    const owner = owners.get(hostname);
    if (owner === undefined) return undefined;
    return owner.protocol === protocol ? hostnameConflictBefore(port, hostname) : trafficConflictBefore(port, hostname);
  }
}
