// Who may use the admin API: requests that name this server by address or by a known name (a web page that rebinds its own name to
// 127.0.0.1 can't), and for whatever changes state, holders of the token.
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { parseAuthority } from '../lib/authority.ts';
import type { SecretText } from '../lib/secret-text.ts';
import { AdminError } from './admin-error.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether the method can change state, so that it needs the token. */
export function needsToken(method: string): boolean {
  return !SAFE_METHODS.has(method);
}

/** @throws AdminError unless the Host is `localhost`, an IP literal or one of the names (lower case). */
export function checkHost(host: string | undefined, names: ReadonlySet<string>): void {
  const authority = parseAuthority(host ?? '');
  if ('host' in authority) {
    const name = authority.host;
    if (name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0 || names.has(name)) return;
  }
  throw new AdminError(
    421,
    'misdirected',
    'The Host header names another server. Use localhost, an IP address or a name from admin.allowedHosts.',
  );
}

/** @throws AdminError unless the Authorization header carries the token. */
export function checkToken(authorization: string | undefined, token: SecretText | undefined): void {
  if (token === undefined) throw new AdminError(403, 'forbidden', 'Changes need a token, and none is configured.');
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (given === undefined || !equalInConstantTime(given, token.reveal())) {
    throw new AdminError(401, 'unauthorized', 'The Authorization header must carry the admin token: Bearer TOKEN.');
  }
}

/** Of the digests, so that the time tells nothing about the length either. */
function equalInConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
