// Parses the head of an upstream's response (RFC 9112 sections 4 and 6.3) and settles how its body ends.
import type { BodyLength } from '../../exchange.ts';
import { CR, FIELD_VALUE, LF, SP } from './character.ts';
import { FieldSection } from './field-section.ts';
import type { ParseProblem } from './field-section.ts';

export interface ParsedResponseHead {
  readonly status: number;
  readonly section: FieldSection;
  /** Of the body that follows; 0 for none. */
  readonly bodyLength: BodyLength | 'untilClose';
  /** What the head declares, for an answer without a body (HEAD, 304) too; undefined where it declares nothing. */
  readonly declaredLength: BodyLength | undefined;
  /** Whether the upstream lets the connection be used again. */
  readonly keepsAlive: boolean;
}

/** @param text the head with its closing empty line, as latin1; `method` is the request's. */
export function parseResponseHead(
  text: string,
  method: string,
  maxHeaderCount: number,
): ParsedResponseHead | ParseProblem {
  const isHttp10 = text.startsWith('HTTP/1.0 ');
  if (!isHttp10 && !text.startsWith('HTTP/1.1 ')) return INVALID_STATUS_LINE;
  const digits = text.slice(9, 12);
  if (!/^[1-5]\d\d$/.test(digits)) return INVALID_STATUS_LINE;
  const status = Number(digits);
  let position = 12;
  let byte = text.charCodeAt(position);
  if (byte !== SP && byte !== CR) return INVALID_STATUS_LINE;
  while (FIELD_VALUE[byte] === 1) byte = text.charCodeAt(++position);
  if (byte !== CR || text.charCodeAt(position + 1) !== LF) return INVALID_STATUS_LINE;

  const section = new FieldSection();
  const problem = section.parse(text, position + 2, { maxCount: maxHeaderCount, allowUnderscore: true });
  if (problem !== undefined) return problem;
  if (section.isChunked && isHttp10) return CHUNKED_HTTP10;

  const declaredLength = section.isChunked
    ? 'chunked'
    : section.contentLength === -1
      ? undefined
      : section.contentLength;
  const hasNoBody = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const bodyLength = hasNoBody ? 0 : (declaredLength ?? 'untilClose');
  const keepsAlive = bodyLength !== 'untilClose' && !section.closes && (!isHttp10 || section.keepsAlive);
  return { status, section, bodyLength, declaredLength, keepsAlive };
}

const INVALID_STATUS_LINE = problem('the status line is malformed');
const CHUNKED_HTTP10 = problem('HTTP/1.0 has no Transfer-Encoding');

function problem(message: string): ParseProblem {
  return { code: 'upstream_protocol_error', message };
}
