// The W3C Trace Context header `traceparent`: version-traceId-parentId-flags, lower-case hex. Parsed strictly, as the text is logged
// and forwarded; whoever finds it malformed or repeated treats it as absent.

export interface Traceparent {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, not all zero: the caller's span. */
  readonly parentId: string;
  readonly sampled: boolean;
}

const VERSION_00_LENGTH = 55;
const SAMPLED_FLAG = 1;
const DASH = 0x2d;

/** Value of a lower-case hex digit by its character code; -1 for all others. */
const HEX_VALUES: Int8Array = Int8Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code)),
);

/** Trace Context level 1, section 3.2: an unknown version is read as far as version 00 goes; `ff` is invalid. */
export function parseTraceparent(value: string): Traceparent | undefined {
  if (value.length < VERSION_00_LENGTH) return undefined;
  const version = hexSum(value, 0, 2);
  if (version < 0 || value.startsWith('ff')) return undefined;
  if (value.length > VERSION_00_LENGTH && (version === 0 || value.charCodeAt(VERSION_00_LENGTH) !== DASH))
    return undefined;
  if (value.charCodeAt(2) !== DASH || value.charCodeAt(35) !== DASH || value.charCodeAt(52) !== DASH) return undefined;
  if (hexSum(value, 3, 35) <= 0 || hexSum(value, 36, 52) <= 0 || hexSum(value, 53, 55) < 0) return undefined;
  const flags = HEX_VALUES[value.charCodeAt(54)] as number;
  return {
    traceId: value.slice(3, 35),
    parentId: value.slice(36, 52),
    sampled: (flags & SAMPLED_FLAG) !== 0,
  };
}

/** Sum of the hex digits from start to end: 0 when all are zero, -1 when one is not a lower-case hex digit. */
function hexSum(text: string, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) {
    const digit = HEX_VALUES[text.charCodeAt(i)] ?? -1;
    if (digit < 0) return -1;
    sum += digit;
  }
  return sum;
}
