// The OpenAPI formats that occur in the schemas of known kinds.
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

interface Format {
  readonly matches: (value: unknown) => boolean;
  /** Completes "must be …". */
  readonly meaning: string;
}

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;

/** Whether a text is an IPv4 address, or an IPv6 address that is neither scoped to a zone nor an IPv4 address in disguise. */
export function isIPAddress(text: string): boolean {
  return (
    isIPv4(text) ||
    (isPlainIPv6(text) && !new SocketAddress({ address: text, family: 'ipv6' }).address.startsWith('::ffff:'))
  );
}

/** Whether a text is such an address with the length of a prefix. */
export function isNetwork(text: string): boolean {
  const [, address = '', bits] = NETWORK.exec(text) ?? [];
  return isIPAddress(address) && Number(bits) <= (isIPv4(address) ? 32 : 128);
}

const NETWORK = /^([^/]+)\/(0|[1-9]\d{0,2})$/;

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isInteger(value: unknown, bits: number): boolean {
  return Number.isInteger(value) && Number(value) >= -(2 ** (bits - 1)) && Number(value) < 2 ** (bits - 1);
}

function isDateTime(value: string): boolean {
  const parts = DATE_TIME.exec(value);
  if (parts === null) return false;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** Standard base64 with padding; line breaks are allowed, as the API server allows them. */
function isBase64(value: string): boolean {
  const digits = value.replaceAll(/[\r\n]/g, '');
  return digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
}

const FORMATS: Readonly<Record<string, Format>> = {
  int32: { matches: (value) => isInteger(value, 32), meaning: 'a 32-bit integer' },
  int64: { matches: (value) => isInteger(value, 64), meaning: 'a 64-bit integer' },
  ipv4: { matches: (value) => typeof value === 'string' && isIPv4(value), meaning: 'an IPv4 address' },
  ipv6: { matches: (value) => typeof value === 'string' && isPlainIPv6(value), meaning: 'an IPv6 address' },
  'date-time': {
    matches: (value) => typeof value === 'string' && isDateTime(value),
    meaning: 'a time as in 2026-01-31T12:00:00Z',
  },
  byte: { matches: (value) => typeof value === 'string' && isBase64(value), meaning: 'base64 with padding' },
};

/** What a value of the format must be, to complete "must be …"; undefined when it is such a value or the format is not known. */
export function formatViolation(value: unknown, format: string): string | undefined {
  const known = FORMATS[format];
  return known === undefined || known.matches(value) ? undefined : known.meaning;
}
