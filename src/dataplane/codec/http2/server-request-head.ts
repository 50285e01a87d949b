// Settles what a request says about itself (RFC 9113 section 8.3), as strictly as the HTTP/1.1 codec does and into the same form. nghttp2
// has checked that each pseudo-header field is there once, in front, and made of characters that it may have.
import { randomBytes } from 'node:crypto';
import { parseAuthority } from '../../../lib/authority.ts';
import { normalizePath } from '../../../lib/http-path.ts';
import type { BodyLength } from '../../exchange.ts';
import { METHOD, TARGET } from '../http1/character.ts';
import { deceptiveName, FieldSection } from '../http1/field-section.ts';
import type { ParseProblem } from '../http1/field-section.ts';
import { isPseudoField, readFields } from './fields.ts';
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

  constructor(limits: Http2Limits) {
    this.#limits = limits;
  }

  /** @param raw name, value, … as node:http2 hands them over. */
  parse(raw: readonly string[], endsStream: boolean): ParseProblem | undefined {
    this.#reset();
    let method = '';
    let target = '';
    let scheme = '';
    let authority: string | undefined;
    let protocol: string | undefined;
    let position = 0;
    for (; position < raw.length && isPseudoField(raw[position] as string); position += 2) {
      const value = raw[position + 1] as string;
      switch (raw[position]) {
        case ':method':
          method = value;
          break;
        case ':path':
          target = value;
          break;
        case ':scheme':
          scheme = value;
          break;
        case ':authority':
          authority = value;
          break;
        case ':protocol':
          protocol = value;
          break;
        default:
          return UNKNOWN_PSEUDO_FIELD;
      }
    }
    return (
      this.#settleMethod(method) ??
      this.#checkSize(raw, target) ??
      readFields(raw, position, this.section, {
        maxCount: this.#limits.maxHeaderCount,
        allowUnderscore: this.#limits.allowUnderscore,
      }) ??
      deceptiveName(this.section.fields, this.#limits) ??
      this.#settleConnect(protocol) ??
      this.#settleTarget(target, scheme, authority) ??
      this.#settleFraming(endsStream)
    );
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
  }

  #settleMethod(method: string): ParseProblem | undefined {
    if (method === '' || method.length > MAX_METHOD_LENGTH || !consistsOf(method, METHOD)) return INVALID_METHOD;
    this.method = method;
    return undefined;
  }

  #checkSize(raw: readonly string[], target: string): ParseProblem | undefined {
    const { maxUriBytes, maxHeadBytes } = this.#limits;
    if (target.length > maxUriBytes) return URI_TOO_LONG;
    let bytes = 0;
    for (const text of raw) bytes += text.length;
    return bytes + (raw.length / 2) * FIELD_PUNCTUATION_BYTES > maxHeadBytes ? HEAD_TOO_LARGE : undefined;
  }

  #settleConnect(protocol: string | undefined): ParseProblem | undefined {
    const { method, section } = this;
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

  #settleTarget(target: string, scheme: string, named: string | undefined): ParseProblem | undefined {
    if (!consistsOf(target, TARGET)) return INVALID_TARGET;
    // Which of the two it is, a proxy in front may know better than this connection; everything behind goes by the connection.
    if (scheme !== 'http' && scheme !== 'https') return UNKNOWN_SCHEME;
    const { section } = this;
    if (section.hosts > 1) return SEVERAL_HOSTS;
    if (named === undefined && section.hosts === 0) return MISSING_HOST;
    const authority = named ?? section.host;
    if (section.hosts === 1 && section.host.toLowerCase() !== authority.toLowerCase()) return HOST_MISMATCH;
    const parsed = parseAuthority(authority);
    if ('problem' in parsed) return { code: 'bad_request', message: `:authority: ${parsed.problem}` };
    this.authority = parsed.authority;
    this.host = parsed.host;

    const mark = target.indexOf('?');
    if (mark !== -1) this.query = target.slice(mark + 1);
    if (target === '*' && this.method === 'OPTIONS') {
      this.path = target;
      return undefined;
    }
    const path = normalizePath(mark === -1 ? target : target.slice(0, mark));
    if (typeof path !== 'string') return { code: 'bad_request', message: path.problem };
    this.path = path;
    return undefined;
  }

  #settleFraming(endsStream: boolean): ParseProblem | undefined {
    const { contentLength, expect } = this.section;
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

const UNKNOWN_PSEUDO_FIELD = problem('a pseudo-header field is not known');
const INVALID_METHOD = problem(':method does not consist of upper-case letters');
const INVALID_TARGET = problem(':path holds a byte that must be percent-encoded');
const UNKNOWN_SCHEME = problem(':scheme is neither http nor https');
const SEVERAL_HOSTS = problem('Host appears more than once');
const MISSING_HOST = problem('both :authority and Host are missing');
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
