// What can be broken in the ClientHello parser, by what is wrong then.
import type { Mutant } from '../mutant.ts';

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'other records are read for handshakes': edit('bytes[position] !== HANDSHAKE_RECORD', 'bytes[position] === 23'),
  'any version is TLS': edit('bytes[position + 1] !== TLS_MAJOR_VERSION', 'bytes[position + 1] === 2'),
  'empty records are taken': edit('fragmentBytes === 0 || ', ''),
  'records may be larger than 16 KiB': edit(' || fragmentBytes > MAX_FRAGMENT_BYTES', ''),
  'any handshake message is a ClientHello': edit('byte !== CLIENT_HELLO_MESSAGE', 'byte === 0'),
  'the header is read from the first record only': edit(
    'i < position && i < bytes.length; i++',
    'records === 1 && i < position && i < bytes.length; i++',
  ),
  'the header is waited for in one piece': edit(
    'i < position && i < bytes.length; i++',
    'position <= bytes.length && i < position; i++',
  ),
  'the message is one byte too large': edit(
    'messageBytes > MAX_CLIENT_HELLO_BYTES',
    'messageBytes > MAX_CLIENT_HELLO_BYTES + 1',
  ),
  'the largest message is refused': edit(
    'messageBytes > MAX_CLIENT_HELLO_BYTES',
    'messageBytes >= MAX_CLIENT_HELLO_BYTES',
  ),
  'one more record is taken': edit('++records > MAX_CLIENT_HELLO_RECORDS', 'records++ > MAX_CLIENT_HELLO_RECORDS'),
  'what follows the message in its record is dropped': edit(
    'assembled > MESSAGE_HEADER_BYTES + messageBytes) return',
    'assembled < 0) return',
  ),
  'a record is read before it is all there': edit(
    'if (position > bytes.length) return INCOMPLETE;',
    'if (position > bytes.length + 1) return INCOMPLETE;',
  ),
  'several records are joined with their headers': edit(
    'records.copy(joined, filled, start, position)',
    'records.copy(joined, filled, start - 1, position)',
  ),
  'two records are taken for one': edit(
    'records.length === RECORD_HEADER_BYTES + length',
    'records.length <= 2 * RECORD_HEADER_BYTES + length',
  ),
  'any version of the message is taken': edit('reader.integer(1) !== TLS_MAJOR_VERSION', 'reader.integer(1) > 4'),
  'a session id may be longer': edit('> MAX_SESSION_ID_BYTES', '> MAX_SESSION_ID_BYTES + 1'),
  'there may be no ciphers': edit('reader.skipVector(2, 2)', 'reader.skipVector(2, 0)'),
  'there may be half a cipher': edit('% 2 !== 0) reader', '% 2 > 1) reader'),
  'there may be no compression method': edit(
    'reader.skipVector(1, 1);\n  const extensions',
    'reader.skipVector(1, 0);\n  const extensions',
  ),
  'extensions may be missing only if their length is there': edit(
    'if (reader.hasMore) extensions.read();',
    'extensions.read();',
  ),
  'bytes behind the extensions are dropped': edit('if (reader.hasMore) reader.fail(INVALID_LENGTH);\n  if', 'if'),
  'an extension may come twice, and the last counts': edit(
    'if (this.#seen.has(type)) reader.fail(REPEATED_EXTENSION);',
    '',
  ),
  'pre_shared_key may be anywhere': edit(
    'if (this.#seen.has(PRE_SHARED_KEY)) reader.fail(PRE_SHARED_KEY_NOT_LAST);',
    '',
  ),
  'names of any type are taken': edit(
    'if (reader.integer(1) !== HOST_NAME) reader.fail(NOT_ONE_HOST_NAME);',
    'reader.integer(1);',
  ),
  'of several names the first counts': edit(
    'if (reader.hasMore) reader.fail(NOT_ONE_HOST_NAME);',
    'while (reader.hasMore) reader.skip(1);',
  ),
  'a name that is none is no name': edit(
    "if (typeof name === 'object') reader.fail(name);",
    "if (typeof name === 'object') this.serverName = undefined;",
  ),
  'an address is a name': edit('return isLiteral ? undefined : parsed.host;', 'return parsed.host;'),
  'an IPv6 address is malformed': edit(
    'return isIP(text) === 0 ? NOT_A_HOSTNAME : undefined;',
    'return NOT_A_HOSTNAME;',
  ),
  'a name may have a port': edit('if (parsed.port !== undefined) return NOT_A_HOSTNAME;', ''),
  'upper case and dots are kept': edit('undefined : parsed.host;', 'undefined : text;'),
  'a list of protocols may be empty': edit('reader.enter(2, 2)', 'reader.enter(2, 0)'),
  'a protocol may be empty': edit('reader.opaque(1, 1).toString', 'reader.opaque(1, 0).toString'),
  'the last protocol comes first': edit('this.alpnProtocols.push(', 'this.alpnProtocols.unshift('),
  'the last identity counts': edit('if (unbound === 0) this.ticket = identity;', 'this.ticket = identity;'),
  'the TLS 1.2 ticket goes first': edit(
    'if (unbound === 0) this.ticket = identity;',
    'if (unbound === 0) this.ticket ??= identity;',
  ),
  'an identity may be empty': edit('const identity = reader.opaque(2, 1);', 'const identity = reader.opaque(2, 0);'),
  'identities have no age': edit('reader.skip(TICKET_AGE_BYTES);', ''),
  'a binder may be short': edit('reader.skipVector(1, MIN_BINDER_BYTES)', 'reader.skipVector(1, MIN_BINDER_BYTES - 1)'),
  'there may be fewer binders than identities': edit('if (unbound !== 0)', 'if (unbound < 0)'),
  'there may be more binders than identities': edit('if (unbound !== 0)', 'if (unbound > 0)'),
  'a short ticket has a key name': edit(
    'ticket.length >= TICKET_KEY_NAME_BYTES',
    'ticket.length >= TICKET_KEY_NAME_BYTES - 1',
  ),
  'a ticket must be longer than its key name': edit(
    'ticket.length >= TICKET_KEY_NAME_BYTES',
    'ticket.length > TICKET_KEY_NAME_BYTES',
  ),
  'a vector may reach over its end': edit(' || end > outerEnd', ''),
  'a vector may be left unread': edit(
    'if (this.#position !== this.#end) this.fail(INVALID_LENGTH);',
    'this.#position = this.#end;',
  ),
  'a short vector is taken': edit('if (byteCount < minBytes) this.fail', 'if (byteCount < 0) this.fail'),
};

function edit(text: string, replacement: string): Mutant {
  return { file: 'dataplane/codec/client-hello.ts', text, replacement };
}
