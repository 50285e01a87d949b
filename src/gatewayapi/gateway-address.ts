// spec.addresses of a Gateway against the addresses that its binding has. On the host binding nothing can be allocated: an
// address is either one of the host's or can't be had.
import { GatewayReason } from '../api/condition.ts';
import type { Gateway, GatewaySpecAddress, GatewayStatusAddress } from '../api/generated/gateway.ts';
import type { HostAddress } from './facts.ts';
import {
  addressNotAssigned,
  addressNotUsable,
  NO_ADDRESS,
  routabilityNotSupported,
  unsupportedAddressType,
} from './gateway-condition.ts';
import { joinProblems, type Problem } from './object-status.ts';

export interface ResolvedAddresses {
  /** What status.addresses reports: one for each entry of the spec that can be had, or all of the host. */
  readonly addresses: readonly GatewayStatusAddress[];
  /** An address type that makes the whole Gateway unacceptable. */
  readonly rejection: Problem | undefined;
  readonly problem: Problem | undefined;
}

const MAX_STATUS_ADDRESSES = 16;

export function resolveAddresses({ spec }: Gateway, available: readonly HostAddress[]): ResolvedAddresses {
  const wanted = spec.addresses ?? [];
  if (wanted.length === 0) {
    const problem = available.length === 0 ? NO_ADDRESS : undefined;
    return { addresses: available.slice(0, MAX_STATUS_ADDRESSES), rejection: undefined, problem };
  }
  const addresses: HostAddress[] = [];
  const rejections: Problem[] = [];
  const problems: Problem[] = [];
  for (const [index, address] of wanted.entries()) {
    const free = available.filter((candidate) => !addresses.includes(candidate));
    const resolved = resolveAddress(address, free, `spec.addresses[${index}]`);
    if (!('reason' in resolved)) addresses.push(resolved);
    else if (resolved.reason === GatewayReason.UnsupportedAddress) rejections.push(resolved);
    else problems.push(resolved);
  }
  return { addresses, rejection: joinProblems(rejections), problem: joinProblems(problems) };
}

/** `free`: what no entry before this one got. */
function resolveAddress(
  { type, value = '', routability = '' }: GatewaySpecAddress,
  free: readonly HostAddress[],
  field: string,
): HostAddress | Problem {
  if (type !== 'IPAddress' && type !== 'Hostname') return unsupportedAddressType(field, type);
  if (routability !== '') return routabilityNotSupported(field, routability);
  const usable = free.filter((address) => address.type === type);
  if (value === '') return usable[0] ?? addressNotAssigned(field, type);
  const form = canonicalForm(value);
  const found = usable.find((address) => canonicalForm(address.value) === form);
  return (
    found ??
    addressNotUsable(
      field,
      value,
      usable.map((address) => address.value),
    )
  );
}

/** One spelling for each IPv6 address; all else in lower case. */
function canonicalForm(address: string): string {
  if (!address.includes(':')) return address.toLowerCase();
  return URL.parse(`http://[${address}]`)?.hostname ?? address;
}
