// Reads the ClientHello at the beginning of a TLS connection without taking part in the handshake: it tells which server the client
// wants before anything is decided. Whatever the bytes are, the answer is a value, and it never changes once it is not `incomplete`.
import { isIP, isIPv4 } from 'node:net';
import { parseAuthority } from '../../lib/authority.ts';

export interface ClientHello {
  readonly kind: 'clientHello';
  /** Lower case, without a trailing dot; undefined where the client names no server, or one by its address. */
  readonly serverName: string | undefined;
  /** In the client's order, as latin1; empty where it offers none. */
  readonly alpnProtocols: readonly string[];
  /** The first 16 bytes of the ticket that it wants to resume by, in hex: OpenSSL puts the name of its ticket key there. */
  readonly ticketKeyName: string | undefined;
}

export interface MalformedHello {
  readonly kind: 'malformed';
  readonly reason: string;
}

export type ClientHelloResult = { readonly kind: 'incomplete' } | MalformedHello | ClientHello;

/** Of the message without its header. Hellos with post-quantum key shares and tickets have about 2 KiB. */
export const MAX_CLIENT_HELLO_BYTES: number = 16 * 1024;
/** Enough for an ordinary hello in records of one byte; nobody needs more than a few. */
export const MAX_CLIENT_HELLO_RECORDS = 2048;

const RECORD_HEADER_BYTES = 5;
const MAX_FRAGMENT_BYTES = 16 * 1024;
const HANDSHAKE_RECORD = 22;
const TLS_MAJOR_VERSION = 3;

const MESSAGE_HEADER_BYTES = 4;
const CLIENT_HELLO_MESSAGE = 1;

/** What follows from both: the answer to more bytes is never `incomplete`. */
export const MAX_CLIENT_HELLO_WIRE_BYTES: number =
  MESSAGE_HEADER_BYTES + MAX_CLIENT_HELLO_BYTES + MAX_CLIENT_HELLO_RECORDS * RECORD_HEADER_BYTES;

const RANDOM_BYTES = 32;
const MAX_SESSION_ID_BYTES = 32;

const SERVER_NAME = 0;
const ALPN = 16;
const SESSION_TICKET = 35;
const PRE_SHARED_KEY = 41;

const HOST_NAME = 0;
const TICKET_KEY_NAME_BYTES = 16;
const TICKET_AGE_BYTES = 4;
const MIN_BINDER_BYTES = 32;

/**
 * @param bytes all bytes of the connection so far; what follows the ClientHello is not looked at.
 *
 * Records (RFC 8446 section 5.1): the message may be cut into MAX_CLIENT_HELLO_RECORDS of them. Malformed:
 * another content type or major version (so are SSLv2 hellos; the minor version says nothing), an empty or oversized fragment, and
 * more in the last record than the ClientHello.
 *
 * Message (section 4.1.2): every vector must fill what holds it exactly. Malformed: an odd length of cipher suites, an extension
 * twice (4.2), pre_shared_key not last (4.2.11). Hellos of SSL 3.0 to TLS 1.3 are all parsed, and nothing is checked that is
 * negotiated: versions, ciphers and unknown extensions (GREASE, padding) are the business of whoever shakes hands. Of an encrypted
 * ClientHello the outer one counts, as only its name can be read.
 *
 * Server name (RFC 6066 section 3): the list must hold one host_name, which OpenSSL demands too. Upper case and a trailing dot are
 * another spelling of the same name. An IP literal is against the rules, but sent by clients that were given an address as their URL:
 * it is ignored, as if no name had been sent. All else that is no hostname (NUL, blanks, a port, more than 253 characters) is malformed.
 *
 * ALPN (RFC 7301 section 3.1): an empty list or name is malformed.
 *
 * As long as it is incomplete, a call visits records, not bytes: 20 µs where it has all of them with one byte each.
 */
export function parseClientHello(bytes: Buffer): ClientHelloResult {
  const message = assembleMessage(bytes);
  return Buffer.isBuffer(message) ? parseMessage(message) : message;
}

/** The message without its header, once it is all there. */
function assembleMessage(bytes: Buffer): Buffer | ClientHelloResult {
  let messageBytes = 0;
  let headerBytes = 0;
  let assembled = 0;
  let position = 0;
  for (let records = 0; headerBytes < MESSAGE_HEADER_BYTES || assembled < MESSAGE_HEADER_BYTES + messageBytes;) {
    if (++records > MAX_CLIENT_HELLO_RECORDS) return TOO_MANY_RECORDS;
    if (position < bytes.length && bytes[position] !== HANDSHAKE_RECORD) return NOT_A_HANDSHAKE;
    if (position + 1 < bytes.length && bytes[position + 1] !== TLS_MAJOR_VERSION) return NOT_TLS;
    const start = position + RECORD_HEADER_BYTES;
    if (start > bytes.length) return INCOMPLETE;
    const fragmentBytes = (bytes[start - 2] as number) * 256 + (bytes[start - 1] as number);
    if (fragmentBytes === 0 || fragmentBytes > MAX_FRAGMENT_BYTES) return INVALID_FRAGMENT;
    position = start + fragmentBytes;
    assembled += fragmentBytes;

    for (let i = start; headerBytes < MESSAGE_HEADER_BYTES && i < position && i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (headerBytes++ > 0) messageBytes = messageBytes * 256 + byte;
      else if (byte !== CLIENT_HELLO_MESSAGE) return NOT_A_CLIENT_HELLO;
    }
    if (headerBytes === MESSAGE_HEADER_BYTES) {
      if (messageBytes > MAX_CLIENT_HELLO_BYTES) return TOO_LARGE;
      if (assembled > MESSAGE_HEADER_BYTES + messageBytes) return MORE_THAN_A_HELLO;
    }
    if (position > bytes.length) return INCOMPLETE;
  }
  return joinFragments(bytes.subarray(0, position), assembled).subarray(MESSAGE_HEADER_BYTES);
}

function joinFragments(records: Buffer, length: number): Buffer {
  if (records.length === RECORD_HEADER_BYTES + length) return records.subarray(RECORD_HEADER_BYTES);
  const joined = Buffer.allocUnsafe(length);
  let filled = 0;
  for (let position = 0; position < records.length;) {
    const start = position + RECORD_HEADER_BYTES;
    position = start + records.readUInt16BE(start - 2);
    filled += records.copy(joined, filled, start, position);
  }
  return joined;
}

function parseMessage(message: Buffer): ClientHello | MalformedHello {
  const reader = new MessageReader(message);
  if (reader.integer(1) !== TLS_MAJOR_VERSION) reader.fail(NOT_TLS);
  reader.integer(1);
  reader.skip(RANDOM_BYTES);
  if (reader.skipVector(1, 0) > MAX_SESSION_ID_BYTES) reader.fail(INVALID_LENGTH);
  if (reader.skipVector(2, 2) % 2 !== 0) reader.fail(INVALID_LENGTH);
  reader.skipVector(1, 1);
  const extensions = new Extensions(reader);
  if (reader.hasMore) extensions.read();
  if (reader.hasMore) reader.fail(INVALID_LENGTH);
  if (reader.problem !== undefined) return reader.problem;
  const { serverName, alpnProtocols, ticket } = extensions;
  const ticketKeyName =
    ticket !== undefined && ticket.length >= TICKET_KEY_NAME_BYTES
      ? ticket.toString('hex', 0, TICKET_KEY_NAME_BYTES)
      : undefined;
  return { kind: 'clientHello', serverName, alpnProtocols, ticketKeyName };
}

class Extensions {
  serverName: string | undefined = undefined;
  alpnProtocols: string[] = [];
  /** The first that TLS 1.3 would resume by, else that of TLS 1.2: a client that offers both prefers the newer. */
  ticket: Buffer | undefined = undefined;

  readonly #reader: MessageReader;
  readonly #seen = new Set<number>();

  constructor(reader: MessageReader) {
    this.#reader = reader;
  }

  read(): void {
    const reader = this.#reader;
    const outerEnd = reader.enter(2, 0);
    while (reader.hasMore) {
      const type = reader.integer(2);
      if (this.#seen.has(type)) reader.fail(REPEATED_EXTENSION);
      if (this.#seen.has(PRE_SHARED_KEY)) reader.fail(PRE_SHARED_KEY_NOT_LAST);
      this.#seen.add(type);
      if (type === SERVER_NAME) this.#readServerName();
      else if (type === ALPN) this.#readAlpn();
      else if (type === PRE_SHARED_KEY) this.#readPreSharedKey();
      else if (type === SESSION_TICKET) this.ticket = reader.opaque(2, 0);
      else reader.skipVector(2, 0);
    }
    reader.leave(outerEnd);
  }

  #readServerName(): void {
    const reader = this.#reader;
    const outerEnd = reader.enter(2, 0);
    const listEnd = reader.enter(2, 1);
    if (reader.integer(1) !== HOST_NAME) reader.fail(NOT_ONE_HOST_NAME);
    const name = canonicalServerName(reader.opaque(2, 1).toString('latin1'));
    if (reader.hasMore) reader.fail(NOT_ONE_HOST_NAME);
    if (typeof name === 'object') reader.fail(name);
    else this.serverName = name;
    reader.leave(listEnd);
    reader.leave(outerEnd);
  }

  #readAlpn(): void {
    const reader = this.#reader;
    const outerEnd = reader.enter(2, 0);
    const listEnd = reader.enter(2, 2);
    while (reader.hasMore) this.alpnProtocols.push(reader.opaque(1, 1).toString('latin1'));
    reader.leave(listEnd);
    reader.leave(outerEnd);
  }

  /** RFC 8446 section 4.2.11: each identity has its binder. */
  #readPreSharedKey(): void {
    const reader = this.#reader;
    const outerEnd = reader.enter(2, 0);
    let unbound = 0;
    const identitiesEnd = reader.enter(2, 7);
    for (; reader.hasMore; unbound++) {
      const identity = reader.opaque(2, 1);
      if (unbound === 0) this.ticket = identity;
      reader.skip(TICKET_AGE_BYTES);
    }
    reader.leave(identitiesEnd);
    const bindersEnd = reader.enter(2, 33);
    for (; reader.hasMore; unbound--) reader.skipVector(1, MIN_BINDER_BYTES);
    reader.leave(bindersEnd);
    if (unbound !== 0) reader.fail(INVALID_LENGTH);
    reader.leave(outerEnd);
  }
}

function canonicalServerName(text: string): string | undefined | MalformedHello {
  const parsed = parseAuthority(text);
  if ('problem' in parsed) return isIP(text) === 0 ? NOT_A_HOSTNAME : undefined;
  if (parsed.port !== undefined) return NOT_A_HOSTNAME;
  const isLiteral = parsed.host.startsWith('[') || isIPv4(parsed.host);
  return isLiteral ? undefined : parsed.host;
}

/**
 * Reads a message from front to back in the terms of RFC 8446 section 3. Whatever does not fit ends it: from then on there is
 * nothing more to read, and the first problem stays.
 */
class MessageReader {
  problem: MalformedHello | undefined = undefined;

  readonly #bytes: Buffer;
  #position = 0;
  /** Of the innermost vector that is being read. */
  #end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  get hasMore(): boolean {
    return this.#position < this.#end;
  }

  fail(problem: MalformedHello): void {
    this.problem ??= problem;
    this.#position = this.#end;
  }

  /** 0 where the bytes are not all there. */
  integer(byteCount: number): number {
    const start = this.#position;
    this.skip(byteCount);
    let value = 0;
    if (this.problem === undefined)
      for (let i = start; i < this.#position; i++) value = value * 256 + (this.#bytes[i] as number);
    return value;
  }

  skip(byteCount: number): void {
    if (byteCount > this.#end - this.#position) this.fail(INVALID_LENGTH);
    else this.#position += byteCount;
  }

  /** Of what it holds nothing is looked at. @returns its length */
  skipVector(lengthBytes: number, minBytes: number): number {
    const byteCount = this.integer(lengthBytes);
    if (byteCount < minBytes) this.fail(INVALID_LENGTH);
    this.skip(byteCount);
    return byteCount;
  }

  /** A view of the bytes of a vector, empty where they are not all there. */
  opaque(lengthBytes: number, minBytes: number): Buffer {
    const byteCount = this.skipVector(lengthBytes, minBytes);
    return this.problem === undefined ? this.#bytes.subarray(this.#position - byteCount, this.#position) : EMPTY;
  }

  /** Into a vector, which must be used up before it is left. @returns what to leave it with */
  enter(lengthBytes: number, minBytes: number): number {
    const byteCount = this.integer(lengthBytes);
    const outerEnd = this.#end;
    const end = this.#position + byteCount;
    if (byteCount < minBytes || end > outerEnd) this.fail(INVALID_LENGTH);
    else this.#end = end;
    return outerEnd;
  }

  leave(outerEnd: number): void {
    if (this.#position !== this.#end) this.fail(INVALID_LENGTH);
    this.#end = this.problem === undefined ? outerEnd : this.#position;
  }
}

const EMPTY = Buffer.alloc(0);

const INCOMPLETE: ClientHelloResult = { kind: 'incomplete' };
const NOT_A_HANDSHAKE = malformed('the first bytes are no TLS handshake record');
const NOT_TLS = malformed('the version is not one of TLS');
const NOT_A_CLIENT_HELLO = malformed('the first handshake message is no ClientHello');
const INVALID_FRAGMENT = malformed('a record is empty or larger than 16 KiB');
const MORE_THAN_A_HELLO = malformed('the record of the ClientHello holds more than it');
const TOO_MANY_RECORDS = malformed('the ClientHello is cut into more records than allowed');
const TOO_LARGE = malformed('the ClientHello is larger than allowed');
const INVALID_LENGTH = malformed('the ClientHello has a length that does not fit');
const REPEATED_EXTENSION = malformed('an extension appears twice');
const PRE_SHARED_KEY_NOT_LAST = malformed('pre_shared_key is not the last extension');
const NOT_ONE_HOST_NAME = malformed('server_name is not one host name');
const NOT_A_HOSTNAME = malformed('the server name is no hostname');

function malformed(reason: string): MalformedHello {
  return { kind: 'malformed', reason };
}
