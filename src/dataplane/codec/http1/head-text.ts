// Writes heads: the only place where HTTP/1.1 text is made. Field values come from a parser or from validated configuration, so they
// hold no line break; framing and hop-by-hop fields are written here and nowhere else.
import { STATUS_CODES } from 'node:http';
import type { BodyLength, RequestHead } from '../../exchange.ts';
import type { HeaderList } from '../../header-list.ts';

/** The head of a request as a client-side connection sends it. */
export function requestHeadText(
  head: RequestHead,
  length: BodyLength,
  options: {
    readonly upgrade?: string | undefined;
    readonly expectsContinue: boolean;
    readonly acceptsTrailers: boolean;
  },
): string {
  const target = head.query === undefined ? head.path : `${head.path}?${head.query}`;
  let text = `${head.method} ${target} HTTP/1.1\r\nhost: ${head.authority}\r\n${fieldLines(head.headers)}`;
  if (length === 'chunked') text += 'transfer-encoding: chunked\r\n';
  else if (length > 0 || METHODS_WITH_BODY.has(head.method)) text += `content-length: ${length}\r\n`;
  if (options.expectsContinue) text += 'expect: 100-continue\r\n';
  if (options.upgrade !== undefined) text += `connection: upgrade\r\nupgrade: ${options.upgrade}\r\n`;
  else if (options.acceptsTrailers) text += 'connection: te\r\nte: trailers\r\n';
  return `${text}\r\n`;
}

/** A request with one of these methods says `Content-Length: 0` when it has no body (RFC 9110 section 8.6). */
export const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** @param framing lines that end in CR LF, or nothing. */
export function responseHeadText(status: number, headers: HeaderList, framing: string): string {
  return `${statusLine(status)}${fieldLines(headers)}${framing}\r\n`;
}

export function chunkHeadText(length: number): string {
  return `${length.toString(16)}\r\n`;
}

export function lastChunkText(trailers: HeaderList | undefined): string {
  return trailers === undefined ? '0\r\n\r\n' : `0\r\n${fieldLines(trailers)}\r\n`;
}

function fieldLines(headers: HeaderList): string {
  const { fields } = headers;
  let text = '';
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return text;
}

/** The reason phrase is ours: an upstream's carries nothing and clients ignore it (RFC 9112 section 4). */
const STATUS_LINES: readonly string[] = Array.from(
  { length: 600 },
  (_, status) => `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`,
);

function statusLine(status: number): string {
  return STATUS_LINES[status] ?? `HTTP/1.1 ${status} \r\n`;
}
