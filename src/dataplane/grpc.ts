// What the gateway has to know of gRPC (its PROTOCOL-HTTP2 specification): which requests are calls, how long they may take, and how a
// failure is told.
import type { HeaderList } from './header-list.ts';

/** The codes that the gateway itself answers with. */
export const GRPC_STATUS = {
  cancelled: 1,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

const CONTENT_TYPE = 'application/grpc';

/** `application/grpc`, with a `+format` or parameters; not gRPC-Web, which is another protocol. */
export function isGrpcCall(headers: HeaderList): boolean {
  const type = headers.get('content-type');
  if (type === undefined || !type.startsWith(CONTENT_TYPE)) return false;
  const next = type[CONTENT_TYPE.length];
  return next === undefined || next === '+' || next === ';' || next === ' ';
}

/** Milliseconds by unit of `grpc-timeout`. */
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };
const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/;

/** Of a `grpc-timeout` field, in milliseconds, rounded up; undefined where it is not valid: then it means nothing. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits, unit = ''] = TIMEOUT.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return Math.ceil(Number(digits) * (UNITS[unit] as number));
}

/** `grpc-message`: UTF-8, with everything but printable ASCII and `%` itself percent-encoded. */
export function encodeGrpcMessage(message: string): string {
  let encoded = '';
  for (const byte of Buffer.from(message)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== PERCENT;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

const PERCENT = 0x25;
