// IP addresses as text: one spelling for each, and the addresses of a range.
import { isIP } from 'node:net';

/** One spelling for each IPv6 address; all else in lower case. */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address.toLowerCase();
  const hostname = URL.parse(`http://[${address}]`)?.hostname;
  return hostname === undefined ? address : hostname.slice(1, -1);
}

/**
 * @param text an address, or the first and the last one of a range: `192.0.2.1-192.0.2.20`.
 * @returns the addresses in their order, or what is wrong.
 */
export function addressesOfRange(text: string, maxAddresses: number): readonly string[] | { readonly problem: string } {
  const [first = '', last = first, ...rest] = text.split('-');
  const family = isIP(first);
  if (family === 0 || isIP(last) !== family || rest.length > 0)
    return { problem: 'must be an IP address, or the first and the last one of a range' };
  const start = toNumber(first);
  const count = toNumber(last) - start + 1n;
  if (count < 1n) return { problem: 'must have the lower address first' };
  if (count > maxAddresses) return { problem: `has ${count} addresses; at most ${maxAddresses} are possible` };
  const format = family === 4 ? formatV4 : formatV6;
  return Array.from({ length: Number(count) }, (_, index) => format(start + BigInt(index)));
}

const V6_GROUPS = 8;

function toNumber(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  // The canonical form has no dotted part.
  const [head = '', tail] = canonicalAddress(address).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: V6_GROUPS - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function formatV4(number: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 0xffn).join('.');
}

function formatV6(number: bigint): string {
  const groups = Array.from({ length: V6_GROUPS }, (_, index) =>
    ((number >> BigInt(16 * (V6_GROUPS - 1 - index))) & 0xffffn).toString(16),
  );
  return canonicalAddress(groups.join(':'));
}
