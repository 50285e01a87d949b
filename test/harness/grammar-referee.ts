// The second referee: the whole stream as latin1 text, cut by regular expressions that follow the grammar of RFC 9112. It takes a
// head as one block, judged when its empty line is there, then the body by arithmetic; nothing of the first referee's design is in it.
import type { Field, Message, Reading, Referee, ResponseContext } from './http1-message.ts';

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const TEXT = '[\\t\\x20-\\x7e\\x80-\\xff]*';
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21\\x22\\x24-\\x7e]+) (HTTP/1\\.[01])$`);
const STATUS_LINE = new RegExp(`^(HTTP/1\\.[01]) ([1-5][0-9]{2}) (${TEXT})$`);
const FIELD = new RegExp(`^(${TOKEN}):(${TEXT})$`);
const CHUNK_LINE = /([0-9A-Fa-f]+)((?:;[\t\x20-\x7e\x80-\xff]*)?)\r\n/y;
const CHUNK_LINE_START = /^(?:[0-9A-Fa-f]+(?:;[\t\x20-\x7e\x80-\xff]*)?\r?)?$/;
const TARGET = /^(?:\/|https?:\/\/)/i;
const LENGTH = /^[0-9]{1,15}$/;
const CRLF = '\r\n';

/** How many bytes of a stream make one message, or why there is none (yet). */
type Cut =
  | { readonly kind: 'message'; readonly message: Message; readonly end: number }
  | { readonly kind: 'empty'; readonly end: number }
  | { readonly kind: 'prefix'; readonly unfinished?: Message }
  | { readonly kind: 'invalid'; readonly reason: string };

type Body =
  | {
      readonly kind: 'body';
      readonly text: string;
      readonly end: number;
      readonly trailers: Field[];
      readonly extensions: string[];
    }
  | { readonly kind: 'prefix'; readonly text: string; readonly trailers: Field[]; readonly extensions: string[] }
  | { readonly kind: 'invalid'; readonly reason: string };

type Framing =
  | { readonly kind: Message['framing']; readonly length: number }
  | { readonly kind: 'invalid'; readonly reason: string };

export const grammarReferee: Referee = {
  name: 'grammar',
  readRequests(bytes, context = {}) {
    const skipsEmptyLines = context.skipsEmptyLines === true;
    return readAll(latin1(bytes), (text, start) => {
      if (skipsEmptyLines && CRLF.startsWith(text.slice(start, start + 2))) return { kind: 'empty', end: start + 2 };
      return cut(text, start, REQUEST_LINE, requestFraming, false);
    });
  },
  readResponses(bytes, context: ResponseContext = {}) {
    let finals = 0;
    return readAll(latin1(bytes), (text, start) => {
      const method = context.methods?.[finals] ?? 'GET';
      const frame = (line: readonly string[], fields: readonly Field[]): Framing =>
        responseFraming(line, fields, method);
      const result = cut(text, start, STATUS_LINE, frame, context.closed === true);
      if (result.kind === 'message' && !result.message.startLine[1].startsWith('1')) finals++;
      return result;
    });
  },
};

function readAll(text: string, next: (text: string, start: number) => Cut): Reading {
  const messages: Message[] = [];
  let at = 0;
  while (at < text.length) {
    const result = next(text, at);
    if (result.kind === 'prefix') return { messages, rest: 'prefix', reason: '', unfinished: result.unfinished };
    if (result.kind === 'invalid') return { messages, rest: 'invalid', reason: result.reason, unfinished: undefined };
    if (result.kind === 'message') messages.push(result.message);
    at = result.end;
  }
  return { messages, rest: at > text.length ? 'prefix' : 'nothing', reason: '', unfinished: undefined };
}

function cut(
  text: string,
  start: number,
  lineGrammar: RegExp,
  frame: (line: readonly string[], fields: readonly Field[]) => Framing,
  isClosed: boolean,
): Cut {
  const headEnd = text.indexOf(CRLF + CRLF, start);
  if (headEnd < 0) return { kind: 'prefix' };
  const [first = '', ...lines] = text.slice(start, headEnd).split(CRLF);
  const startLine = lineGrammar.exec(first)?.slice(1);
  if (startLine === undefined) return { kind: 'invalid', reason: `start line ${JSON.stringify(first)}` };
  const wrongTarget = lineGrammar === REQUEST_LINE && !isTarget(startLine);
  if (wrongTarget) return { kind: 'invalid', reason: 'target' };
  const headers = fieldsIn(lines);
  if (typeof headers === 'string') return { kind: 'invalid', reason: headers };
  const framing = frame(startLine, headers);
  if (framing.kind === 'invalid') return framing;
  const body = bodyAt(text, headEnd + 4, framing, isClosed);
  if (body.kind === 'invalid') return body;
  const message: Message = {
    startLine: startLine as [string, string, string],
    headers,
    framing: framing.kind,
    body: Buffer.from(body.text, 'latin1'),
    trailers: body.trailers,
    chunkExtensions: body.extensions,
  };
  return body.kind === 'prefix' ? { kind: 'prefix', unfinished: message } : { kind: 'message', message, end: body.end };
}

function isTarget([method = '', target = '']: readonly string[]): boolean {
  return TARGET.test(target) || (target === '*' && method === 'OPTIONS') || method === 'CONNECT';
}

function fieldsIn(lines: readonly string[]): Field[] | string {
  const fields: Field[] = [];
  for (const line of lines) {
    const match = FIELD.exec(line);
    if (match === null) return `field ${JSON.stringify(line)}`;
    fields.push([match[1] as string, /[^ \t](?:.*[^ \t])?/s.exec(match[2] as string)?.[0] ?? '']);
  }
  return fields;
}

function requestFraming([method = '', , version = '']: readonly string[], fields: readonly Field[]): Framing {
  const hosts = valuesIn(fields, 'host').length;
  if (hosts > 1 || (hosts === 0 && version === 'HTTP/1.1')) return { kind: 'invalid', reason: 'number of Host fields' };
  const named = namedFraming(version, fields);
  if (named?.kind === 'invalid') return named;
  if (method === 'CONNECT') return { kind: 'tunnel', length: 0 };
  return named ?? { kind: 'none', length: 0 };
}

function responseFraming(
  [version = '', status = '']: readonly string[],
  fields: readonly Field[],
  method: string,
): Framing {
  const named = namedFraming(version, fields);
  if (named?.kind === 'invalid') return named;
  if (status === '101' || (method === 'CONNECT' && status.startsWith('2'))) return { kind: 'tunnel', length: 0 };
  if (status === '204' || status.startsWith('1')) {
    return named === undefined
      ? { kind: 'none', length: 0 }
      : { kind: 'invalid', reason: 'framing field without a body' };
  }
  if (status === '304' || method === 'HEAD') return { kind: 'none', length: 0 };
  return named ?? { kind: 'close', length: 0 };
}

/** What Content-Length or Transfer-Encoding say; undefined where neither is there. */
function namedFraming(version: string, fields: readonly Field[]): Framing | undefined {
  const lengths = valuesIn(fields, 'content-length');
  const codings = valuesIn(fields, 'transfer-encoding');
  if (lengths.length === 0 && codings.length === 0) return undefined;
  const all = [
    ...lengths.map((value) => `length ${value}`),
    ...codings.map((value) => `coding ${value.toLowerCase()}`),
  ].join('|');
  if (all === 'coding chunked' && version === 'HTTP/1.1') return { kind: 'chunked', length: 0 };
  const length = lengths[0];
  if (all === `length ${length}` && length !== undefined && LENGTH.test(length))
    return { kind: 'length', length: Number(length) };
  return { kind: 'invalid', reason: `framing: ${all}` };
}

function bodyAt(text: string, start: number, framing: Framing, isClosed: boolean): Body {
  const plain = { trailers: [], extensions: [] };
  switch (framing.kind) {
    case 'invalid':
      return framing;
    case 'none':
      return { kind: 'body', text: '', end: start, ...plain };
    case 'length': {
      const end = start + framing.length;
      return end <= text.length
        ? { kind: 'body', text: text.slice(start, end), end, ...plain }
        : { kind: 'prefix', text: text.slice(start), ...plain };
    }
    case 'close':
    case 'tunnel':
      return isClosed
        ? { kind: 'body', text: text.slice(start), end: text.length, ...plain }
        : { kind: 'prefix', text: text.slice(start), ...plain };
    case 'chunked':
      return chunksAt(text, start);
  }
}

function chunksAt(text: string, start: number): Body {
  const extensions: string[] = [];
  let body = '';
  let at = start;
  for (;;) {
    CHUNK_LINE.lastIndex = at;
    const line = CHUNK_LINE.exec(text);
    if (line === null) {
      if (!CHUNK_LINE_START.test(text.slice(at))) return { kind: 'invalid', reason: 'chunk line' };
      return { kind: 'prefix', text: body, trailers: [], extensions };
    }
    const size = Number.parseInt(line[1] as string, 16);
    if (size > Number.MAX_SAFE_INTEGER) return { kind: 'invalid', reason: 'chunk size' };
    if (line[2] !== '') extensions.push(line[2] as string);
    at = CHUNK_LINE.lastIndex;
    if (size === 0) return trailersAt(text, at, body, extensions);
    body += text.slice(at, at + size);
    at += size;
    if (!CRLF.startsWith(text.slice(at, at + 2))) return { kind: 'invalid', reason: 'end of a chunk' };
    at += 2;
    if (at > text.length) return { kind: 'prefix', text: body, trailers: [], extensions };
  }
}

function trailersAt(text: string, start: number, body: string, extensions: string[]): Body {
  // The CRLF of the last chunk's line, just before, is half of the empty line when no trailer comes.
  const blockEnd = text.indexOf(CRLF + CRLF, start - 2);
  if (blockEnd < 0) return { kind: 'prefix', text: body, trailers: [], extensions };
  const lines = blockEnd < start ? [] : text.slice(start, blockEnd).split(CRLF);
  const trailers = fieldsIn(lines);
  if (typeof trailers === 'string') return { kind: 'invalid', reason: trailers };
  return { kind: 'body', text: body, end: blockEnd + 4, trailers, extensions };
}

function valuesIn(fields: readonly Field[], name: string): string[] {
  return fields.filter((field) => field[0].toLowerCase() === name).map((field) => field[1]);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
