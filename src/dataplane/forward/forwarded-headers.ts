// Who the client is, in the words of this gateway alone: what a client says about itself, about proxies before it or about identities
// is dropped before our own fields are added (rows I05, I06 and I10 of the hardening tests).
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

/** Replaces in `request.headers` what names the client, the original request and its id. */
export function setForwardedHeaders(
  request: RequestHead,
  downstream: DownstreamInfo,
  requestId: string,
  protocol: string,
): void {
  const { headers } = request;
  dropClaims(headers);
  const { fields } = headers;
  fields.push('x-forwarded-for', downstream.remoteAddress);
  fields.push('x-forwarded-proto', request.scheme);
  fields.push('x-forwarded-host', request.authority);
  fields.push('x-request-id', requestId);
  const via = headers.getJoined('via');
  const hop = `${protocol.slice(protocol.indexOf('/') + 1)} ${VIA_NAME}`;
  if (via === undefined) fields.push('via', hop);
  else headers.set('via', `${via}, ${hop}`);
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
