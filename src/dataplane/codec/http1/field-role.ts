// What the codec has to know of a header field by its name: whether it frames the message, belongs to this hop only, or is the
// business of everybody behind the codec.

import { isClientClaim } from '../../client-claim.ts';

export type FieldRole =
  | 'endToEnd'
  | 'contentLength'
  | 'transferEncoding'
  | 'host'
  | 'connection'
  | 'upgrade'
  | 'te'
  | 'expect'
  | 'keepAlive'
  | 'hopByHop';

export interface FieldName {
  /** Lower case. */
  readonly name: string;
  readonly role: FieldRole;
}

/** Hop-by-hop fields end at this hop in both directions (RFC 9110 section 7.6.1); `http2-settings` only ever belonged to `Upgrade: h2c`. */
const ROLES: Readonly<Record<string, FieldRole>> = {
  'content-length': 'contentLength',
  'transfer-encoding': 'transferEncoding',
  host: 'host',
  connection: 'connection',
  upgrade: 'upgrade',
  te: 'te',
  expect: 'expect',
  'keep-alive': 'keepAlive',
  'proxy-connection': 'hopByHop',
  'proxy-authenticate': 'hopByHop',
  'proxy-authorization': 'hopByHop',
  trailer: 'hopByHop',
  'http2-settings': 'hopByHop',
};

/** Ordinary names worth knowing by their usual spelling, so that one look-up replaces lower-casing. */
const COMMON_NAMES: readonly string[] = words(`
  accept accept-encoding accept-language accept-ranges age authorization cache-control content-encoding content-type cookie
  date etag expires if-modified-since if-none-match last-modified location origin pragma range referer
  sec-websocket-accept sec-websocket-key sec-websocket-protocol sec-websocket-version server set-cookie traceparent
  tracestate user-agent vary via x-forwarded-for x-forwarded-proto x-request-id`);

const KNOWN_NAMES: ReadonlyMap<string, FieldName> = knownNames();

/** @param spelled the name as it came; `hasUpperCase` as the scanner saw it. */
export function fieldName(spelled: string, hasUpperCase: boolean): FieldName {
  const known = KNOWN_NAMES.get(spelled);
  if (known !== undefined) return known;
  if (!hasUpperCase) return { name: spelled, role: 'endToEnd' };
  const name = spelled.toLowerCase();
  return KNOWN_NAMES.get(name) ?? { name, role: 'endToEnd' };
}

/**
 * Fields that must not arrive as trailers, because a recipient that merges trailers into headers would act on them: framing,
 * routing, authentication, and what says how to read the body (RFC 9110 section 6.5.1).
 */
export function isForbiddenTrailer(name: string): boolean {
  return (
    FORBIDDEN_TRAILERS.has(name) || (KNOWN_NAMES.get(name)?.role ?? 'endToEnd') !== 'endToEnd' || isClientClaim(name)
  );
}

const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set(
  words(`
  age authentication-info authorization cache-control content-encoding content-range content-type cookie date expires
  if-match if-modified-since if-none-match if-range if-unmodified-since location max-forwards origin pragma range
  retry-after set-cookie vary via www-authenticate`),
);

function knownNames(): Map<string, FieldName> {
  const names = new Map<string, FieldName>();
  for (const name of [...Object.keys(ROLES), ...COMMON_NAMES]) {
    const known: FieldName = { name, role: ROLES[name] ?? 'endToEnd' };
    names.set(name, known);
    names.set(
      name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()),
      known,
    );
  }
  return names;
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
