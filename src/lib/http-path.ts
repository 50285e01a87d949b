// Brings the path of a request target into the one form that is matched, limited, logged and forwarded, or refuses it.
// Invariant: the result is a fixed point, and no reader that decodes it once finds a dot segment in it.

/** Why a path is refused; the answer is 400. */
export interface PathProblem {
  readonly problem: string;
}

const NOT_ABSOLUTE: PathProblem = { problem: 'the path does not start with /' };
const FORBIDDEN_CHARACTER: PathProblem = { problem: 'the path holds a character that must not appear in it' };
const FORBIDDEN_ESCAPE: PathProblem = { problem: 'the path holds an escaped NUL or backslash' };
const MALFORMED_ESCAPE: PathProblem = { problem: 'the path holds a malformed escape' };
const OVERLONG_ESCAPE: PathProblem = { problem: 'the path holds an overlong UTF-8 sequence' };
const ABOVE_ROOT: PathProblem = { problem: 'the path leads above the root' };
const HIDDEN_DOT_SEGMENT: PathProblem = { problem: 'the path hides a dot segment' };

const SLASH = 0x2f;
const DOT = 0x2e;
const SEMICOLON = 0x3b;
const PERCENT = 0x25;

/** What a character is to the scan. */
const PLAIN = 0;
const SEGMENT = 1;
const ESCAPE = 2;
const FORBIDDEN = 3;
const CLASSES: Uint8Array = characterClasses();

const SINGLE_DOT = /^(?:\.|%2e)$/i;
const DOUBLE_DOT = /^(?:\.|%2e){2}$/i;
const ESCAPED_SLASH = /%2f/i;
const ESCAPED_SLASHES = /%2f/gi;
/**
 * A dot segment for a less careful reader: one that takes `%2F` for a slash, or one that cuts path parameters off (`..;x`) before it
 * resolves dot segments, as servlet containers do; `%3B` counts as `;` because some decode first.
 */
const DOTS_FOR_OTHERS = /(?:^|%2f)(?:\.|%2e){1,2}(?:;|%3b|%2f|$)/i;

/**
 * `raw` is the latin1 text of the path without its query. Duplicate slashes are merged, then dot segments are removed (RFC 3986
 * section 5.2.4) but never above the root. Escapes are not decoded: `%2F` and `%25` are data. Bytes from 0x80 on are refused: RFC 3986
 * has no place for them, and upstreams disagree about their meaning. All else comes back byte for byte, as the same string where
 * nothing had to change.
 */
export function normalizePath(raw: string): string | PathProblem {
  if (raw.charCodeAt(0) !== SLASH) return NOT_ABSOLUTE;
  let isSettled = true;
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    const characterClass = code < CLASSES.length ? CLASSES[code] : FORBIDDEN;
    if (characterClass === PLAIN) continue;
    if (characterClass === FORBIDDEN) return FORBIDDEN_CHARACTER;
    if (characterClass === SEGMENT) {
      if (mayChangeAt(raw, i + 1)) isSettled = false;
      continue;
    }
    const value = escapeAt(raw, i);
    if (value < 0) return MALFORMED_ESCAPE;
    if (value === 0 || value === 0x5c) return FORBIDDEN_ESCAPE;
    if (isOverlong(value, raw, i + 3)) return OVERLONG_ESCAPE;
    if (value === DOT || value === SLASH) isSettled = false;
    i += 2;
  }
  return isSettled ? raw : resolveSegments(raw);
}

export function hasEscapedSlash(path: string): boolean {
  return ESCAPED_SLASH.test(path);
}

/** Of a normalised path: with `/` for each `%2F`, normalised again. */
export function unescapeSlashes(path: string): string | PathProblem {
  return normalizePath(path.replaceAll(ESCAPED_SLASHES, '/'));
}

/** Whether the segment that starts here is empty (a duplicate slash) or begins like a dot segment. */
function mayChangeAt(raw: string, start: number): boolean {
  const first = raw.charCodeAt(start);
  if (first === SLASH) return true;
  if (first !== DOT) return false;
  if (start + 1 === raw.length) return true;
  const second = raw.charCodeAt(start + 1);
  return second === DOT || second === SLASH || second === SEMICOLON || second === PERCENT;
}

function resolveSegments(raw: string): string | PathProblem {
  const kept: string[] = [];
  let endsWithSlash = false;
  for (const segment of raw.split('/')) {
    endsWithSlash = true;
    if (segment === '' || SINGLE_DOT.test(segment)) continue;
    if (DOUBLE_DOT.test(segment)) {
      if (kept.pop() === undefined) return ABOVE_ROOT;
      continue;
    }
    if (DOTS_FOR_OTHERS.test(segment)) return HIDDEN_DOT_SEGMENT;
    kept.push(segment);
    endsWithSlash = false;
  }
  const path = `/${kept.join('/')}`;
  return endsWithSlash && kept.length > 0 ? `${path}/` : path;
}

/** The value of the escape `%xx` at `index`, or -1. */
function escapeAt(raw: string, index: number): number {
  const high = hexDigit(raw.charCodeAt(index + 1));
  const low = hexDigit(raw.charCodeAt(index + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Whether the byte, with the escape at `next`, spells a character in more bytes than it needs: a second spelling of `/` or `.`. */
function isOverlong(lead: number, raw: string, next: number): boolean {
  if (lead < 0xc0) return false;
  if (lead <= 0xc1) return true;
  const end = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : lead === 0xf8 ? 0x88 : lead === 0xfc ? 0x84 : 0;
  if (end === 0 || raw.charCodeAt(next) !== PERCENT) return false;
  const following = escapeAt(raw, next);
  return following >= 0x80 && following < end;
}

function characterClasses(): Uint8Array {
  const classes = new Uint8Array(0x80).fill(PLAIN);
  classes.fill(FORBIDDEN, 0, 0x21);
  for (const character of ['\\', '#', '?', '\x7f']) classes[character.charCodeAt(0)] = FORBIDDEN;
  classes[SLASH] = SEGMENT;
  classes[PERCENT] = ESCAPE;
  return classes;
}
