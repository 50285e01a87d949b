// The reference reader of PROXY protocol headers: takes the stream one byte at a time, so that it knows which byte decides. Version 1
// is read by a grammar, addresses by the URL parser, checksums bit by bit; nothing of it is shared with the product.

export interface Verdict {
  readonly answer: ReferenceHeader | 'malformed' | 'incomplete';
  /** How many bytes it took; more change nothing. */
  readonly decidedAt: number;
}

export interface ReferenceHeader {
  readonly length: number;
  /** Source and destination, each as `comparableAddress port`. */
  readonly endpoints: readonly string[];
}

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])';
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const LINE_BEGINNING =
  /^P(?:R(?:O(?:X(?:Y(?: (?:T(?:C(?:P(?:[46](?: .*)?)?)?)?|U(?:N(?:K(?:N(?:O(?:W(?:N(?:[ \r].*)?)?)?)?)?)?)?)?)?)?)?)?)?$/s;
const SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];

export function readHeader(stream: Uint8Array, maxHeaderBytes: number): Verdict {
  let seen = '';
  let expectedLength = Number.POSITIVE_INFINITY;
  for (const [index, byte] of stream.entries()) {
    const decided = (answer: Verdict['answer']): Verdict => ({ answer, decidedAt: index + 1 });
    seen += String.fromCharCode(byte);
    if (stream[0] === 13) {
      if (index < 12 && byte !== SIGNATURE[index]) return decided('malformed');
      if (index === 12 && byte !== 0x20 && byte !== 0x21) return decided('malformed');
      const isLocal = stream[12] === 0x20;
      if (index === 13 && !isLocal && (byte > 0x3f || byte % 16 > 2)) return decided('malformed');
      if (index === 15) {
        expectedLength = 16 + (stream[14] as number) * 256 + byte;
        const needed = isLocal ? 0 : addressLength(stream[13] as number);
        if (expectedLength > maxHeaderBytes || expectedLength < 16 + needed) return decided('malformed');
      }
      if (index + 1 === expectedLength)
        return decided(readBinary([...stream.subarray(0, expectedLength)]) ?? 'malformed');
    } else {
      if (!LINE_BEGINNING.test(seen)) return decided('malformed');
      if (seen.endsWith('\r\n')) return decided(readLine(seen) ?? 'malformed');
      if (byte === 10 || seen.at(-2) === '\r' || seen.length === 107) return decided('malformed');
    }
  }
  return { answer: 'incomplete', decidedAt: stream.length };
}

function readLine(line: string): ReferenceHeader | undefined {
  const { length } = line;
  if (line.startsWith('PROXY UNKNOWN')) return { length, endpoints: [] };
  const [, protocol, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = line
    .slice(0, -2)
    .split(' ');
  const isAddress = (text: string): boolean =>
    protocol === 'TCP4' ? IPV4.test(text) : /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
  const isPort = (text: string): boolean =>
    /^[0-9]+$/.test(text) && String(Number(text)) === text && Number(text) < 65_536;
  if (!isAddress(source) || !isAddress(destination) || !isPort(sourcePort) || !isPort(destinationPort))
    return undefined;
  if (more.length > 0) return undefined;
  const endpoints = [`${comparable(source)} ${sourcePort}`, `${comparable(destination)} ${destinationPort}`];
  return { length, endpoints };
}

/** 0 where nobody says. */
function addressLength(familyAndTransport: number): number {
  return (
    new Map([
      [0x11, 12],
      [0x12, 12],
      [0x21, 36],
      [0x22, 36],
      [0x31, 216],
      [0x32, 216],
    ]).get(familyAndTransport) ?? 0
  );
}

function readBinary(header: readonly number[]): ReferenceHeader | undefined {
  const { length } = header;
  const kind = header[12] === 0x20 ? 0 : (header[13] as number);
  if (addressLength(kind) === 0) return { length, endpoints: [] };
  const addresses = header.slice(16, 16 + addressLength(kind));
  let checksums = 0;
  for (let rest = header.slice(16 + addressLength(kind)); rest.length > 0;) {
    const [type, high = 0, low = 0] = rest;
    const end = 3 + high * 256 + low;
    if (rest.length < end) return undefined;
    if (type === 3) {
      const at = length - rest.length + 3;
      if (end !== 7 || ++checksums > 1) return undefined;
      if (bytesOf(crc32c(header.toSpliced(at, 4, 0, 0, 0, 0))).join() !== header.slice(at, at + 4).join())
        return undefined;
    }
    rest = rest.slice(end);
  }
  if (kind >= 0x30) return { length, endpoints: [] };
  const half = (addresses.length - 4) / 2;
  const ports = addresses.slice(-4);
  const endpoints = [0, 1].map((index) => {
    const [high = 0, low = 0] = ports.slice(2 * index);
    return `${comparable(textOf(addresses.slice(index * half, (index + 1) * half)))} ${high * 256 + low}`;
  });
  return { length, endpoints };
}

function textOf(address: readonly number[]): string {
  if (address.length === 4) return address.join('.');
  const hex = Buffer.from(address).toString('hex');
  return (hex.match(/.{4}/g) ?? []).join(':');
}

/** IPv4, also where it is written in IPv6, or IPv6 as URLs have it. */
export function comparable(address: string): string {
  if (!address.includes(':')) return address;
  const text = new URL(`http://[${address}]/`).hostname;
  const [, high, low] = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return text;
  return bytesOf(Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16)).join('.');
}

export function crc32c(bytes: readonly number[]): number {
  let remainder = 0xffffffffn;
  for (const byte of bytes) {
    remainder ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >> 1n) ^ (remainder % 2n === 1n ? 0x82f63b78n : 0n);
  }
  return Number(remainder ^ 0xffffffffn);
}

export function bytesOf(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
}
