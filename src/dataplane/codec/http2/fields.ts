// Field sections of HTTP/2: what RFC 9113 section 8.2 asks of names and values is checked here, byte by byte; what a field means is decided
// by the same FieldSection as in HTTP/1.1.
import { FIELD_VALUE, TAB, TOKEN, TOKEN_UNDERSCORE, TOKEN_UPPER, SP } from '../http1/character.ts';
import { fieldName } from '../http1/field-role.ts';
import { FieldSection } from '../http1/field-section.ts';
import type { FieldLimits, ParseProblem } from '../http1/field-section.ts';

/** Why a section is refused. A malformed message must not be answered as if it were one: its stream is reset. */
export interface FieldProblem extends ParseProblem {
  readonly isMalformed?: boolean;
}

const COLON = 0x3a;

export function isPseudoField(name: string): boolean {
  return name.charCodeAt(0) === COLON;
}

/**
 * Reads name, value, … from `start` on, behind the pseudo fields. Cookie crumbs become one field (RFC 9113 section 8.2.3).
 * @returns why the section is refused.
 */
export function readFields(
  raw: readonly string[],
  start: number,
  section: FieldSection,
  limits: FieldLimits,
): FieldProblem | undefined {
  let cookie: string | undefined;
  let hasUnderscore = false;
  for (let i = start; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    const kind = nameKind(name);
    if (kind === INVALID) return isPseudoField(name) ? MISPLACED_PSEUDO_FIELD : INVALID_NAME;
    if (!isFieldValue(value)) return INVALID_VALUE;
    hasUnderscore ||= kind === WITH_UNDERSCORE;
    if (name === 'cookie') {
      cookie = cookie === undefined ? value : `${cookie}; ${value}`;
      continue;
    }
    const problem = addField(section, name, value);
    if (problem !== undefined) return problem;
  }
  if (hasUnderscore && !limits.allowUnderscore) return UNDERSCORE_NAME;
  if (cookie !== undefined) section.fields.push('cookie', cookie);
  if ((raw.length - start) / 2 > limits.maxCount)
    return { code: 'headers_too_large', message: `more than ${limits.maxCount} header fields` };
  return undefined;
}

function addField(section: FieldSection, name: string, value: string): FieldProblem | undefined {
  switch (fieldName(name, false).role) {
    case 'endToEnd':
      section.fields.push(name, value);
      return undefined;
    case 'connection':
    case 'keepAlive':
    case 'upgrade':
    case 'transferEncoding':
      return CONNECTION_FIELD;
    case 'hopByHop':
      return name === 'proxy-connection' ? CONNECTION_FIELD : undefined;
    case 'te':
      if (value.toLowerCase() !== 'trailers') return CONNECTION_FIELD;
      section.acceptsTrailers = true;
      return undefined;
    default: {
      const problem = section.add(name, false, value);
      return problem && { ...problem, isMalformed: true };
    }
  }
}

/** The fields of a trailer section as they came, or why it is refused. */
export function readTrailers(raw: readonly string[], limits: FieldLimits): readonly string[] | FieldProblem {
  const section = new FieldSection();
  return readFields(raw, 0, section, limits) ?? section.fields;
}

const INVALID = 0;
const VALID = 1;
const WITH_UNDERSCORE = 2;

function nameKind(name: string): number {
  let kind = name === '' ? INVALID : VALID;
  for (let i = 0; i < name.length; i++) {
    const seen = TOKEN[name.charCodeAt(i)] as number;
    if (seen === 0 || seen === TOKEN_UPPER) return INVALID;
    if (seen === TOKEN_UNDERSCORE) kind = WITH_UNDERSCORE;
  }
  return kind;
}

function isFieldValue(value: string): boolean {
  const { length } = value;
  for (let i = 0; i < length; i++) if (FIELD_VALUE[value.charCodeAt(i)] !== 1) return false;
  return length === 0 || !(isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(length - 1)));
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === TAB;
}

const MISPLACED_PSEUDO_FIELD = malformed('a pseudo-header field stands where none may');
const INVALID_NAME = malformed('a header field name is empty, not lower case or malformed');
const INVALID_VALUE = malformed('a header field value contains a control character or is surrounded by blanks');
const CONNECTION_FIELD = malformed('a header field belongs to a connection of HTTP/1.1');
const UNDERSCORE_NAME: FieldProblem = { code: 'bad_request', message: 'a header field name contains an underscore' };

export function malformed(message: string): FieldProblem {
  return { code: 'bad_request', message, isMalformed: true };
}
