// How Gateways get sockets where one machine serves them all: every address of it, each port moved by the offset.
import { networkInterfaces } from 'node:os';
import type { Binding, HostAddress } from '../gatewayapi/binding.ts';

export function hostBinding(portOffset: number): Binding {
  return { kind: 'host', bindAddress: '::', portOffset, addresses: hostAddresses() };
}

/** Where clients on other machines reach this one; the loopback address where there is no network. */
function hostAddresses(): HostAddress[] {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0)
    .map(({ address }): HostAddress => ({ type: 'IPAddress', value: address }));
  return found.length === 0 ? [{ type: 'IPAddress', value: '127.0.0.1' }] : found;
}
