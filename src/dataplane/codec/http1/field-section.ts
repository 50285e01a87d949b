// Parses a header or trailer section: fields in order, framing and hop-by-hop fields told apart from the rest.
// Ambiguity is a problem, never repaired (RFC 9112 sections 5, 6 and 11.2).
import type { ProxyErrorCode } from '../../proxy-error.ts';
import { isClientClaim } from '../../client-claim.ts';
import { COLON, CR, FIELD_VALUE, LF, SP, TAB, TOKEN, TOKEN_UNDERSCORE, TOKEN_UPPER } from './character.ts';
import { fieldName } from './field-role.ts';

export interface ParseProblem {
  readonly code: ProxyErrorCode;
  readonly message: string;
}

export interface FieldLimits {
  readonly maxCount: number;
  /** Whether a name may hold `_`: some servers read `x_y` as `x-y`, which lets a client fake a field that was checked. */
  readonly allowUnderscore: boolean;
}

export class FieldSection {
  /** End-to-end fields: name, value, … */
  fields: string[] = [];
  /** -1 where absent. */
  contentLength = -1;
  isChunked = false;
  hosts = 0;
  host = '';
  closes = false;
  keepsAlive = false;
  asksUpgrade = false;
  upgrade: string | undefined = undefined;
  acceptsTrailers = false;
  expect: string | undefined = undefined;
  /** Seconds from `Keep-Alive: timeout=N`, or -1. */
  keepAliveSeconds = -1;

  #listed: string[] | undefined = undefined;
  #transferCodings = 0;

  /** @param text a section from `start`, ended by an empty line: the caller has seen CR LF CR LF (or CR LF at `start`). */
  parse(text: string, start: number, limits: FieldLimits): ParseProblem | undefined {
    let position = start;
    let count = 0;
    while (text.charCodeAt(position) !== CR) {
      if (++count > limits.maxCount)
        return { code: 'headers_too_large', message: `more than ${limits.maxCount} header fields` };
      const nameStart = position;
      let seen = 0;
      for (;;) {
        const kind = TOKEN[text.charCodeAt(position)] as number;
        if (kind === 0) break;
        seen |= kind;
        position++;
      }
      if (position === nameStart || text.charCodeAt(position) !== COLON) return INVALID_NAME;
      if ((seen & TOKEN_UNDERSCORE) !== 0 && !limits.allowUnderscore) return UNDERSCORE_NAME;
      const spelled = text.slice(nameStart, position);
      position++;
      let byte = text.charCodeAt(position);
      while (byte === SP || byte === TAB) byte = text.charCodeAt(++position);
      const valueStart = position;
      while (FIELD_VALUE[byte] === 1) byte = text.charCodeAt(++position);
      if (byte !== CR || text.charCodeAt(position + 1) !== LF) return INVALID_VALUE;
      let valueEnd = position;
      while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--;
      const problem = this.add(spelled, (seen & TOKEN_UPPER) !== 0, text.slice(valueStart, valueEnd));
      if (problem !== undefined) return problem;
      position += 2;
    }
    if (text.charCodeAt(position + 1) !== LF) return INVALID_VALUE;
    if (this.isChunked && this.contentLength !== -1) return BOTH_LENGTHS;
    if (this.#listed !== undefined) this.#dropListed(this.#listed);
    return undefined;
  }

  /** @param spelled a valid name; `hasUpperCase` as the scanner saw it. `value` is valid and without blanks around it. */
  add(spelled: string, hasUpperCase: boolean, value: string): ParseProblem | undefined {
    const { name, role } = fieldName(spelled, hasUpperCase);
    switch (role) {
      case 'endToEnd':
        this.fields.push(name, value);
        return undefined;
      case 'contentLength':
        return this.#addContentLength(value);
      case 'transferEncoding':
        return this.#addTransferEncoding(value);
      case 'host':
        this.hosts++;
        this.host = value;
        return undefined;
      case 'connection':
        this.#addConnection(value);
        return undefined;
      case 'upgrade':
        this.upgrade = this.upgrade === undefined ? value : `${this.upgrade}, ${value}`;
        return undefined;
      case 'te':
        if (/(^|[\t ,])trailers([\t ,;]|$)/i.test(value)) this.acceptsTrailers = true;
        return undefined;
      case 'expect':
        this.expect = this.expect === undefined ? value.toLowerCase() : `${this.expect}, ${value.toLowerCase()}`;
        return undefined;
      case 'keepAlive':
        this.keepAliveSeconds = Number(/(?:^|[\t ,])timeout=(\d{1,6})(?:[\t ,]|$)/i.exec(value)?.[1] ?? -1);
        return undefined;
      case 'hopByHop':
        return undefined;
    }
  }

  #addContentLength(value: string): ParseProblem | undefined {
    if (this.contentLength !== -1) return SEVERAL_LENGTHS;
    if (value.length === 0 || value.length > MAX_LENGTH_DIGITS) return INVALID_LENGTH;
    let length = 0;
    for (let i = 0; i < value.length; i++) {
      const digit = value.charCodeAt(i) - 0x30;
      if (digit < 0 || digit > 9) return INVALID_LENGTH;
      length = length * 10 + digit;
    }
    this.contentLength = length;
    return undefined;
  }

  #addTransferEncoding(value: string): ParseProblem | undefined {
    if (++this.#transferCodings > 1) return INVALID_TRANSFER_CODING;
    const coding = value.toLowerCase();
    if (coding === 'chunked') {
      this.isChunked = true;
      return undefined;
    }
    return /^(gzip|x-gzip|deflate|compress|x-compress)[\t ]*,[\t ]*chunked$/.test(coding)
      ? UNSUPPORTED_TRANSFER_CODING
      : INVALID_TRANSFER_CODING;
  }

  #addConnection(value: string): void {
    for (const part of value.split(',')) {
      const option = part.trim().toLowerCase();
      if (option === 'close') this.closes = true;
      else if (option === 'keep-alive') this.keepsAlive = true;
      else if (option === 'upgrade') this.asksUpgrade = true;
      else if (option !== '') (this.#listed ??= []).push(option);
    }
  }

  /**
   * Drops what `Connection` names, but for fields that a client could only name to make this hop lose what a later one relies
   * on (credentials, cookies, identity): those stay, as if they were not named.
   */
  #dropListed(listed: readonly string[]): void {
    const { fields } = this;
    const kept: string[] = [];
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] as string;
      if (listed.includes(name) && !isProtected(name)) continue;
      kept.push(name, fields[i + 1] as string);
    }
    this.fields = kept;
  }
}

/** 2^53 has 16 digits; one fewer keeps the sum exact. */
const MAX_LENGTH_DIGITS = 15;

const PROTECTED = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'cache-control',
  'content-type',
  'content-encoding',
  'forwarded',
]);

function isProtected(name: string): boolean {
  return PROTECTED.has(name) || name.startsWith('x-forwarded-') || name === 'x-real-ip' || name === 'x-request-id';
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === TAB;
}

/** Where underscores are allowed: one that makes a field pass for another, which is the gateway's to act on or to set. */
export function deceptiveName(
  fields: readonly string[],
  { allowUnderscore }: Pick<FieldLimits, 'allowUnderscore'>,
): ParseProblem | undefined {
  if (!allowUnderscore) return undefined;
  const isDeceptive = fields.some((name, i) => i % 2 === 0 && name.includes('_') && isOurs(name.replaceAll('_', '-')));
  return isDeceptive ? UNDERSCORE_NAME : undefined;
}

function isOurs(name: string): boolean {
  return fieldName(name, false).role !== 'endToEnd' || isClientClaim(name);
}

const INVALID_NAME = problem('a header field name is empty, malformed or not followed by a colon');
const UNDERSCORE_NAME = problem('a header field name contains an underscore');
const INVALID_VALUE = problem('a header field value contains a control character or a line break');
const INVALID_LENGTH = problem('Content-Length is not a number');
const SEVERAL_LENGTHS = problem('Content-Length appears more than once');
const BOTH_LENGTHS = problem('both Content-Length and Transfer-Encoding are present');
const INVALID_TRANSFER_CODING = problem('Transfer-Encoding is not exactly "chunked"');
const UNSUPPORTED_TRANSFER_CODING: ParseProblem = {
  code: 'not_implemented',
  message: 'a transfer coding other than chunked is not supported',
};

function problem(message: string): ParseProblem {
  return { code: 'bad_request', message };
}
