// Field sections between node:http2 and the rest of the data plane. nghttp2 has checked names and values byte by byte and dropped or reset
// what is malformed; what a field means is decided by the same FieldSection as in HTTP/1.1.
import type { OutgoingHttpHeaders } from 'node:http2';
import type { HeaderList } from '../../header-list.ts';
import { FieldSection } from '../http1/field-section.ts';
import type { FieldLimits, ParseProblem } from '../http1/field-section.ts';

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
): ParseProblem | undefined {
  if ((raw.length - start) / 2 > limits.maxCount)
    return { code: 'headers_too_large', message: `more than ${limits.maxCount} header fields` };
  let cookie: string | undefined;
  for (let i = start; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (isPseudoField(name)) return MISPLACED_PSEUDO_FIELD;
    if (!limits.allowUnderscore && name.includes('_')) return UNDERSCORE_NAME;
    if (name === 'cookie') {
      cookie = cookie === undefined ? value : `${cookie}; ${value}`;
      continue;
    }
    const problem = section.add(name, false, value);
    if (problem !== undefined) return problem;
  }
  if (cookie !== undefined) section.fields.push('cookie', cookie);
  // The others of a connection are dropped; these two would change what the message is.
  return section.isChunked || section.upgrade !== undefined ? CONNECTION_FIELD : undefined;
}

/** The fields of a trailer section as they came, or why it is refused. */
export function readTrailers(raw: readonly string[], limits: FieldLimits): readonly string[] | ParseProblem {
  const section = new FieldSection();
  return readFields(raw, 0, section, limits) ?? section.fields;
}

/** For the calls of node:http2 that take no flat list. */
export function fieldObject(headers: HeaderList): OutgoingHttpHeaders {
  const object: OutgoingHttpHeaders = Object.create(null) as OutgoingHttpHeaders;
  const { fields } = headers;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const earlier = object[name];
    if (earlier === undefined) object[name] = value;
    else if (Array.isArray(earlier)) earlier.push(value);
    else object[name] = [earlier as string, value];
  }
  return object;
}

const MISPLACED_PSEUDO_FIELD = problem('a pseudo-header field stands where none may');
const UNDERSCORE_NAME = problem('a header field name contains an underscore');
const CONNECTION_FIELD = problem('HTTP/2 has no Transfer-Encoding and no Upgrade');

function problem(message: string): ParseProblem {
  return { code: 'bad_request', message };
}
