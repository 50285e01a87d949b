// spec.addresses of a Gateway against the addresses that its binding has: those of the host, those of a pool that are given to it, or
// those of its Service. What is asked for and can't be had keeps the Gateway from being served: nothing else takes its place.
import type { GatewayParametersService } from '../api/generated/gateway-parameters.ts';
import type { Gateway, GatewaySpecAddress, GatewayStatusAddress } from '../api/generated/gateway.ts';
import { canonicalAddress } from '../lib/ip-address.ts';
import type { Binding } from './binding.ts';
import type { FactReader } from './facts.ts';
import {
  addressNotAssigned,
  addressNotUsable,
  noAddress,
  routabilityNotAvailable,
  unsupportedAddressType,
} from './gateway-condition.ts';
import type { GatewayAddresses } from './gateway-model.ts';
import { joinProblems, type Problem } from './object-status.ts';

const MAX_STATUS_ADDRESSES = 16;
const NOTHING: GatewayAddresses = { addresses: [], bindAddresses: [], rejection: undefined, problem: undefined };

/** In the words of messages. */
const SOURCES: Readonly<Record<Binding['kind'], string>> = {
  host: 'this host',
  pool: 'the address pool',
  service: 'the Service of the Gateway',
};

/** What Gateways of a pool get that ask for nothing. */
const ANY_ADDRESS: readonly GatewaySpecAddress[] = [{ type: 'IPAddress' }];

/** `key`: `namespace/name` of the Gateway. */
export function createGatewayAddresses(key: string, reader: FactReader): GatewayAddresses {
  const gateway = reader.get('Gateway', key);
  const { binding, service } = reader.get('gatewaySetup', key) ?? {};
  if (gateway === undefined) return NOTHING;
  // What it had before is what it gets again when it is mended: see the address plan.
  if (binding === undefined) return { ...NOTHING, addresses: gateway.status?.addresses ?? [] };
  const available = readAvailable(reader, key, binding, service);
  const chosen = chooseAddresses(gateway.spec.addresses ?? [], available, SOURCES[binding.kind]);
  const { addresses } = chosen;
  return {
    ...chosen,
    bindAddresses: binding.kind === 'pool' ? addresses.map(({ value }) => value) : [binding.bindAddress],
  };
}

/** What a Gateway of a pool asks for. */
export function wantedAddresses({ spec }: Gateway): readonly GatewaySpecAddress[] {
  const { addresses = [] } = spec;
  return addresses.length === 0 ? ANY_ADDRESS : addresses;
}

export function isSupportedAddressType({ type }: GatewaySpecAddress): boolean {
  return type === 'IPAddress' || type === 'Hostname';
}

interface AvailableAddresses {
  /** What a Gateway gets that asks for nothing. */
  readonly byDefault: readonly GatewayStatusAddress[];
  /** What others than these it may ask for. */
  readonly others: readonly GatewayStatusAddress[];
}

function readAvailable(
  reader: FactReader,
  key: string,
  binding: Binding,
  service: GatewayParametersService | undefined,
): AvailableAddresses {
  switch (binding.kind) {
    case 'host':
      return { byDefault: binding.addresses, others: [] };
    case 'pool': {
      const given = reader.get('addressPlan', '')[key] ?? [];
      return { byDefault: given.map((value) => ({ type: 'IPAddress', value })), others: [] };
    }
    case 'service': {
      const { addresses = [], clusterAddresses = [] } = reader.get('gatewayService', key) ?? {};
      const ofCluster = clusterAddresses.map((value) => ({ type: 'IPAddress', value, routability: 'Cluster' }));
      // A Service that is to have a load balancer has no address before that has one.
      return service?.type === 'ClusterIP'
        ? { byDefault: ofCluster, others: [] }
        : { byDefault: addresses, others: ofCluster };
    }
  }
}

function chooseAddresses(
  wanted: readonly GatewaySpecAddress[],
  { byDefault, others }: AvailableAddresses,
  source: string,
): Omit<GatewayAddresses, 'bindAddresses'> {
  if (wanted.length === 0) {
    const problem = byDefault.length === 0 ? noAddress(source) : undefined;
    return { addresses: byDefault.slice(0, MAX_STATUS_ADDRESSES), rejection: undefined, problem };
  }
  const unsupported = wanted.flatMap((entry, index) =>
    isSupportedAddressType(entry) ? [] : unsupportedAddressType(fieldOf(index), entry.type),
  );
  const free = new Set([...byDefault, ...others]);
  const chosen = new Map<number, GatewayStatusAddress>();
  const problems = new Map<number, Problem>();
  // Who names an address goes before who takes any.
  for (const [index, entry] of [...wanted.entries()].sort(([, a], [, b]) => byName(a) - byName(b))) {
    const found = chooseAddress(entry, [...free], fieldOf(index), source);
    if ('reason' in found) problems.set(index, found);
    else chosen.set(index, found);
    if (!('reason' in found)) free.delete(found);
  }
  return {
    addresses: inOrder(chosen),
    rejection: joinProblems(unsupported),
    problem: joinProblems(inOrder(problems)),
  };
}

function chooseAddress(
  { type, value = '', routability = '' }: GatewaySpecAddress,
  free: readonly GatewayStatusAddress[],
  field: string,
  source: string,
): GatewayStatusAddress | Problem {
  const ofType = free.filter((address) => address.type === type);
  const usable = ofType.filter((address) => routability === '' || address.routability === routability);
  if (routability !== '' && usable.length === 0) return routabilityNotAvailable(field, routability, source);
  if (value === '') return usable[0] ?? addressNotAssigned(field, type, source);
  const form = canonicalAddress(value);
  const found = usable.find((address) => canonicalAddress(address.value) === form);
  const offer = usable.map((address) => address.value);
  return found ?? addressNotUsable(field, value, source, offer);
}

function fieldOf(index: number): string {
  return `spec.addresses[${index}]`;
}

function byName({ value = '' }: GatewaySpecAddress): number {
  return value === '' ? 1 : 0;
}

function inOrder<T>(byIndex: ReadonlyMap<number, T>): readonly T[] {
  return [...byIndex].sort(([a], [b]) => a - b).map(([, value]) => value);
}
