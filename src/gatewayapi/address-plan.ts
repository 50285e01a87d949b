// Which address of a pool is whose. Gateways keep what they have, as their statuses tell, so that an address never changes hands as
// long as its owner wants it; the rest is given out by seniority, the first free address first. An address is for one Gateway alone.
import type { Gateway } from '../api/generated/gateway.ts';
import { canonicalAddress } from '../lib/ip-address.ts';
import type { FactReader } from './facts.ts';
import { isSupportedAddressType, wantedAddresses } from './gateway-address.ts';
import type { AddressPlan } from './gateway-model.ts';
import { objectKey } from './object-key.ts';
import { compareSeniority, creationTimeMs, type Aged } from './seniority.ts';

/** A Gateway that gets its addresses from a pool. */
interface Claimant extends Aged {
  readonly pool: ReadonlySet<string>;
  /** Asked for by value. */
  readonly named: readonly string[];
  /** How many more, whichever they are. */
  readonly anyCount: number;
  /** What it has so far. */
  readonly held: readonly string[];
}

export function createAddressPlan(_key: string, reader: FactReader): AddressPlan {
  const pools = new Map<readonly string[], ReadonlySet<string>>();
  const claimants = reader
    .get('gateways', '')
    .flatMap((gateway) => createClaimant(reader, gateway, pools))
    .sort(compareSeniority);
  const allocation = new Allocation();
  for (const { key, pool, named, anyCount, held } of claimants) {
    const kept = held.filter((address) => pool.has(address));
    for (const address of named) if (kept.includes(address)) allocation.give(key, address);
    const rest = kept.filter((address) => !named.includes(address) && allocation.isFree(address));
    for (const address of rest.slice(0, anyCount)) allocation.give(key, address);
  }
  for (const { key, pool, named } of claimants) {
    for (const address of named) if (pool.has(address)) allocation.give(key, address);
  }
  for (const { key, pool, named, anyCount } of claimants) {
    let missing = anyCount - allocation.of(key).filter((address) => !named.includes(address)).length;
    for (const address of pool) {
      if (missing <= 0) break;
      if (allocation.give(key, address)) missing--;
    }
  }
  return allocation.plan;
}

function createClaimant(
  reader: FactReader,
  gateway: Gateway,
  pools: Map<readonly string[], ReadonlySet<string>>,
): readonly Claimant[] {
  const { metadata, status } = gateway;
  const key = objectKey(metadata.namespace, metadata.name);
  const setup = reader.get('gatewaySetup', key);
  if (setup === undefined || (setup.binding !== undefined && setup.binding.kind !== 'pool')) return [];
  const { binding } = setup;
  const wanted = wantedAddresses(gateway);
  const base = { key, createdAtMs: creationTimeMs(metadata) };
  const held = (status?.addresses ?? []).map(({ value }) => canonicalAddress(value));
  // Who can't be accepted keeps what it has, until it is mended, and gets nothing new.
  if (binding === undefined || !wanted.every(isSupportedAddressType))
    return [{ ...base, pool: new Set(held), named: [], anyCount: held.length, held }];
  const pool = pools.get(binding.addresses) ?? new Set(binding.addresses.map(canonicalAddress));
  pools.set(binding.addresses, pool);
  const numeric = wanted.filter(({ type, routability = '' }) => type === 'IPAddress' && routability === '');
  const named = numeric.flatMap(({ value = '' }) => (value === '' ? [] : canonicalAddress(value)));
  return [{ ...base, pool, named, anyCount: numeric.length - named.length, held }];
}

class Allocation {
  readonly plan: Record<string, string[]> = {};
  readonly #taken = new Set<string>();

  /** Returns whether the address was free. */
  give(key: string, address: string): boolean {
    if (this.#taken.has(address)) return false;
    this.#taken.add(address);
    (this.plan[key] ??= []).push(address);
    return true;
  }

  isFree(address: string): boolean {
    return !this.#taken.has(address);
  }

  of(key: string): readonly string[] {
    return this.plan[key] ?? [];
  }
}
