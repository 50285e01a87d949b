// The first referee: one byte, one step. The machine never looks ahead or back. It reads incrementally, so the recorder also uses it
// to know when a request is complete. A wrong byte in a body ends the reading at once; one in a head or a trailer section when the
// empty line comes, because a head is judged as a whole.
import type { Field, Message, Reading, Referee, ResponseContext } from './http1-message.ts';

type State =
  | 'emptyLf'
  | 'first' // method, or the version of a response
  | 'second' // target, or status
  | 'third' // version, or reason
  | 'startLf'
  | 'lineStart'
  | 'name'
  | 'value'
  | 'valueLf'
  | 'headLf'
  | 'fixedBody'
  | 'openBody'
  | 'size'
  | 'extension'
  | 'sizeLf'
  | 'chunk'
  | 'chunkCr'
  | 'chunkLf'
  | 'tunnel'
  | 'wrongBlock'
  | 'invalid';

const CR = 13;
const LF = 10;
const SP = 32;
const HTAB = 9;
const COLON = 58;
const SEMICOLON = 59;
const MAX_BODY_DIGITS = 15;

interface Draft {
  startLine: [string, string, string];
  headers: Field[];
  framing: Message['framing'];
  body: Buffer[];
  trailers: Field[];
  chunkExtensions: string[];
}

export class StateMachineReader {
  readonly messages: Message[] = [];
  readonly #role: 'request' | 'response';
  readonly #methods: readonly string[];
  readonly #skipsEmptyLines: boolean;
  #state: State = 'first';
  #reason = '';
  #text = '';
  #name = '';
  #draft: Draft = newDraft();
  #inTrailers = false;
  #headDone = false;
  #left = 0;
  #finals = 0;
  #touched = false;
  /** How much of CR LF CR LF the latest bytes are. */
  #blockEnd = 0;

  constructor(role: 'request' | 'response', methods: readonly string[] = [], skipsEmptyLines = false) {
    this.#role = role;
    this.#methods = methods;
    this.#skipsEmptyLines = skipsEmptyLines;
  }

  /** Nothing of a next message has come. */
  get isBetweenMessages(): boolean {
    return !this.#touched && this.#state !== 'invalid';
  }

  get isHeadDone(): boolean {
    return this.#headDone;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'fixedBody' || this.#state === 'chunk') {
        const part = bytes.subarray(at, at + this.#left);
        this.#draft.body.push(Buffer.from(part));
        this.#left -= part.length;
        at += part.length;
        if (this.#left === 0) this.#bodyPartDone();
      } else if (this.#state === 'openBody' || this.#state === 'tunnel') {
        this.#draft.body.push(Buffer.from(bytes.subarray(at)));
        return;
      } else if (this.#state === 'invalid') {
        return;
      } else {
        const byte = bytes[at] as number;
        this.#touched = true;
        this.#blockEnd = byte === (this.#blockEnd % 2 === 0 ? CR : LF) ? this.#blockEnd + 1 : byte === CR ? 1 : 0;
        this.#step(byte);
        if (this.#blockEnd === 4) this.#blockEnd = 0;
        at++;
      }
    }
  }

  /** The stream has ended. */
  close(): void {
    if (this.#state === 'openBody' || this.#state === 'tunnel') this.#complete();
  }

  read(): Reading {
    const rest = this.#state === 'invalid' ? 'invalid' : this.#touched ? 'prefix' : 'nothing';
    const unfinished = rest === 'prefix' && this.#headDone ? finished({ ...this.#draft, trailers: [] }) : undefined;
    return { messages: this.messages.slice(), rest, reason: this.#reason, unfinished };
  }

  #step(byte: number): void {
    switch (this.#state) {
      case 'first':
        if (byte === CR && this.#text === '' && this.#skipsEmptyLines) {
          this.#state = 'emptyLf';
          return;
        }
        if (byte === SP) return this.#startPart(0, 'second');
        if (!isToken(byte) && !(this.#role === 'response' && byte === 0x2f))
          return this.#fail('byte in the first part of the line');
        return this.#take(byte);
      case 'emptyLf':
        if (byte !== LF) return this.#fail('CR without LF');
        this.#touched = false;
        this.#state = 'first';
        return;
      case 'second':
        if (byte === SP) return this.#startPart(1, 'third');
        if (byte < 0x21 || byte > 0x7e || byte === 0x23) return this.#fail('byte in the second part of the line');
        return this.#take(byte);
      case 'third':
        if (byte === CR) return this.#startPart(2, 'startLf');
        if (!isText(byte)) return this.#fail('byte in the third part of the line');
        return this.#take(byte);
      case 'startLf':
        if (byte !== LF) return this.#fail('CR without LF');
        this.#state = 'lineStart';
        return this.#checkStartLine();
      case 'lineStart':
        if (byte === CR) {
          this.#state = 'headLf';
          return;
        }
        this.#state = 'name';
        return this.#step(byte);
      case 'name':
        if (byte === COLON && this.#text !== '') {
          this.#name = this.#text;
          this.#text = '';
          this.#state = 'value';
          return;
        }
        if (!isToken(byte)) return this.#fail('byte in a field name');
        return this.#take(byte);
      case 'value':
        if (byte === CR) {
          this.#state = 'valueLf';
          return;
        }
        if (!isText(byte)) return this.#fail('byte in a field value');
        return this.#take(byte);
      case 'valueLf':
        if (byte !== LF) return this.#fail('CR without LF');
        (this.#inTrailers ? this.#draft.trailers : this.#draft.headers).push([this.#name, trimmed(this.#text)]);
        this.#text = '';
        this.#state = 'lineStart';
        return;
      case 'headLf':
        if (byte !== LF) return this.#fail('CR without LF');
        if (this.#inTrailers) return this.#complete();
        return this.#beginBody();
      case 'size':
        if (byte === CR || byte === SEMICOLON) return this.#sizeDone(byte);
        if (hexDigit(byte) < 0) return this.#fail('byte in a chunk size');
        return this.#take(byte);
      case 'extension':
        if (byte === CR) {
          this.#state = 'sizeLf';
          return;
        }
        if (!isText(byte)) return this.#fail('byte in a chunk extension');
        return this.#take(byte);
      case 'sizeLf':
        if (byte !== LF) return this.#fail('CR without LF');
        if (this.#text !== '') this.#draft.chunkExtensions.push(this.#text);
        this.#text = '';
        this.#inTrailers = this.#left === 0;
        this.#state = this.#inTrailers ? 'lineStart' : 'chunk';
        return;
      case 'chunkCr':
        if (byte !== CR) return this.#fail('chunk data goes on');
        this.#state = 'chunkLf';
        return;
      case 'chunkLf':
        if (byte !== LF) return this.#fail('CR without LF');
        this.#state = 'size';
        return;
      case 'wrongBlock':
        if (this.#blockEnd === 4) this.#state = 'invalid';
        return;
      case 'fixedBody':
      case 'chunk':
      case 'openBody':
      case 'tunnel':
      case 'invalid':
        throw new Error(`no single step in ${this.#state}`);
    }
  }

  #take(byte: number): void {
    this.#text += String.fromCharCode(byte);
  }

  #startPart(index: 0 | 1 | 2, next: State): void {
    if (this.#text === '' && !(index === 2 && this.#role === 'response'))
      return this.#fail('empty part in the start line');
    this.#draft.startLine[index] = this.#text;
    this.#text = '';
    this.#state = next;
  }

  #checkStartLine(): void {
    const [first, second, third] = this.#draft.startLine;
    const version = this.#role === 'request' ? third : first;
    if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') return this.#fail('version');
    if (this.#role === 'response') {
      const isStatus = second.length === 3 && Number(second) >= 100 && Number(second) <= 599;
      return isStatus ? undefined : this.#fail('status');
    }
    const isPath = second.startsWith('/');
    const scheme = second.slice(0, second.indexOf('://') + 3).toLowerCase();
    const isAbsolute = scheme === 'http://' || scheme === 'https://';
    const isSpecial = (second === '*' && first === 'OPTIONS') || first === 'CONNECT';
    if (!isPath && !isAbsolute && !isSpecial) this.#fail('target');
  }

  #beginBody(): void {
    this.#headDone = true;
    const draft = this.#draft;
    const lengths = valuesIn(draft.headers, 'content-length');
    const codings = valuesIn(draft.headers, 'transfer-encoding');
    const version = this.#role === 'request' ? draft.startLine[2] : draft.startLine[0];
    if (lengths.length + codings.length > 1) return this.#fail('more than one framing field');
    if (codings[0] !== undefined && (codings[0].toLowerCase() !== 'chunked' || version === 'HTTP/1.0'))
      return this.#fail('transfer coding');
    if (lengths[0] !== undefined && !isLength(lengths[0])) return this.#fail('content length');
    if (this.#role === 'request') {
      const hosts = valuesIn(draft.headers, 'host');
      if (hosts.length > 1 || (hosts.length === 0 && version === 'HTTP/1.1'))
        return this.#fail('number of Host fields');
      if (draft.startLine[0] === 'CONNECT') return this.#enter('tunnel', 'tunnel');
    } else {
      const status = Number(draft.startLine[1]);
      const method = this.#methods[this.#finals] ?? 'GET';
      if (status === 101 || (method === 'CONNECT' && status >= 200 && status < 300))
        return this.#enter('tunnel', 'tunnel');
      const isEmpty = status < 200 || status === 204;
      if (isEmpty && lengths.length + codings.length > 0)
        return this.#fail('framing field in a response that has no body');
      if (isEmpty || status === 304 || method === 'HEAD') return this.#complete();
    }
    if (codings.length > 0) return this.#enter('size', 'chunked');
    if (lengths[0] !== undefined) {
      this.#left = Number(lengths[0]);
      this.#draft.framing = 'length';
      return this.#left === 0 ? this.#complete() : this.#enter('fixedBody', 'length');
    }
    return this.#role === 'response' ? this.#enter('openBody', 'close') : this.#complete();
  }

  #enter(state: State, framing: Message['framing']): void {
    this.#draft.framing = framing;
    this.#state = state;
  }

  #sizeDone(byte: number): void {
    if (this.#text === '') return this.#fail('empty chunk size');
    let size = 0;
    for (const digit of this.#text) size = size * 16 + hexDigit(digit.charCodeAt(0));
    if (size > Number.MAX_SAFE_INTEGER) return this.#fail('chunk size too large');
    this.#left = size;
    this.#text = byte === SEMICOLON ? ';' : '';
    this.#state = byte === SEMICOLON ? 'extension' : 'sizeLf';
  }

  #bodyPartDone(): void {
    if (this.#state === 'chunk') this.#state = 'chunkCr';
    else this.#complete();
  }

  #complete(): void {
    if (this.#role === 'response' && Number(this.#draft.startLine[1]) >= 200) this.#finals++;
    this.messages.push(finished(this.#draft));
    this.#draft = newDraft();
    this.#inTrailers = false;
    this.#headDone = false;
    this.#touched = false;
    this.#state = 'first';
  }

  #fail(reason: string): void {
    const inBlock = !this.#headDone || this.#inTrailers;
    this.#state = inBlock && this.#blockEnd < 4 ? 'wrongBlock' : 'invalid';
    this.#reason = reason;
  }
}

export const stateMachineReferee: Referee = {
  name: 'state machine',
  readRequests(bytes, context = {}) {
    const reader = new StateMachineReader('request', [], context.skipsEmptyLines);
    reader.push(bytes);
    return reader.read();
  },
  readResponses(bytes, context: ResponseContext = {}) {
    const reader = new StateMachineReader('response', context.methods);
    reader.push(bytes);
    if (context.closed === true) reader.close();
    return reader.read();
  },
};

function newDraft(): Draft {
  return { startLine: ['', '', ''], headers: [], framing: 'none', body: [], trailers: [], chunkExtensions: [] };
}

function finished(draft: Draft): Message {
  return { ...draft, body: Buffer.concat(draft.body) };
}

function valuesIn(fields: readonly Field[], name: string): string[] {
  return fields.filter((field) => field[0].toLowerCase() === name).map((field) => field[1]);
}

function isToken(byte: number): boolean {
  if ((byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)) return true;
  return byte < 0x80 && "!#$%&'*+-.^_`|~".includes(String.fromCharCode(byte));
}

function isText(byte: number): boolean {
  return byte === HTAB || (byte >= SP && byte !== 0x7f);
}

function isLength(text: string): boolean {
  if (text === '' || text.length > MAX_BODY_DIGITS) return false;
  for (const character of text) if (character < '0' || character > '9') return false;
  return true;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x41 && byte <= 0x46) return byte - 0x41 + 10;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x61 + 10;
  return -1;
}

/** Only SP and HTAB are blanks here; String.trim would also take other bytes off. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && (text[start] === ' ' || text[start] === '\t')) start++;
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(start, end);
}
