// Who the client is, in the words of this gateway, and of the proxies in front of it that are trusted: what else a client says about
// itself, about proxies before it or about identities is dropped before our own fields are added (rows I05, I06 and I10 of the hardening
// tests).
import { isIP } from 'node:net';
import { isClientClaim } from '../client-claim.ts';
import type { DownstreamInfo, RequestHead } from '../exchange.ts';
import type { HeaderList } from '../header-list.ts';

const VIA_NAME = 'sluice';
/** How often a request may pass through gateways of this name. */
export const MAX_HOPS = 8;

/** Lets the usual request pass after one look at each first letter. */
const FIRST_LETTERS: ReadonlySet<number> = new Set(Buffer.from('xfl'));

export function isLooping(headers: HeaderList): boolean {
  const via = headers.getJoined('via');
  return (
    via !== undefined && via.split(',').filter((hop) => hop.trim().split(/\s+/)[1] === VIA_NAME).length >= MAX_HOPS
  );
}

/**
 * Replaces in `request.headers` what names the client, the original request and its id.
 * @param trustedHops how many proxies in front are believed: their entries of X-Forwarded-For and -Proto are kept.
 * @returns the address of the client.
 */
export function setForwardedHeaders(
  request: RequestHead,
  { remoteAddress }: DownstreamInfo,
  requestId: string,
  protocol: string,
  trustedHops: number,
): string {
  const { headers } = request;
  const isTold = trustedHops > 0;
  const addresses = isTold ? headers.getJoined('x-forwarded-for') : undefined;
  const schemes = isTold ? headers.getJoined('x-forwarded-proto') : undefined;
  dropClaims(headers);
  const { fields } = headers;
  fields.push('x-forwarded-for', addresses === undefined ? remoteAddress : `${addresses}, ${remoteAddress}`);
  fields.push('x-forwarded-proto', toldScheme(schemes, trustedHops) ?? request.scheme);
  fields.push('x-forwarded-host', request.authority);
  fields.push('x-request-id', requestId);
  const via = headers.getJoined('via');
  const hop = `${protocol.slice(protocol.indexOf('/') + 1)} ${VIA_NAME}`;
  if (via === undefined) fields.push('via', hop);
  else headers.set('via', `${via}, ${hop}`);
  return toldAddress(addresses, trustedHops) ?? remoteAddress;
}

/**
 * The entry of the outermost proxy that is trusted: the n-th from the right. Entries count whatever they hold, or a client could shift
 * them; where there are fewer, or it is no IP address, nothing is told.
 */
function toldAddress(list: string | undefined, trustedHops: number): string | undefined {
  const told = list?.split(',').at(-trustedHops)?.trim() ?? '';
  return isIP(told) === 0 ? undefined : told;
}

/** Proxies add to the list of schemes, or leave the one entry of the outermost. */
function toldScheme(list: string | undefined, trustedHops: number): string | undefined {
  const schemes = list?.split(',') ?? [];
  const told = schemes[Math.max(0, schemes.length - trustedHops)]?.trim().toLowerCase();
  return told === 'http' || told === 'https' ? told : undefined;
}

function dropClaims(headers: HeaderList): void {
  const { fields } = headers;
  let claims: string[] | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (FIRST_LETTERS.has(name.charCodeAt(0)) && isClientClaim(name)) (claims ??= []).push(name);
  }
  if (claims !== undefined) for (const name of claims) headers.remove(name);
}
