import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  MAX_PROXY_HEADER_BYTES,
  parseProxyHeader,
  proxyHeader,
} from '../../../../src/dataplane/codec/proxy-protocol.ts';
import type { ProxyAddress } from '../../../../src/dataplane/codec/proxy-protocol.ts';

const REQUEST = 'GET / HTTP/1.1\r\n\r\n';

function parseLine(line: string): unknown {
  return parseProxyHeader(Buffer.from(line, 'latin1'));
}

function binary(hex: string): Buffer {
  return Buffer.from(`0d0a0d0a000d0a515549540a${hex.replaceAll(' ', '')}`, 'hex');
}

function at(address: string, port: number): ProxyAddress {
  return { address, port };
}

function reason(result: unknown): string {
  const { kind, reason } = result as { readonly kind: string; readonly reason: string };
  assert.equal(kind, 'malformed');
  return reason;
}

/** That it is incomplete when cut anywhere, and the same whatever follows. */
function assertHeader(header: Buffer, source?: ProxyAddress, destination?: ProxyAddress): void {
  const expected = {
    kind: 'header',
    length: header.length,
    ...(source === undefined ? {} : { source, destination }),
  };
  assert.deepEqual(parseProxyHeader(header), expected);
  assert.deepEqual(parseProxyHeader(Buffer.concat([header, Buffer.from(REQUEST)])), expected);
  assert.deepEqual(parseProxyHeader(Buffer.concat([header, header])), expected);
  for (let length = 0; length < header.length; length++)
    assert.deepEqual(parseProxyHeader(header.subarray(0, length)), { kind: 'incomplete' }, `${length} bytes`);
}

describe('I09 version 1', () => {
  for (const [line, source, destination] of [
    ['PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n', at('192.168.0.1', 56324), at('192.168.0.11', 443)],
    [
      'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n',
      at('255.255.255.255', 65535),
      at('255.255.255.255', 65535),
    ],
    ['PROXY TCP4 0.0.0.0 1.2.3.4 0 0\r\n', at('0.0.0.0', 0), at('1.2.3.4', 0)],
    ['PROXY TCP6 2001:DB8::A ::1 1 2\r\n', at('2001:db8::a', 1), at('::1', 2)],
    [
      `PROXY TCP6 ${'ffff:'.repeat(7)}ffff 1:2:3:4:5:6:7:8 65535 1\r\n`,
      at(`${'ffff:'.repeat(7)}ffff`, 65535),
      at('1:2:3:4:5:6:7:8', 1),
    ],
    ['PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:202 1 2\r\n', at('192.0.2.1', 1), at('192.0.2.2', 2)],
    ['PROXY TCP6 2001:0db8:0000:0000:0000:0000:0000:0001 ::1.2.3.4 1 2\r\n', at('2001:db8::1', 1), at('::1.2.3.4', 2)],
    ['PROXY UNKNOWN\r\n', undefined, undefined],
    [`PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`, undefined, undefined],
    ['PROXY UNKNOWN  TCP4 \0\xff\r\n', undefined, undefined],
  ] as const) {
    test(JSON.stringify(line), () => assertHeader(Buffer.from(line, 'latin1'), source, destination));
  }

  for (const line of [
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n',
    'PROXY TCP4 192.168.0.1  192.168.0.11 56324 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n',
    'PROXY TCP4\t192.168.0.1 192.168.0.11 56324 443\r\n',
    'PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n',
    'PROXY TCP4 192.168.0.256 192.168.0.11 56324 443\r\n',
    'PROXY TCP4 ::1 ::1 56324 443\r\n',
    'PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n',
    'PROXY TCP6 ::1%lo ::1 56324 443\r\n',
    'PROXY TCP6 [::1] [::1] 56324 443\r\n',
    'PROXY TCP6 1::2::3 ::1 56324 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 -1 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 0x1 443\r\n',
    'PROXY TCP4 localhost localhost 1 2\r\n',
    'PROXY TCP4 \r\n',
  ]) {
    test(`${JSON.stringify(line)} is malformed`, () => {
      assert.match(reason(parseLine(line)), /the connection does not|the PROXY line is not/);
    });
  }

  test('a stray line break is malformed at once, whatever the line is', () => {
    for (const start of ['PROXY TCP4 1.2.3.4', 'PROXY UNKNOWN ', 'PROXY UNKNOWN x'])
      for (const end of ['\n', '\rx', '\r\r', '\r\r\n']) assert.match(reason(parseLine(start + end)), /stray/);
  });

  test('107 bytes are enough, 108 are too many', () => {
    const line = `PROXY UNKNOWN ${'x'.repeat(91)}`;
    assertHeader(Buffer.from(`${line}\r\n`));
    assert.match(reason(parseLine(`${line}x\r\n`)), /107/);
    assert.match(reason(parseLine(`${line}xx`)), /107/);
    assert.equal(parseProxyHeader(Buffer.from(`${line}x`)).kind, 'incomplete');
  });
});

describe('I09 version 2', () => {
  const IPV4 = '01020304 05060708 0050 01bb';
  const IPV6 = '20010db8000000000000000000000001 00000000000000000000000000000001 ffff 0001';
  const MAPPED = '00000000000000000000ffff01020304 00000000000000000000ffff05060708 0050 01bb';
  const FROM = at('1.2.3.4', 80);
  const TO = at('5.6.7.8', 443);
  const NOOP = '04 0001 ff';

  for (const [what, header, source, destination] of [
    ['TCP over IPv4', binary(`21 11 000c ${IPV4}`), FROM, TO],
    ['UDP over IPv4', binary(`21 12 000c ${IPV4}`), FROM, TO],
    ['TCP over IPv6', binary(`21 21 0024 ${IPV6}`), at('2001:db8::1', 65535), at('::1', 1)],
    ['UDP over IPv6', binary(`21 22 0024 ${IPV6}`), at('2001:db8::1', 65535), at('::1', 1)],
    ['IPv4 in IPv6', binary(`21 21 0024 ${MAPPED}`), FROM, TO],
    ['TLVs', binary(`21 11 0014 ${IPV4} ${NOOP} ${NOOP}`), FROM, TO],
    ['UNIX stream', binary(`21 31 00d8 ${'00'.repeat(216)}`), undefined, undefined],
    ['UNIX datagram with a TLV', binary(`21 32 00dc ${'61'.repeat(216)} ${NOOP}`), undefined, undefined],
    ['UNSPEC', binary('21 00 0000'), undefined, undefined],
    ['UNSPEC with whatever', binary('21 00 0003 010203'), undefined, undefined],
    ['an unspecified transport', binary(`21 10 000c ${IPV4}`), undefined, undefined],
    ['an unspecified family', binary(`21 01 000c ${IPV4}`), undefined, undefined],
    ['LOCAL', binary('20 00 0000'), undefined, undefined],
    ['LOCAL with addresses', binary(`20 11 000c ${IPV4}`), undefined, undefined],
    ['LOCAL of a family that nobody knows', binary('20 ff 0001 00'), undefined, undefined],
  ] as const) {
    test(what, () => assertHeader(header, source, destination));
  }

  for (const [what, header, expected] of [
    ['another signature', binary('').fill(0x20, 11), /does not start/],
    ['version 1', binary('11'), /version/],
    ['version 3', binary('31'), /version/],
    ['command 2', binary('22'), /command/],
    ['family 4', binary('21 41'), /family/],
    ['transport 3', binary('21 13'), /family/],
    ['IPv4 addresses that are cut', binary('21 11 000b'), /length/],
    ['IPv6 addresses that are cut', binary('21 21 0023'), /length/],
    ['UNIX addresses that are cut', binary('21 31 00d7'), /length/],
    ['a TLV without its length', binary(`21 11 000e ${IPV4} 0400`), /length/],
    ['a TLV that is cut', binary(`21 11 0010 ${IPV4} 04 0002 00`), /length/],
    ['a wrong checksum', binary(`21 11 0013 ${IPV4} 03 0004 00000000`), /checksum/],
    ['a checksum of 3 bytes', binary(`21 11 0012 ${IPV4} 03 0003 000000`), /checksum/],
    ['more than is allowed', binary(`21 11 ${(MAX_PROXY_HEADER_BYTES - 15).toString(16).padStart(4, '0')}`), /larger/],
    ['the most that a length can say', binary('20 00 ffff'), /larger/],
  ] as const) {
    test(`${what}: malformed`, () => {
      assert.match(reason(parseProxyHeader(header)), expected);
    });
  }

  test('the largest header is 4 KiB', () => {
    const padding = MAX_PROXY_HEADER_BYTES - 16 - 12 - 3;
    const length = (bytes: number): string => bytes.toString(16).padStart(4, '0');
    const largest = binary(`21 11 ${length(padding + 15)} ${IPV4} 04 ${length(padding)} ${'00'.repeat(padding)}`);
    assert.equal(largest.length, MAX_PROXY_HEADER_BYTES);
    assertHeader(largest, FROM, TO);
  });
});

describe('what starts otherwise is malformed at the first byte that differs', () => {
  for (const start of [
    'G',
    'PR0',
    'PROXY\t',
    'PROXY TCP5',
    'PROXY UNKNOWNS',
    'p',
    '\n',
    '\r\r',
    '\r\n\r\nG',
    '\x16',
    '\0',
  ]) {
    test(JSON.stringify(start), () => {
      assert.match(reason(parseLine(start)), /does not start/);
      assert.match(reason(parseLine(start + REQUEST)), /does not start/);
      assert.equal(parseProxyHeader(Buffer.from(start, 'latin1').subarray(0, -1)).kind, 'incomplete');
    });
  }
});

describe('proxyHeader', () => {
  for (const [source, destination, line, addresses] of [
    [
      at('192.0.2.1', 56324),
      at('192.0.2.2', 443),
      'TCP4 192.0.2.1 192.0.2.2 56324 443',
      '11 000c c0000201 c0000202 dc04 01bb',
    ],
    [
      at('2001:DB8:0::1', 1),
      at('::', 2),
      'TCP6 2001:db8::1 :: 1 2',
      `21 0024 20010db8000000000000000000000001 ${'00'.repeat(16)} 0001 0002`,
    ],
    [
      at('::ffff:192.0.2.1', 1),
      at('192.0.2.2', 2),
      'TCP4 192.0.2.1 192.0.2.2 1 2',
      '11 000c c0000201 c0000202 0001 0002',
    ],
    [
      at('::ffff:192.0.2.1', 1),
      at('::ffff:c000:202', 2),
      'TCP4 192.0.2.1 192.0.2.2 1 2',
      '11 000c c0000201 c0000202 0001 0002',
    ],
    [
      at('192.0.2.1', 1),
      at('::1', 2),
      'TCP6 ::ffff:c000:201 ::1 1 2',
      `21 0024 ${'00'.repeat(10)}ffffc0000201 ${'00'.repeat(15)}01 0001 0002`,
    ],
    [
      at('fe80::1%eth0', 1),
      at('fe80::2', 2),
      'TCP6 fe80::1 fe80::2 1 2',
      `21 0024 fe80${'00'.repeat(13)}01 fe80${'00'.repeat(13)}02 0001 0002`,
    ],
  ] as const) {
    test(`from ${source.address} to ${destination.address}`, () => {
      assert.equal(proxyHeader(1, source, destination).toString('latin1'), `PROXY ${line}\r\n`);
      assert.equal(proxyHeader(2, source, destination).toString('hex'), binary(`21 ${addresses}`).toString('hex'));
    });
  }

  test('what is no address of IP is a defect of the caller', () => {
    assert.throws(() => proxyHeader(1, at('a.example', 1), at('::1', 2)), { code: 'ERR_INVALID_ADDRESS' });
  });
});
