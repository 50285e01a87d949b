// Parses the head of a request (RFC 9112 sections 3 and 5) and settles how its body is framed. What comes out is unambiguous, or a
// problem with the status to answer.
import { parseAuthority } from '../../../lib/authority.ts';
import { normalizePath } from '../../../lib/http-path.ts';
import type { BodyLength } from '../../exchange.ts';
import { CR, LF, METHOD, SP, TARGET } from './character.ts';
import { deceptiveName, FieldSection } from './field-section.ts';
import type { ParseProblem } from './field-section.ts';

export interface RequestLimits {
  readonly maxUriBytes: number;
  readonly maxHeaderCount: number;
  /** Bytes of a declared body; 0: no limit. */
  readonly maxBodyBytes: number;
  /** As in FieldLimits; names that would be taken for those of fields that are ours to set are refused all the same. */
  readonly allowUnderscore: boolean;
}

const MAX_METHOD_LENGTH = 32;

/** One per connection, filled anew by each `parse`; strings and the field array it hands out are not reused. */
export class RequestHeadParser {
  method = '';
  path = '';
  query: string | undefined = undefined;
  authority = '';
  host = '';
  isHttp10 = false;
  section: FieldSection = new FieldSection();
  bodyLength: BodyLength = 0;
  /** The protocol to switch to, where the request asks for one that a gateway may tunnel. */
  upgrade: string | undefined = undefined;
  /** Whether the connection may serve another request after this one. */
  keepsAlive = false;

  readonly #scheme: 'http' | 'https';
  readonly #limits: RequestLimits;

  constructor(scheme: 'http' | 'https', limits: RequestLimits) {
    this.#scheme = scheme;
    this.#limits = limits;
  }

  /** @param text the head with its closing empty line, as latin1. */
  parse(text: string): ParseProblem | undefined {
    this.reset();
    let position = 0;
    while (METHOD[text.charCodeAt(position)] === 1) position++;
    this.method = text.slice(0, position);
    if (position === 0 || position > MAX_METHOD_LENGTH || text.charCodeAt(position) !== SP) {
      // `HEADx` is no HEAD: the answer has a body.
      this.method = '';
      return INVALID_METHOD;
    }
    const targetStart = ++position;
    while (TARGET[text.charCodeAt(position)] === 1) position++;
    if (position - targetStart > this.#limits.maxUriBytes) return URI_TOO_LONG;
    const target = text.slice(targetStart, position);
    if (target === '' || text.charCodeAt(position) !== SP) return INVALID_TARGET;
    const version = text.slice(position + 1, position + 9);
    if (!version.startsWith('HTTP/')) return INVALID_REQUEST_LINE;
    if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') return UNSUPPORTED_VERSION;
    this.isHttp10 = version === 'HTTP/1.0';
    position += 9;
    if (text.charCodeAt(position) !== CR || text.charCodeAt(position + 1) !== LF) return INVALID_REQUEST_LINE;

    const { section } = this;
    const problem = section.parse(text, position + 2, {
      maxCount: this.#limits.maxHeaderCount,
      allowUnderscore: this.#limits.allowUnderscore,
    });
    return problem ?? deceptiveName(section.fields, this.#limits) ?? this.#parseTarget(target) ?? this.#settleFraming();
  }

  reset(): void {
    this.method = '';
    this.path = '';
    this.query = undefined;
    this.authority = '';
    this.host = '';
    this.isHttp10 = false;
    this.section = new FieldSection();
    this.bodyLength = 0;
    this.upgrade = undefined;
    this.keepsAlive = false;
  }

  #parseTarget(target: string): ParseProblem | undefined {
    if (this.method === 'CONNECT' || this.method === 'TRACE' || this.method === 'TRACK') return METHOD_REFUSED;
    const { section } = this;
    if (section.hosts > 1) return SEVERAL_HOSTS;
    let authority = section.host;
    let pathAndQuery = target;
    if (target.charCodeAt(0) !== SLASH) {
      if (target === '*' && this.method === 'OPTIONS') {
        pathAndQuery = '*';
      } else {
        const absolute = ABSOLUTE_FORM.exec(target);
        if (absolute === null) return INVALID_TARGET;
        // RFC 9112 section 3.2.2 lets the target win over Host; two different names are refused instead, as one was meant to mislead.
        if (absolute[1]?.toLowerCase() !== this.#scheme) return SCHEME_MISMATCH;
        const named = absolute[2] as string;
        if (section.hosts === 1 && named.toLowerCase() !== authority.toLowerCase()) return HOST_MISMATCH;
        authority = named;
        pathAndQuery = absolute[3] as string;
        if (pathAndQuery.charCodeAt(0) !== SLASH) pathAndQuery = `/${pathAndQuery}`;
      }
    }
    if (section.hosts === 0 && (authority === '' || !this.isHttp10)) return MISSING_HOST;
    const parsed = parseAuthority(authority);
    if ('problem' in parsed) return { code: 'bad_request', message: `Host: ${parsed.problem}` };
    this.authority = parsed.authority;
    this.host = parsed.host;

    const mark = pathAndQuery.indexOf('?');
    const rawPath = mark === -1 ? pathAndQuery : pathAndQuery.slice(0, mark);
    if (mark !== -1) this.query = pathAndQuery.slice(mark + 1);
    if (rawPath === '*') {
      this.path = '*';
      return undefined;
    }
    const path = normalizePath(rawPath);
    if (typeof path !== 'string') return { code: 'bad_request', message: path.problem };
    this.path = path;
    return undefined;
  }

  #settleFraming(): ParseProblem | undefined {
    const { section } = this;
    if (section.isChunked) {
      if (this.isHttp10) return CHUNKED_HTTP10;
      this.bodyLength = 'chunked';
    } else if (section.contentLength > 0) {
      const { maxBodyBytes } = this.#limits;
      if (maxBodyBytes !== 0 && section.contentLength > maxBodyBytes) return BODY_TOO_LARGE;
      this.bodyLength = section.contentLength;
    }
    if (section.expect !== undefined && !this.isHttp10 && section.expect !== '100-continue') return UNKNOWN_EXPECTATION;
    this.keepsAlive = !section.closes && (!this.isHttp10 || section.keepsAlive);
    if (
      section.asksUpgrade &&
      section.upgrade !== undefined &&
      !this.isHttp10 &&
      !/(^|[\t ,])h2c([\t ,]|$)/i.test(section.upgrade)
    ) {
      if (this.bodyLength !== 0) return UPGRADE_WITH_BODY;
      this.upgrade = section.upgrade;
    }
    return undefined;
  }
}

const SLASH = 0x2f;
const ABSOLUTE_FORM = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?]*)(.*)$/;

const INVALID_METHOD = problem('the request line does not start with a method of upper-case letters and one blank');
const INVALID_TARGET = problem('the request target is empty, malformed or holds a byte that must be percent-encoded');
const INVALID_REQUEST_LINE = problem('the request line is not "METHOD target HTTP/1.1"');
const SEVERAL_HOSTS = problem('Host appears more than once');
const MISSING_HOST = problem('Host is missing');
const HOST_MISMATCH = problem('the request target and Host name different hosts');
const SCHEME_MISMATCH = problem('the scheme of the request target is not the one of this connection');
const CHUNKED_HTTP10 = problem('HTTP/1.0 has no Transfer-Encoding');
const UPGRADE_WITH_BODY = problem('a request that asks for an upgrade must not have a body');
const METHOD_REFUSED: ParseProblem = { code: 'method_not_allowed', message: 'CONNECT, TRACE and TRACK are not served' };
const URI_TOO_LONG: ParseProblem = { code: 'uri_too_long', message: 'the request target is too long' };
const BODY_TOO_LARGE: ParseProblem = { code: 'payload_too_large', message: 'the request body is larger than allowed' };
const UNSUPPORTED_VERSION: ParseProblem = {
  code: 'version_not_supported',
  message: 'only HTTP/1.0 and HTTP/1.1 are spoken here',
};
const UNKNOWN_EXPECTATION: ParseProblem = { code: 'expectation_failed', message: 'only Expect: 100-continue is known' };

function problem(message: string): ParseProblem {
  return { code: 'bad_request', message };
}
