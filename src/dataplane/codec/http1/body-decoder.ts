// Takes a message body out of the byte stream: by length, by chunks, or until the connection closes. Chunk extensions are read
// and dropped, trailers filtered; everything that deviates from RFC 9112 section 7.1 by a byte is a problem.
import type { BodyLength } from '../../exchange.ts';
import { HeaderList } from '../../header-list.ts';
import { CR, FIELD_VALUE, HEX, LF, NOT_HEX, SEMICOLON } from './character.ts';
import { isForbiddenTrailer } from './field-role.ts';
import { FieldSection } from './field-section.ts';
import type { ParseProblem } from './field-section.ts';

export interface BodyReceiver {
  /** A view into the buffer that was passed to `decode`; valid until it returns. */
  onBodyChunk(chunk: Buffer): void;
}

/** Over a whole message: extensions carry no data, so many of them are an attack (CVE-2023-39326, CVE-2024-22019). */
export const MAX_CHUNK_EXTENSION_BYTES: number = 16 * 1024;
export const MAX_TRAILER_BYTES: number = 8 * 1024;
export const MAX_TRAILER_COUNT = 64;
/** 2^48: far above any body, far below where numbers lose precision. */
const MAX_CHUNK_SIZE_DIGITS = 12;

type State =
  | 'none'
  | 'length'
  | 'untilClose'
  | 'size'
  | 'extension'
  | 'sizeLf'
  | 'data'
  | 'dataCr'
  | 'dataLf'
  | 'trailer';

export class BodyDecoder {
  /** The body is complete: what follows in the buffer is the next message. */
  isDone = true;
  /** Of the message that just ended, filtered. */
  trailers: HeaderList | undefined = undefined;
  problem: ParseProblem | undefined = undefined;

  readonly #receiver: BodyReceiver;
  readonly #maxBodyBytes: number;
  #state: State = 'none';
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #totalBytes = 0;
  #trailerText = '';

  /** @param maxBodyBytes for chunked bodies, whose length nobody declares; 0: no limit. */
  constructor(receiver: BodyReceiver, maxBodyBytes: number) {
    this.#receiver = receiver;
    this.#maxBodyBytes = maxBodyBytes;
  }

  start(length: BodyLength | 'untilClose'): void {
    this.trailers = undefined;
    this.problem = undefined;
    this.#totalBytes = 0;
    this.isDone = length === 0;
    if (length === 'chunked') {
      this.#state = 'size';
      this.#remaining = 0;
      this.#digits = 0;
      this.#extensionBytes = 0;
      this.#trailerText = '';
    } else if (length === 'untilClose') {
      this.#state = 'untilClose';
    } else {
      this.#state = length === 0 ? 'none' : 'length';
      this.#remaining = length;
    }
  }

  /** The end of the connection is the end of the body. */
  get endsWithConnection(): boolean {
    return this.#state === 'untilClose';
  }

  /** Returns how far it read; at the end `isDone` or `problem` may be set. Stops at the end of the body. */
  decode(buffer: Buffer, start: number): number {
    let position = start;
    while (position < buffer.length && !this.isDone) {
      switch (this.#state) {
        case 'none':
          return position;
        case 'untilClose':
          this.#receiver.onBodyChunk(position === 0 ? buffer : buffer.subarray(position));
          return buffer.length;
        case 'length':
        case 'data':
          position = this.#decodeData(buffer, position);
          break;
        case 'trailer':
          position = this.#decodeTrailer(buffer, position);
          break;
        default:
          position = this.#decodeChunkLine(buffer, position);
      }
      if (this.problem !== undefined) return position;
    }
    return position;
  }

  #decodeData(buffer: Buffer, position: number): number {
    const end = Math.min(buffer.length, position + this.#remaining);
    this.#remaining -= end - position;
    const chunk = position === 0 && end === buffer.length ? buffer : buffer.subarray(position, end);
    if (this.#remaining === 0) {
      if (this.#state === 'length') {
        this.#state = 'none';
        this.isDone = true;
      } else {
        this.#state = 'dataCr';
      }
    }
    this.#receiver.onBodyChunk(chunk);
    return end;
  }

  /** The bytes between chunks, one at a time: they are few. */
  #decodeChunkLine(buffer: Buffer, start: number): number {
    let position = start;
    while (position < buffer.length) {
      const byte = buffer[position++] as number;
      switch (this.#state) {
        case 'size': {
          const digit = HEX[byte] as number;
          if (digit !== NOT_HEX) {
            if (++this.#digits > MAX_CHUNK_SIZE_DIGITS) return this.#fail(CHUNK_SIZE, position);
            this.#remaining = this.#remaining * 16 + digit;
          } else if (this.#digits === 0) {
            return this.#fail(CHUNK_SIZE, position);
          } else if (byte === CR) {
            this.#state = 'sizeLf';
          } else if (byte === SEMICOLON) {
            if (++this.#extensionBytes > MAX_CHUNK_EXTENSION_BYTES) return this.#fail(EXTENSIONS_TOO_LARGE, position);
            this.#state = 'extension';
          } else {
            return this.#fail(CHUNK_SIZE, position);
          }
          break;
        }
        case 'extension':
          if (byte === CR) this.#state = 'sizeLf';
          else if (FIELD_VALUE[byte] !== 1) return this.#fail(CHUNK_EXTENSION, position);
          else if (++this.#extensionBytes > MAX_CHUNK_EXTENSION_BYTES)
            return this.#fail(EXTENSIONS_TOO_LARGE, position);
          break;
        case 'sizeLf':
          if (byte !== LF) return this.#fail(CHUNK_SIZE, position);
          return this.#startChunk(position);
        case 'dataCr':
          if (byte !== CR) return this.#fail(CHUNK_END, position);
          this.#state = 'dataLf';
          break;
        default:
          if (byte !== LF) return this.#fail(CHUNK_END, position);
          this.#state = 'size';
          this.#remaining = 0;
          this.#digits = 0;
      }
    }
    return position;
  }

  #startChunk(position: number): number {
    this.#totalBytes += this.#remaining;
    if (this.#maxBodyBytes !== 0 && this.#totalBytes > this.#maxBodyBytes) return this.#fail(BODY_TOO_LARGE, position);
    this.#state = this.#remaining === 0 ? 'trailer' : 'data';
    return position;
  }

  #decodeTrailer(buffer: Buffer, position: number): number {
    const before = this.#trailerText;
    const room = MAX_TRAILER_BYTES - before.length;
    const text = before + buffer.toString('latin1', position, Math.min(buffer.length, position + room + 1));
    const end = text.startsWith('\r\n') ? 2 : text.indexOf('\r\n\r\n', Math.max(0, before.length - 3)) + 4;
    if (end === 3) {
      if (text.length > MAX_TRAILER_BYTES) return this.#fail(TRAILERS_TOO_LARGE, position);
      if (hasStrayLineBreak(text, 0)) return this.#fail(TRAILER_LINE, position);
      this.#trailerText = text;
      return buffer.length;
    }
    this.#trailerText = '';
    if (end > 2) {
      const section = new FieldSection();
      const problem = section.parse(text, 0, { maxCount: MAX_TRAILER_COUNT, allowUnderscore: false });
      if (problem !== undefined) return this.#fail(problem, position);
      this.trailers = allowedTrailers(section.fields);
    }
    this.#state = 'none';
    this.isDone = true;
    return position + end - before.length;
  }

  #fail(problem: ParseProblem, position: number): number {
    this.problem = problem;
    return position;
  }
}

/**
 * A line feed without carriage return, or a carriage return followed by anything else: no later byte can make that valid.
 * @param checked how much of the text was found good before.
 */
export function hasStrayLineBreak(text: string, checked: number): boolean {
  for (let i = text.indexOf('\n', checked); i !== -1; i = text.indexOf('\n', i + 1)) {
    if (text.charCodeAt(i - 1) !== CR) return true;
  }
  for (let i = text.indexOf('\r', Math.max(0, checked - 1)); i !== -1; i = text.indexOf('\r', i + 1)) {
    if (i + 1 < text.length && text.charCodeAt(i + 1) !== LF) return true;
  }
  return false;
}

/** What may be forwarded of a trailer section, or undefined for nothing. */
export function allowedTrailers(fields: readonly string[]): HeaderList | undefined {
  const allowed: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (!isForbiddenTrailer(name)) allowed.push(name, fields[i + 1] as string);
  }
  return allowed.length === 0 ? undefined : new HeaderList(allowed);
}

const CHUNK_SIZE = problem('a chunk size is not a hexadecimal number followed by CR LF');
const CHUNK_EXTENSION = problem('a chunk extension contains a control character');
const CHUNK_END = problem('a chunk is not followed by CR LF');
const TRAILER_LINE = problem('the trailer section contains a stray line break');
const EXTENSIONS_TOO_LARGE: ParseProblem = { code: 'payload_too_large', message: 'too many bytes of chunk extensions' };
const BODY_TOO_LARGE: ParseProblem = { code: 'payload_too_large', message: 'the request body is larger than allowed' };
const TRAILERS_TOO_LARGE: ParseProblem = { code: 'headers_too_large', message: 'the trailer section is too large' };

function problem(message: string): ParseProblem {
  return { code: 'bad_request', message };
}
