// What can be broken in the PROXY protocol, by what is wrong then.
import type { Mutant } from '../mutant.ts';

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a line may be longer': edit('const MAX_LINE_BYTES = 107;', 'const MAX_LINE_BYTES = 108;'),
  'a line must be shorter': edit('const MAX_LINE_BYTES = 107;', 'const MAX_LINE_BYTES = 106;'),
  'anything may begin a line': edit('if (!LINE_STARTS.some(', 'if (text.length > 16 && !LINE_STARTS.some('),
  'UNKNOWN may be the beginning of a word': edit("'PROXY UNKNOWN ', 'PROXY UNKNOWN\\r'", "'PROXY UNKNOWN'"),
  'a line may end in LF': edit(
    "text.indexOf('\\r\\n') + 2",
    "text.replace(/(?<!\\r)\\n/, '\\r\\n').indexOf('\\r\\n') + 2",
  ),
  'a stray line break is waited for': edit('if (/\\n|\\r./s.test(text)) return STRAY_LINE_BREAK;', ''),
  'UNKNOWN may hold a line break': edit('if (/[\\r\\n]/.test(line)) return STRAY_LINE_BREAK;', ''),
  'blanks may be repeated': edit('/^PROXY TCP([46]) ', '/^PROXY TCP([46]) +'),
  'ports may begin with zeros': edit('(0|[1-9][0-9]{0,4}) (0', '([0-9]{1,5}) (0'),
  'ports may be too large': edit('Number(sourcePort) > MAX_PORT || ', ''),
  'the port of the destination may be too large': edit(' || Number(destinationPort) > MAX_PORT', ''),
  'more may follow the ports': edit('(0|[1-9][0-9]{0,4})$/', '(0|[1-9][0-9]{0,4})/'),
  'TCP4 may have IPv6 addresses': edit(
    "family === '4' ? isIPv4 : isIPv6",
    "family === '4' ? (text: string): boolean => isIPv4(text) || isIPv6(text) : isIPv6",
  ),
  'the destination may be anything': edit(' || !isAddress(destination)', ''),
  'an address may have a zone': edit('([^ %]+) ([^ %]+)', '([^ ]+) ([^ ]+)'),
  'ports change places': edit(
    'source: { address: canonicalAddress(source), port: Number(sourcePort) }',
    'source: { address: canonicalAddress(source), port: Number(destinationPort) }',
  ),
  'only the beginning of the signature counts': edit(
    'bytes.compare(SIGNATURE, 0, signatureBytes, 0, signatureBytes)',
    'bytes.compare(SIGNATURE, 0, Math.min(11, signatureBytes), 0, Math.min(11, signatureBytes))',
  ),
  'any command is taken': edit('if (command !== LOCAL && command !== PROXY) return INVALID_COMMAND;', ''),
  'any version is taken': edit('(bytes[12] as number) - VERSION_2', '(bytes[12] as number) & 0x0f'),
  'any family is taken': edit('(family > UNIX || transport > DGRAM)', 'transport > DGRAM'),
  'any transport is taken': edit('(family > UNIX || transport > DGRAM)', 'family > UNIX'),
  'the family of LOCAL counts': edit('command === PROXY && (family', '(family'),
  'the addresses of LOCAL are taken': edit('const isSkipped = command === LOCAL || ', 'const isSkipped = '),
  'the addresses of UNSPEC are taken': edit(' || transport === UNSPEC;', ';'),
  'the header may be larger': edit('length > MAX_PROXY_HEADER_BYTES', 'length > MAX_PROXY_HEADER_BYTES + 1'),
  'the largest header is refused': edit('length > MAX_PROXY_HEADER_BYTES', 'length >= MAX_PROXY_HEADER_BYTES'),
  'the header may be shorter than its addresses': edit(
    'if (!isSkipped && length < addressEnd) return INVALID_LENGTH;',
    '',
  ),
  'a short header is refused when it is all there': edit(
    'if (!isSkipped && length < addressEnd) return INVALID_LENGTH;\n  if (bytes.length < length) return INCOMPLETE;',
    'if (bytes.length < length) return INCOMPLETE;\n  if (!isSkipped && length < addressEnd) return INVALID_LENGTH;',
  ),
  'the header is read before it is all there': edit(
    'if (bytes.length < length) return INCOMPLETE;',
    'if (bytes.length < addressEnd) return INCOMPLETE;',
  ),
  'TLVs are not looked at': edit('if (problem !== undefined) return problem;', ''),
  'a TLV may be cut': edit('if (end > header.length) return INVALID_LENGTH;', ''),
  'the head of a TLV may be cut': edit(
    'if (value > header.length) return INVALID_LENGTH;',
    'if (value > header.length) return undefined;',
  ),
  'checksums are not checked': edit('header.readUInt32BE(value) !== checksum(header, value)', 'value < 0'),
  'the checksum is not taken out': edit(
    'i >= at && i < at + CRC32C_BYTES ? 0 : (header[i] as number)',
    'header[i] as number',
  ),
  'the checksum is that of zlib': edit('0x82f63b78', '0xedb88320'),
  'a checksum may have any length': edit(' || end - value !== CRC32C_BYTES', ''),
  'UNIX has an address of IP': edit("if (family === UNIX) return { kind: 'header', length };", ''),
  'source and destination are one': edit(
    'readAddress(bytes, FIXED_BYTES + addressBytes)',
    'readAddress(bytes, FIXED_BYTES)',
  ),
  'ports change places in version 2': edit('bytes.readUInt16BE(addressEnd - 4)', 'bytes.readUInt16BE(addressEnd - 2)'),
  'IPv4 in IPv6 is IPv6': edit('return isIPv4(mapped) ? mapped : canonical;', 'return canonical;'),
  'addresses of two families are written as IPv4': edit('isIPv4(from) && isIPv4(to)', 'isIPv4(from)'),
  'IPv6 is written with dots': edit('if (!isIPv4(quad)) return address;', 'return address;'),
  'TCP6 is written for IPv4': edit("family === INET ? 'TCP4' : 'TCP6'", "'TCP6'"),
  'zeros are missing': edit('length: 8 - front.length', 'length: 7 - front.length'),
  'ports are written in the wrong order': edit(
    'header.writeUInt16BE(source.port, header.length - 4)',
    'header.writeUInt16BE(destination.port, header.length - 4)',
  ),
  'the length counts the fixed part': edit(
    'header.writeUInt16BE(header.length - FIXED_BYTES, 14)',
    'header.writeUInt16BE(header.length, 14)',
  ),
};

function edit(text: string, replacement: string): Mutant {
  return { file: 'dataplane/codec/proxy-protocol.ts', text, replacement };
}
