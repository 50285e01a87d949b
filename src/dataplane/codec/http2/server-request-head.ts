// Settles what a request says about itself (RFC 9113 section 8.3), as strictly as the HTTP/1.1 codec does and into the same form.
import { randomBytes } from 'node:crypto';
import { parseAuthority } from '../../../lib/authority.ts';
import { normalizePath } from '../../../lib/http-path.ts';
import type { BodyLength } from '../../exchange.ts';
import { FIELD_VALUE, METHOD, TARGET, TOKEN } from '../http1/character.ts';
import { deceptiveName, FieldSection } from '../http1/field-section.ts';
import type { ParseProblem } from '../http1/field-section.ts';
import { isPseudoField, malformed, readFields } from './fields.ts';
import type { FieldProblem } from './fields.ts';
import type { Http2Limits } from './server-settings.ts';

const MAX_METHOD_LENGTH = 32;
/** What a field has in HTTP/1.1 beside its name and value, so that one limit means the same on both. */
const FIELD_PUNCTUATION_BYTES = 4;

/** One per connection, filled anew by each `parse`; strings and the field array it hands out are not reused. */
export class Http2RequestHeadParser {
  method = '';
  path = '';
  query: string | undefined = undefined;
  authority = '';
  host = '';
  section: FieldSection = new FieldSection();
  bodyLength: BodyLength = 0;
  /** The protocol of an extended CONNECT (RFC 8441), which from here on is a GET that asks for an upgrade. */
  upgrade: string | undefined = undefined;

  readonly #limits: Http2Limits;
  #method: string | undefined = undefined;
  #target: string | undefined = undefined;
  #scheme: string | undefined = undefined;
  /** `:authority`. */
  #named: string | undefined = undefined;
  #protocol: string | undefined = undefined;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
  }

  /** @param raw name, value, … as they were decoded. */
  parse(raw: readonly string[], endsStream: boolean): FieldProblem | undefined {
    this.#reset();
    const position = this.#readPseudoFields(raw);
    if (typeof position !== 'number') return position;
    return (
      this.#settleMethod() ??
      this.#checkSize(raw) ??
      readFields(raw, position, this.section, {
        maxCount: this.#limits.maxHeaderCount,
        allowUnderscore: this.#limits.allowUnderscore,
      }) ??
      deceptiveName(this.section.fields, this.#limits) ??
      this.#settleConnect() ??
      this.#settleTarget() ??
      this.#settleFraming(endsStream)
    );
  }

  /** Returns where the other fields begin. */
  #readPseudoFields(raw: readonly string[]): number | FieldProblem {
    let position = 0;
    for (; position < raw.length && isPseudoField(raw[position] as string); position += 2) {
      const value = raw[position + 1] as string;
      switch (raw[position]) {
        case ':method':
          if (this.#method !== undefined) return REPEATED_PSEUDO_FIELD;
          this.#method = value;
          break;
        case ':path':
          if (this.#target !== undefined) return REPEATED_PSEUDO_FIELD;
          this.#target = value;
          break;
        case ':scheme':
          if (this.#scheme !== undefined) return REPEATED_PSEUDO_FIELD;
          this.#scheme = value;
          break;
        case ':authority':
          if (this.#named !== undefined) return REPEATED_PSEUDO_FIELD;
          this.#named = value;
          break;
        case ':protocol':
          if (this.#protocol !== undefined) return REPEATED_PSEUDO_FIELD;
          this.#protocol = value;
          break;
        default:
          return UNKNOWN_PSEUDO_FIELD;
      }
    }
    return position;
  }

  #reset(): void {
    this.method = '';
    this.path = '';
    this.query = undefined;
    this.authority = '';
    this.host = '';
    this.section = new FieldSection();
    this.bodyLength = 0;
    this.upgrade = undefined;
    this.#method = undefined;
    this.#target = undefined;
    this.#scheme = undefined;
    this.#named = undefined;
    this.#protocol = undefined;
  }

  #settleMethod(): FieldProblem | undefined {
    const method = this.#method;
    if (method === undefined) return MISSING_PSEUDO_FIELD;
    if (!consistsOf(method, METHOD_BYTES)) return INVALID_METHOD;
    if (method === '' || method.length > MAX_METHOD_LENGTH || !consistsOf(method, METHOD)) return UNKNOWN_METHOD;
    this.method = method;
    return undefined;
  }

  #checkSize(raw: readonly string[]): ParseProblem | undefined {
    const { maxUriBytes, maxHeadBytes } = this.#limits;
    if (this.#target !== undefined && this.#target.length > maxUriBytes) return URI_TOO_LONG;
    let bytes = 0;
    for (const text of raw) bytes += text.length;
    return bytes + (raw.length / 2) * FIELD_PUNCTUATION_BYTES > maxHeadBytes ? HEAD_TOO_LARGE : undefined;
  }

  #settleConnect(): FieldProblem | undefined {
    const { method, section } = this;
    const protocol = this.#protocol;
    if (method !== 'CONNECT' && protocol !== undefined) return MISPLACED_PROTOCOL;
    if (method === 'TRACE' || method === 'TRACK') return METHOD_REFUSED;
    if (method !== 'CONNECT') return undefined;
    if (protocol === undefined) return METHOD_REFUSED;
    if (protocol !== 'websocket') return UNSUPPORTED_PROTOCOL;
    if (section.contentLength !== -1) return CONNECT_WITH_LENGTH;
    this.method = 'GET';
    this.upgrade = protocol;
    // HTTP/1.1 upstreams want the nonce that this form of the handshake does without.
    section.fields = section.fields.filter((_, i, fields) => fields[i - (i % 2)] !== 'sec-websocket-key');
    section.fields.push('sec-websocket-key', randomBytes(16).toString('base64'));
    return undefined;
  }

  #settleTarget(): FieldProblem | undefined {
    const target = this.#target;
    const scheme = this.#scheme;
    const named = this.#named;
    const { section } = this;
    if (target === undefined || scheme === undefined) return MISSING_PSEUDO_FIELD;
    if (!consistsOf(scheme, SCHEME_BYTES)) return INVALID_SCHEME;
    const isOptionsOfAll = target === '*' && this.method === 'OPTIONS';
    if ((target[0] !== '/' && !isOptionsOfAll) || !consistsOf(target, FIELD_VALUE) || hasBlank(target))
      return INVALID_PATH;
    if (!consistsOf(target, TARGET)) return INVALID_TARGET;
    // Which of the two it is, a proxy in front may know better than this connection; everything behind goes by the connection.
    if (scheme !== 'http' && scheme !== 'https') return UNKNOWN_SCHEME;
    if (section.hosts > 1) return SEVERAL_HOSTS;
    if (named === undefined && section.hosts === 0) return MISSING_HOST;
    if (section.hosts === 1 && section.host === '') return EMPTY_HOST;
    const authority = named ?? section.host;
    if (!consistsOf(authority, AUTHORITY_BYTES)) return INVALID_AUTHORITY;
    if (section.hosts === 1 && section.host.toLowerCase() !== authority.toLowerCase()) return HOST_MISMATCH;
    const parsed = parseAuthority(authority);
    if ('problem' in parsed) return { code: 'bad_request', message: `:authority: ${parsed.problem}` };
    this.authority = parsed.authority;
    this.host = parsed.host;

    const mark = target.indexOf('?');
    if (mark !== -1) this.query = target.slice(mark + 1);
    if (isOptionsOfAll) {
      this.path = target;
      return undefined;
    }
    const path = normalizePath(mark === -1 ? target : target.slice(0, mark));
    if (typeof path !== 'string') return { code: 'bad_request', message: path.problem };
    this.path = path;
    return undefined;
  }

  #settleFraming(endsStream: boolean): FieldProblem | undefined {
    const { contentLength, expect } = this.section;
    if (endsStream && contentLength > 0) return MISSING_BODY;
    if (!endsStream && this.upgrade === undefined) {
      const { maxBodyBytes } = this.#limits;
      if (maxBodyBytes !== 0 && contentLength > maxBodyBytes) return BODY_TOO_LARGE;
      this.bodyLength = contentLength === -1 ? 'chunked' : contentLength;
    }
    return expect !== undefined && expect !== '100-continue' ? UNKNOWN_EXPECTATION : undefined;
  }
}

function consistsOf(text: string, allowed: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (allowed[text.charCodeAt(i)] !== 1) return false;
  return true;
}

function hasBlank(text: string): boolean {
  return text.includes(' ') || text.includes('\t');
}

/** What may stand in a message at all; beyond it, it is malformed. */
const METHOD_BYTES: Uint8Array = TOKEN.map((kind) => (kind === 0 ? 0 : 1));
const SCHEME_BYTES: Uint8Array = METHOD_BYTES;
const AUTHORITY_BYTES: Uint8Array = FIELD_VALUE.map((allowed, byte) =>
  allowed === 1 && byte > 0x20 && byte !== 0x2f && byte !== 0x3f && byte !== 0x23 ? 1 : 0,
);

const UNKNOWN_PSEUDO_FIELD = malformed('a pseudo-header field is not known');
const REPEATED_PSEUDO_FIELD = malformed('a pseudo-header field appears more than once');
const MISSING_PSEUDO_FIELD = malformed('a pseudo-header field is missing');
const MISPLACED_PROTOCOL = malformed(':protocol belongs to CONNECT');
const INVALID_METHOD = malformed(':method is no token');
const INVALID_SCHEME = malformed(':scheme is malformed');
const INVALID_PATH = malformed(':path is malformed');
const INVALID_AUTHORITY = malformed(':authority is malformed');
const SEVERAL_HOSTS = malformed('Host appears more than once');
const EMPTY_HOST = malformed('Host is empty');
const MISSING_HOST = malformed('both :authority and Host are missing');
const MISSING_BODY = malformed('Content-Length announces a body, and there is none');
const UNKNOWN_METHOD = problem(':method does not consist of upper-case letters');
const INVALID_TARGET = problem(':path holds a byte that must be percent-encoded');
const UNKNOWN_SCHEME = problem(':scheme is neither http nor https');
const HOST_MISMATCH = problem(':authority and Host name different hosts');
const CONNECT_WITH_LENGTH = problem('a request for a tunnel has no Content-Length');
const METHOD_REFUSED: ParseProblem = { code: 'method_not_allowed', message: 'CONNECT, TRACE and TRACK are not served' };
const UNSUPPORTED_PROTOCOL: ParseProblem = {
  code: 'not_implemented',
  message: 'extended CONNECT is served for websocket only',
};
const URI_TOO_LONG: ParseProblem = { code: 'uri_too_long', message: ':path is too long' };
const HEAD_TOO_LARGE: ParseProblem = { code: 'headers_too_large', message: 'the head of the request is too large' };
const BODY_TOO_LARGE: ParseProblem = { code: 'payload_too_large', message: 'the request body is larger than allowed' };
const UNKNOWN_EXPECTATION: ParseProblem = {
  code: 'expectation_failed',
  message: 'only Expect: 100-continue is known',
};

function problem(message: string): ParseProblem {
  return { code: 'bad_request', message };
}
