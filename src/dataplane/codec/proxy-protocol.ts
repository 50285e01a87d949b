// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): who a connection comes from, said in front of its bytes by a
// proxy before this one, or by us to an upstream. Where it is expected, whatever is no header to the letter is malformed.
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export interface ProxyAddress {
  /** IPv4, or IPv6 in its shortest form; what is IPv4 in IPv6 (`::ffff:…`) is IPv4. */
  readonly address: string;
  readonly port: number;
}

export interface ProxyHeader {
  readonly kind: 'header';
  /** In bytes; what follows is the connection's own. */
  readonly length: number;
  /** Absent where the header says nothing about the client (UNKNOWN, LOCAL, UNSPEC) or no address of IP: the socket's holds. */
  readonly source?: ProxyAddress;
  /** Present with `source`. */
  readonly destination?: ProxyAddress;
}

export interface MalformedProxyHeader {
  readonly kind: 'malformed';
  readonly reason: string;
}

export type ProxyHeaderResult = { readonly kind: 'incomplete' } | MalformedProxyHeader | ProxyHeader;

/** Version 1, with its CR LF (section 2.1). */
const MAX_LINE_BYTES = 107;
/** Version 2. The specification has 64 KiB; headers with TLS details and ids have a few hundred bytes. */
export const MAX_PROXY_HEADER_BYTES: number = 4 * 1024;

const CR = 0x0d;
const LINE_STARTS = ['PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN ', 'PROXY UNKNOWN\r'];
const LINE = /^PROXY TCP([46]) ([^ %]+) ([^ %]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})$/;
const MAX_PORT = 65_535;

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
const VERSION_2 = 0x20;
const LOCAL = 0;
const PROXY = 1;
const INET = 1;
const INET6 = 2;
const UNIX = 3;
const UNSPEC = 0;
const STREAM = 1;
const DGRAM = 2;
/** Source, destination and their ports, by address family. */
const ADDRESS_BYTES: readonly number[] = [0, 2 * 4 + 4, 2 * 16 + 4, 2 * 108];
const TLV_HEADER_BYTES = 3;
const CRC32C_TLV = 3;
const CRC32C_BYTES = 4;

/**
 * @param bytes all bytes of the connection so far.
 *
 * Both versions are accepted, as section 2 has it. A connection that starts otherwise is malformed at the first byte that differs.
 *
 * Version 1: the line is at most 107 bytes long; a CR or LF that is not of its CR LF is malformed, also behind UNKNOWN, where all else
 * is ignored. IPv6 addresses may end in an IPv4 one: haproxy writes them so.
 *
 * Version 2: addresses over TCP and UDP are taken alike. What follows LOCAL, or an unspecified family or transport, is skipped unread,
 * as nobody says where its TLVs begin. Elsewhere TLVs must fill the header, and the checksum (section 2.2.3), when there is one, must
 * be right; the other types are skipped.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeaderResult {
  if (bytes.length === 0) return INCOMPLETE;
  return bytes[0] === CR ? parseBinary(bytes) : parseLine(bytes.toString('latin1', 0, MAX_LINE_BYTES));
}

function parseLine(text: string): ProxyHeaderResult {
  if (!LINE_STARTS.some((start) => text.startsWith(start) || start.startsWith(text))) return NOT_A_HEADER;
  const length = text.indexOf('\r\n') + 2;
  if (length === 1) {
    if (/\n|\r./s.test(text)) return STRAY_LINE_BREAK;
    return text.length < MAX_LINE_BYTES ? INCOMPLETE : LINE_TOO_LONG;
  }
  const line = text.slice(0, length - 2);
  if (/[\r\n]/.test(line)) return STRAY_LINE_BREAK;
  if (line.startsWith('PROXY UNKNOWN')) return { kind: 'header', length };

  const match = LINE.exec(line);
  if (match === null) return INVALID_LINE;
  const [, family, source = '', destination = '', sourcePort, destinationPort] = match;
  const isAddress = family === '4' ? isIPv4 : isIPv6;
  if (!isAddress(source) || !isAddress(destination)) return INVALID_LINE;
  if (Number(sourcePort) > MAX_PORT || Number(destinationPort) > MAX_PORT) return INVALID_LINE;
  return {
    kind: 'header',
    length,
    source: { address: canonicalAddress(source), port: Number(sourcePort) },
    destination: { address: canonicalAddress(destination), port: Number(destinationPort) },
  };
}

function parseBinary(bytes: Buffer): ProxyHeaderResult {
  const signatureBytes = Math.min(bytes.length, SIGNATURE.length);
  if (bytes.compare(SIGNATURE, 0, signatureBytes, 0, signatureBytes) !== 0) return NOT_A_HEADER;
  if (bytes.length <= 12) return INCOMPLETE;
  const command = (bytes[12] as number) - VERSION_2;
  if (command !== LOCAL && command !== PROXY) return INVALID_COMMAND;
  if (bytes.length <= 13) return INCOMPLETE;
  const family = (bytes[13] as number) >> 4;
  const transport = (bytes[13] as number) & 0x0f;
  if (command === PROXY && (family > UNIX || transport > DGRAM)) return INVALID_FAMILY;
  if (bytes.length < FIXED_BYTES) return INCOMPLETE;
  const length = FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > MAX_PROXY_HEADER_BYTES) return HEADER_TOO_LARGE;
  const isSkipped = command === LOCAL || family === UNSPEC || transport === UNSPEC;
  const addressEnd = FIXED_BYTES + (ADDRESS_BYTES[family] ?? 0);
  if (!isSkipped && length < addressEnd) return INVALID_LENGTH;
  if (bytes.length < length) return INCOMPLETE;
  if (isSkipped) return { kind: 'header', length };

  const problem = checkTlvs(bytes.subarray(0, length), addressEnd);
  if (problem !== undefined) return problem;
  if (family === UNIX) return { kind: 'header', length };
  const readAddress = family === INET ? readIpv4 : readIpv6;
  const addressBytes = family === INET ? 4 : 16;
  return {
    kind: 'header',
    length,
    source: { address: readAddress(bytes, FIXED_BYTES), port: bytes.readUInt16BE(addressEnd - 4) },
    destination: { address: readAddress(bytes, FIXED_BYTES + addressBytes), port: bytes.readUInt16BE(addressEnd - 2) },
  };
}

function checkTlvs(header: Buffer, start: number): MalformedProxyHeader | undefined {
  let hasChecksum = false;
  for (let position = start; position < header.length;) {
    const value = position + TLV_HEADER_BYTES;
    if (value > header.length) return INVALID_LENGTH;
    const end = value + header.readUInt16BE(position + 1);
    if (end > header.length) return INVALID_LENGTH;
    if (header[position] === CRC32C_TLV) {
      // A second one would be summed up in the first.
      if (hasChecksum || end - value !== CRC32C_BYTES) return INVALID_CHECKSUM;
      hasChecksum = true;
      if (header.readUInt32BE(value) !== checksum(header, value)) return INVALID_CHECKSUM;
    }
    position = end;
  }
  return undefined;
}

/** CRC32c (RFC 9260 appendix A) over the header, with zeros in the place of the checksum itself. */
function checksum(header: Buffer, at: number): number {
  let crc = 0xffffffff;
  for (let i = 0; i < header.length; i++) {
    const byte = i >= at && i < at + CRC32C_BYTES ? 0 : (header[i] as number);
    crc = (CRC32C[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

const CRC32C: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  return crc;
});

function readIpv4(bytes: Buffer, at: number): string {
  return bytes.subarray(at, at + 4).join('.');
}

function readIpv6(bytes: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(at + 2 * group).toString(16));
  return canonicalAddress(groups.join(':'));
}

/** One text for one address. @throws where it is none. */
function canonicalAddress(address: string): string {
  if (isIPv4(address)) return address;
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = canonical.startsWith('::ffff:') ? canonical.slice('::ffff:'.length) : '';
  return isIPv4(mapped) ? mapped : canonical;
}

/**
 * What to send to an upstream before anything else, for a TCP connection between these two. Where only one of them is IPv4 it is
 * written as IPv6 (`::ffff:…`): neither version has a header for two families, and UNKNOWN would keep the client from the upstream.
 *
 * @throws ERR_INVALID_ADDRESS where an address is not of IP, which no socket's is. A zone (`%eth0`) is left out.
 */
export function proxyHeader(version: 1 | 2, source: ProxyAddress, destination: ProxyAddress): Buffer {
  const from = canonicalAddress(withoutZone(source.address));
  const to = canonicalAddress(withoutZone(destination.address));
  const family = isIPv4(from) && isIPv4(to) ? INET : INET6;
  const addresses = family === INET ? [from, to] : [ipv6Text(from), ipv6Text(to)];
  if (version === 1) {
    const protocol = family === INET ? 'TCP4' : 'TCP6';
    return Buffer.from(`PROXY ${protocol} ${addresses.join(' ')} ${source.port} ${destination.port}\r\n`, 'latin1');
  }
  const header = Buffer.alloc(FIXED_BYTES + (ADDRESS_BYTES[family] as number));
  SIGNATURE.copy(header);
  header[12] = VERSION_2 | PROXY;
  header[13] = (family << 4) | STREAM;
  header.writeUInt16BE(header.length - FIXED_BYTES, 14);
  Buffer.from(addresses.flatMap(family === INET ? ipv4Bytes : ipv6Bytes)).copy(header, FIXED_BYTES);
  header.writeUInt16BE(source.port, header.length - 4);
  header.writeUInt16BE(destination.port, header.length - 2);
  return header;
}

function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
}

/** With hexadecimal groups only, which is all that version 1 knows. */
function ipv6Text(address: string): string {
  const quadStart = address.lastIndexOf(':') + 1;
  const quad = address.slice(quadStart);
  if (!isIPv4(quad)) return address;
  const [a = 0, b = 0, c = 0, d = 0] = ipv4Bytes(quad);
  const prefix = quadStart === 0 ? '::ffff:' : address.slice(0, quadStart);
  return `${prefix}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function ipv4Bytes(address: string): number[] {
  return address.split('.').map(Number);
}

function ipv6Bytes(address: string): number[] {
  const [front = [], back = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  const groups = [...front, ...zeros, ...back];
  return groups.map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]);
}

const INCOMPLETE: ProxyHeaderResult = { kind: 'incomplete' };
const NOT_A_HEADER = malformed('the connection does not start with a PROXY protocol header');
const STRAY_LINE_BREAK = malformed('the PROXY line contains a stray line break');
const LINE_TOO_LONG = malformed('the PROXY line is longer than 107 bytes');
const INVALID_LINE = malformed('the PROXY line is not "PROXY TCP4|TCP6 source destination port port"');
const INVALID_COMMAND = malformed('the PROXY header has another version than 2 or an unknown command');
const INVALID_FAMILY = malformed('the PROXY header has an unknown address family or transport');
const INVALID_LENGTH = malformed('the PROXY header has a length that does not fit');
const HEADER_TOO_LARGE = malformed('the PROXY header is larger than allowed');
const INVALID_CHECKSUM = malformed('the checksum of the PROXY header is wrong');

function malformed(reason: string): MalformedProxyHeader {
  return { kind: 'malformed', reason };
}
