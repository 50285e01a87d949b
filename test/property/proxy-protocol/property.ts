// The properties of the PROXY protocol: headers are read as the reference reads them, with that answer from the very byte on that
// decides, and what is written is read back. It takes the module to check as an argument, so that it can be run on broken copies.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isIPv4 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type * as proxyProtocol from '../../../src/dataplane/codec/proxy-protocol.ts';
import type { ProxyAddress, ProxyHeaderResult } from '../../../src/dataplane/codec/proxy-protocol.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { mutate } from '../byte-mutation.ts';
import { bytesOf, comparable, crc32c, readHeader } from './reference.ts';

export type Product = typeof proxyProtocol;

const FILE = 'dataplane/codec/proxy-protocol.ts';

const IPV4 = ['0.0.0.0', '1.2.3.4', '255.255.255.255', '192.168.0.10'];
// oxfmt-ignore
const IPV6 = [
  '::', '::1', '2001:DB8::a', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '::ffff:102:304', '::1.2.3.4', '1:0:0:2:0:0:0:3', 'FFFF:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  '1::', '2001:db8:0:0:1:0:0:1',
];
// oxfmt-ignore
const NO_ADDRESSES = ['', '01.2.3.4', '1.2.3', '1.2.3.256', ':::', '1::2::3', '::g', '::1%eth0', '[::1]', '12345::', 'a.example', '1:2:3:4:5:6:7:8:9'];
const NO_BLANKS = ['', '  ', '\t'];
const PORTS = ['0', '1', '443', '65535'];
const NO_PORTS = ['', '00', '01', '65536', '99999', '100000', '-1', '+1', '1e3', ' 1', '0x1'];
const FAMILIES = [0x11, 0x12, 0x21, 0x22, 0x31, 0x32];
const ODD_FAMILIES = [0x00, 0x01, 0x10, 0x13, 0x20, 0x23, 0x30, 0x33, 0x40, 0xff];
const TLV_TYPES = [1, 2, 4, 5, 0x20, 0x30, 0xe0, 0xff];

export async function loadProduct(sources: string): Promise<Product> {
  return (await import(pathToFileURL(join(sources, FILE)).href)) as Product;
}

/** Checks that many inputs: the first disagreement, or undefined. */
export function findDisagreement(product: Product, random: SeededRandom, inputs: number): string | undefined {
  for (let i = 0; i < inputs; i++) {
    const disagreement = i % 4 === 0 ? checkWritten(product, random) : checkInput(product, randomInput(random), random);
    if (disagreement !== undefined) return `${random.seed}: ${disagreement}`;
  }
  return undefined;
}

export function checkInput(product: Product, bytes: Buffer, random: SeededRandom): string | undefined {
  try {
    return compare(product, bytes, random);
  } catch (error) {
    return `${String(error)}: ${bytes.toString('hex')}`;
  }
}

function compare(product: Product, bytes: Buffer, random: SeededRandom): string | undefined {
  const { answer, decidedAt } = readHeader(bytes, product.MAX_PROXY_HEADER_BYTES);
  const whole = product.parseProxyHeader(bytes);
  const quoted = (): string => JSON.stringify(bytes.toString('latin1'));
  if (!isDeepStrictEqual(inTerms(whole), answer))
    return `${JSON.stringify(whole)} instead of ${JSON.stringify(answer)}: ${quoted()}`;
  for (const length of [decidedAt - 1, decidedAt, random.below(bytes.length + 1)]) {
    const early = product.parseProxyHeader(bytes.subarray(0, Math.max(0, length)));
    const expected = length < decidedAt ? INCOMPLETE : whole;
    if (!isDeepStrictEqual(early, expected))
      return `${JSON.stringify(early)} after ${length} bytes instead of ${JSON.stringify(expected)}: ${quoted()}`;
  }
  return undefined;
}

const INCOMPLETE: ProxyHeaderResult = { kind: 'incomplete' };

function inTerms(result: ProxyHeaderResult): unknown {
  if (result.kind !== 'header') return result.kind;
  const { length, source, destination } = result;
  if (source === undefined || destination === undefined) return { length, endpoints: [] };
  return { length, endpoints: [source, destination].map(inOneText) };
}

/** What the product says is IPv6 must not be IPv4 in another dress. */
function inOneText({ address, port }: ProxyAddress): string {
  const text = comparable(address);
  return isIPv4(text) === isIPv4(address) ? `${text} ${port}` : `${address} should be ${text}`;
}

/** The reference reads what the product writes. */
function checkWritten(product: Product, random: SeededRandom): string | undefined {
  const version = random.pick([1, 2] as const);
  const [source, destination] = [randomEndpoint(random), randomEndpoint(random)];
  const written = product.proxyHeader(version, source, destination);
  const expected = {
    answer: {
      length: written.length,
      endpoints: [source, destination].map((end) => `${comparable(end.address)} ${end.port}`),
    },
    decidedAt: written.length,
  };
  const read = readHeader(written, product.MAX_PROXY_HEADER_BYTES);
  if (!isDeepStrictEqual(read, expected) || (version === 1) !== written.toString('latin1').startsWith('PROXY TCP'))
    return `${JSON.stringify([source, destination])} is written ${JSON.stringify(written.toString('latin1'))}`;
  const isIpv6 = version === 1 ? written[9] === 0x36 : written[13] === 0x21;
  if (isIpv6 !== [source, destination].some((end) => comparable(end.address).startsWith('[')))
    return `${JSON.stringify([source, destination])} is written in the wrong family`;
  // Of version 1's grammar: IPv6 has no dots.
  return isIpv6 && version === 1 && written.includes('.') ? `a dot in ${written.toString('latin1')}` : undefined;
}

function randomEndpoint(random: SeededRandom): ProxyAddress {
  const group = (): string => (random.below(3) === 0 ? 0 : random.below(0x10000)).toString(16);
  const address = random.pick([
    random.pick(IPV4),
    random.pick(IPV6),
    Array.from({ length: 4 }, () => random.below(256)).join('.'),
    Array.from({ length: 8 }, group).join(':'),
  ]);
  return { address, port: random.below(65_536) };
}

/** Most are right or wrong in one place; many wrong places hide each other. */
export function randomInput(random: SeededRandom): Buffer {
  let bytes = random.below(2) === 0 ? Buffer.from(randomLine(random), 'latin1') : randomBinary(random);
  if (random.below(3) === 0) bytes = mutate(bytes, random);
  return random.below(3) === 0
    ? Buffer.concat([bytes, Buffer.from(random.pick(['G', '\r', '\n', '\r\n', '\0PROXY']))])
    : bytes;
}

function randomLine(random: SeededRandom): string {
  const isWrong = random.below(3) === 0;
  const end = random.below(20) === 0 ? random.pick(['\n', '\r', '\r\r\n', '']) : '\r\n';
  if (random.below(5) === 0) {
    const length = random.pick([0, 1, 20, 89, 90, 91, 92, 93, 200]);
    const rest = Array.from({ length }, () =>
      String.fromCharCode(random.pick([0, 32, 65, 127, 255, isWrong ? random.pick([10, 13]) : 48])),
    );
    return `PROXY UNKNOWN${random.below(4) === 0 ? '' : ' '}${rest.join('')}${end}`;
  }
  const family = random.pick(['4', '6']);
  const [right, other] = family === '4' ? [IPV4, IPV6] : [IPV6, IPV4];
  const noAddresses = [...NO_ADDRESSES, ...other];
  const parts = [['TCP'], [family], [' '], right, [' '], right, [' '], PORTS, [' '], PORTS, ['']];
  const wrong = [
    ['tcp', 'UDP'],
    ['5', ''],
    NO_BLANKS,
    noAddresses,
    NO_BLANKS,
    noAddresses,
    NO_BLANKS,
    NO_PORTS,
    NO_BLANKS,
    NO_PORTS,
    [' ', ' 1'],
  ];
  const odd = isWrong ? random.below(parts.length) : -1;
  const picked = parts.map((part, index) => random.pick((index === odd ? wrong[index] : undefined) ?? part));
  return `PROXY ${picked.join('')}${end}`;
}

function randomBinary(random: SeededRandom): Buffer {
  const isWrong = random.below(3) === 0;
  const family = random.below(4) === 0 ? random.pick(ODD_FAMILIES) : random.pick(FAMILIES);
  const command =
    random.below(8) === 0 ? 0x20 : isWrong && random.below(4) === 0 ? random.pick([0x22, 0x10, 0x31]) : 0x21;
  const addressBytes = { 1: 12, 2: 36, 3: 216 }[family >> 4] ?? random.pick([0, 10]);
  const header = [...Buffer.from('\r\n\r\n\0\r\nQUIT\n'), command, family, 0, 0];
  for (let i = 0; i < addressBytes; i++) header.push(random.below(256));
  // IPv4 in IPv6.
  if (family >> 4 === 2 && random.below(3) === 0) header.splice(16, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255);
  if (isWrong && random.below(4) === 0) header.splice(16 + random.below(addressBytes + 1));
  const checksums: number[] = [];
  for (let tlvs = random.below(4); tlvs > 0; tlvs--) {
    if (random.below(3) === 0) {
      const length = isWrong && random.below(3) === 0 ? 5 : 4;
      header.push(3, 0, length);
      checksums.push(header.length);
      header.push(...Array.from({ length }, () => 0));
    } else {
      const length = random.below(isWrong ? 300 : 6);
      header.push(
        random.pick(TLV_TYPES),
        length >> 8,
        length & 0xff,
        ...Array.from({ length }, () => random.below(256)),
      );
    }
  }
  if (isWrong && random.below(3) === 0) header.push(...Array.from({ length: random.below(4) }, () => random.below(4)));
  if (random.below(100) === 0) padToBound(header, random);
  header.splice(14, 2, (header.length - 16) >> 8, (header.length - 16) & 0xff);
  // The first only: with two of them none is right.
  for (const at of checksums.slice(0, 1)) header.splice(at, 4, ...bytesOf(crc32c(header)));
  return Buffer.from(header);
}

/** With one TLV that does nothing, to the largest header that is allowed, or one byte off. */
function padToBound(header: number[], random: SeededRandom): void {
  const length = 4 * 1024 + random.pick([-1, 0, 1]) - header.length - 3;
  header.push(4, length >> 8, length & 0xff, ...Array.from({ length }, () => 0));
}
