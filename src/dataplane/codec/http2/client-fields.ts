// Heads as the client side of HTTP/2 writes and reads them: what belongs to a connection never goes out, and what comes back is held to
// the same rules as a response of HTTP/1.1.
import { createHash } from 'node:crypto';
import type { BodyLength, RequestHead } from '../../exchange.ts';
import { HeaderList } from '../../header-list.ts';
import type { RequestOptions } from '../../upstream-stream.ts';
import { allowedTrailers, MAX_TRAILER_COUNT } from '../http1/body-decoder.ts';
import { fieldName } from '../http1/field-role.ts';
import { FieldSection } from '../http1/field-section.ts';
import { METHODS_WITH_BODY } from '../http1/head-text.ts';
import { malformed, readFields, readTrailers } from './fields.ts';
import type { FieldProblem } from './fields.ts';

export const MAX_HEADER_COUNT = 256;

/** RFC 6455 section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The field that extended CONNECT has no use for, as HTTP/2 can't be mistaken for another protocol (RFC 8441 section 5). */
const WEBSOCKET_KEY = 'sec-websocket-key';

/** @param upgrade the Upgrade list of a request. */
export function asksForWebSocket(upgrade: string | undefined): boolean {
  return upgrade !== undefined && /(^|[\t ,])websocket([\t ,]|$)/i.test(upgrade);
}

/** What a server proves to have understood by; undefined where the request has no key. */
export function webSocketAccept(request: RequestHead): string | undefined {
  const key = request.headers.get(WEBSOCKET_KEY);
  return key === undefined ? undefined : createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64');
}

/** name, value, …; a WebSocket is asked for by extended CONNECT. */
export function requestFields(
  request: RequestHead,
  length: BodyLength,
  options: RequestOptions,
  scheme: 'http' | 'https',
): string[] {
  const { method, path, query, authority } = request;
  const isWebSocket = asksForWebSocket(options.upgrade);
  const fields = [
    ':method',
    isWebSocket ? 'CONNECT' : method,
    ':scheme',
    scheme,
    ':authority',
    authority,
    ':path',
    query === undefined ? path : `${path}?${query}`,
  ];
  if (isWebSocket) fields.push(':protocol', 'websocket');
  const { fields: sent } = request.headers;
  for (let i = 0; i < sent.length; i += 2) {
    const name = sent[i] as string;
    // Filters may have set what belongs to a connection.
    if (fieldName(name, false).role !== 'endToEnd' || (isWebSocket && name === WEBSOCKET_KEY)) continue;
    fields.push(name, sent[i + 1] as string);
  }
  if (isWebSocket) return fields;
  if (length !== 'chunked' && (length > 0 || METHODS_WITH_BODY.has(method)))
    fields.push('content-length', String(length));
  if (options.expectsContinue) fields.push('expect', '100-continue');
  if (options.acceptsTrailers) fields.push('te', 'trailers');
  return fields;
}

export interface ResponseFields {
  readonly status: number;
  readonly headers: HeaderList;
  /** As `UpstreamHandler.onResponse` takes it. */
  readonly length: BodyLength | undefined;
  /** Of what has to follow; undefined: any. */
  readonly bodyLength: number | undefined;
}

/** @param raw with `:status` first; `method` is the request's; `isEnd`: nothing follows the head. */
export function readResponse(raw: readonly string[], method: string, isEnd: boolean): ResponseFields | FieldProblem {
  const status = Number(raw[1]);
  if (raw[0] !== ':status' || !/^[1-5]\d\d$/.test(raw[1] as string)) return INVALID_STATUS;
  const section = new FieldSection();
  const problem = readFields(raw, 2, section, { maxCount: MAX_HEADER_COUNT, allowUnderscore: true });
  if (problem !== undefined) return problem;
  const { contentLength } = section;
  const declared = contentLength === -1 ? undefined : contentLength;
  const hasNoBody = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const length = hasNoBody ? declared : (declared ?? (isEnd ? 0 : 'chunked'));
  return { status, headers: new HeaderList(section.fields), length, bodyLength: hasNoBody ? 0 : declared };
}

export function readResponseTrailers(raw: readonly string[]): HeaderList | undefined | FieldProblem {
  const fields = readTrailers(raw, { maxCount: MAX_TRAILER_COUNT, allowUnderscore: true });
  return 'message' in fields ? fields : allowedTrailers(fields);
}

const INVALID_STATUS: FieldProblem = malformed('the status is malformed');
