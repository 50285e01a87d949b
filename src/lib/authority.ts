// The authority of a request (Host, :authority, absolute-form target): exactly one uri-host[:port] without userinfo, or refused.
// Invariant: an accepted authority has one reading, and its canonical text has no comma, blank, slash, escape or byte above 0x7f.
import { isIPv4, isIPv6 } from 'node:net';

export interface Authority {
  /** Lower case, without a trailing dot; an IPv6 address keeps its brackets. What is matched. */
  readonly host: string;
  /** As the client sent it, the scheme's default included. */
  readonly port: number | undefined;
  /** `host[:port]`, what is forwarded. */
  readonly authority: string;
}

/** Why an authority is refused; the answer is 400. */
export interface AuthorityProblem {
  readonly problem: string;
}

const MAX_HOSTNAME_LENGTH = 253;
const MAX_PORT = 65_535;
const OPENING_BRACKET = 0x5b;

/**
 * Of RFC 3986's reg-name only what names are made of: no escapes, no sub-delims. A-labels are plain text here. `_` is accepted, and `-`
 * at either end of a label: such names exist in DNS and are in use, and neither character has a second meaning in a host.
 */
const NAME = /^[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?(?::[1-9][0-9]{0,4})?$/;
/** A zone (`%eth0`) means nothing to another machine, and IPvFuture has no use: both are refused. */
const BRACKETED = /^\[[0-9A-Fa-f:.]+\](?::[1-9][0-9]{0,4})?$/;
/** A last label that URL parsers read as part of an IPv4 address: then the whole must be one, in its four decimal parts. */
const NUMERIC_ENDING = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;

const NOT_A_HOST: AuthorityProblem = { problem: 'the host is not a valid host[:port]' };
const TOO_LONG: AuthorityProblem = { problem: `the host is longer than ${MAX_HOSTNAME_LENGTH} characters` };
const NOT_AN_ADDRESS: AuthorityProblem = { problem: 'the host is not a valid IP address' };
const PORT_OUT_OF_RANGE: AuthorityProblem = { problem: `the port is not in 1..${MAX_PORT}` };

export function parseAuthority(text: string): Authority | AuthorityProblem {
  const isBracketed = text.charCodeAt(0) === OPENING_BRACKET;
  if (!(isBracketed ? BRACKETED : NAME).test(text)) return NOT_A_HOST;
  const lower = text.toLowerCase();
  const colon = lower.indexOf(':', isBracketed ? lower.indexOf(']') : 0);
  const port = colon === -1 ? undefined : Number(lower.slice(colon + 1));
  if (port !== undefined && port > MAX_PORT) return PORT_OUT_OF_RANGE;

  const written = colon === -1 ? lower : lower.slice(0, colon);
  const host = written.endsWith('.') ? written.slice(0, -1) : written;
  if (host.length > MAX_HOSTNAME_LENGTH) return TOO_LONG;
  if (isBracketed ? !isIPv6(host.slice(1, -1)) : NUMERIC_ENDING.test(host) && !isIPv4(host)) return NOT_AN_ADDRESS;

  if (host === written) return { host, port, authority: lower };
  return { host, port, authority: port === undefined ? host : `${host}:${port}` };
}
