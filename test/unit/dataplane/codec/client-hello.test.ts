import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { describe, test } from 'node:test';
import {
  MAX_CLIENT_HELLO_BYTES,
  MAX_CLIENT_HELLO_RECORDS,
  MAX_CLIENT_HELLO_WIRE_BYTES,
  parseClientHello,
} from '../../../../src/dataplane/codec/client-hello.ts';
import type { ClientHello } from '../../../../src/dataplane/codec/client-hello.ts';
import {
  alpn,
  EXTENSION,
  hello,
  helloMessage,
  inRecords,
  MAX_FRAGMENT_BYTES,
  preSharedKey,
  serverName,
  serverNames,
  vector,
} from '../../../harness/client-hello.ts';
import type { HelloExtension, HelloSpec } from '../../../harness/client-hello.ts';

const TICKET = Array.from({ length: 200 }, (_, index) => index);
const KEY_NAME = '000102030405060708090a0b0c0d0e0f';
const BINDER = Array.from({ length: 32 }, () => 7);

function parse(...extensions: readonly HelloExtension[]): unknown {
  return parseClientHello(hello({ extensions }));
}

function parsed(expected: Partial<Omit<ClientHello, 'kind'>> = {}): ClientHello {
  return { kind: 'clientHello', serverName: undefined, alpnProtocols: [], ticketKeyName: undefined, ...expected };
}

function reason(result: unknown): string {
  const { kind, reason } = result as { readonly kind: string; readonly reason: string };
  assert.equal(kind, 'malformed');
  return reason;
}

/** What a client of Node's TLS sends first. */
async function firstBytesOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  const clients: Socket[] = [];
  try {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect({ ...options, host: '127.0.0.1', port });
    client.on('error', () => {});
    const [accepted] = (await once(server, 'connection')) as [Socket];
    clients.push(client, accepted);
    let bytes: Buffer = Buffer.alloc(0);
    while (parseClientHello(bytes).kind === 'incomplete') {
      const [chunk] = (await once(accepted, 'data')) as [Buffer];
      bytes = Buffer.concat([bytes, chunk]);
    }
    return bytes;
  } finally {
    for (const client of clients) client.destroy();
    server.close();
  }
}

describe('hellos of real clients', () => {
  for (const [what, options, expected, minBytes] of [
    [
      'a name and protocols',
      { servername: 'a.example', ALPNProtocols: ['h2', 'http/1.1'] },
      { serverName: 'a.example', alpnProtocols: ['h2', 'http/1.1'] },
      200,
    ],
    ['no name', {}, {}, 150],
    ['TLS 1.2 only', { servername: 'b.example', maxVersion: 'TLSv1.2' }, { serverName: 'b.example' }, 100],
    ['TLS 1.3 only', { servername: 'c.example', minVersion: 'TLSv1.3' }, { serverName: 'c.example' }, 150],
    [
      'TLS 1.0',
      { servername: 'd.example', minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
      { serverName: 'd.example' },
      80,
    ],
    [
      'a post-quantum key share',
      { servername: 'e.example', ecdhCurve: 'X25519MLKEM768' },
      { serverName: 'e.example' },
      1_300,
    ],
    [
      'one cipher',
      { servername: 'f.example', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
      { serverName: 'f.example' },
      80,
    ],
    ['a name in upper case', { servername: 'G.Example' }, { serverName: 'g.example' }, 150],
    [
      'many protocols',
      { servername: 'h.example', ALPNProtocols: Array.from({ length: 200 }, (_, index) => `protocol-${index}`) },
      { serverName: 'h.example', alpnProtocols: Array.from({ length: 200 }, (_, index) => `protocol-${index}`) },
      2_000,
    ],
  ] as const satisfies readonly (readonly [string, ConnectionOptions, Partial<ClientHello>, number])[]) {
    test(`${what}: parsed whole, in one-byte records, and incomplete when cut anywhere`, async () => {
      const bytes = await firstBytesOf(options);
      assert.ok(bytes.length >= minBytes, `${bytes.length} bytes`);
      assert.deepEqual(parseClientHello(bytes), parsed(expected));
      const message = [...bytes.subarray(5)];
      if (message.length <= MAX_CLIENT_HELLO_RECORDS)
        assert.deepEqual(parseClientHello(inRecords(message, [1])), parsed(expected));
      for (let length = 0; length < bytes.length; length++)
        assert.equal(parseClientHello(bytes.subarray(0, length)).kind, 'incomplete');
    });
  }
});

describe('I04 server names', () => {
  const label = 'a'.repeat(63);
  const longest = `${label}.${label}.${label}.${'a'.repeat(61)}`;
  for (const [what, name, expected] of [
    ['a plain one', 'www.example.com', 'www.example.com'],
    ['upper case', 'WWW.Example.COM', 'www.example.com'],
    ['a trailing dot', 'www.example.com.', 'www.example.com'],
    ['an underscore', '_dmarc.my_app.example', '_dmarc.my_app.example'],
    ['an A-label', 'xn--zrich-kva.example', 'xn--zrich-kva.example'],
    ['a single label', 'localhost', 'localhost'],
    ['253 characters', longest, longest],
    ['an IPv4 literal', '192.0.2.1', undefined],
    ['an IPv4 literal with a dot behind it', '192.0.2.1.', undefined],
    ['an IPv6 literal', '2001:db8::1', undefined],
    ['an IPv6 literal in brackets', '[2001:db8::1]', undefined],
    ['an IPv6 literal with a zone', 'fe80::1%eth0', undefined],
  ] as const) {
    test(`${what}: ${expected === undefined ? 'ignored' : 'taken'}`, () => {
      assert.deepEqual(parse(serverName(name)), parsed({ serverName: expected }));
    });
  }

  for (const [what, name] of [
    ['NUL', 'www.example.com\0.evil.example'],
    ['NUL at the end', 'www.example.com\0'],
    ['a blank', 'www.example.com '],
    ['line breaks', 'a\r\nHost: b'],
    ['an empty label', 'a..b'],
    ['two trailing dots', 'a.b..'],
    ['only a dot', '.'],
    ['a port', 'www.example.com:443'],
    ['a port behind brackets', '[::1]:443'],
    ['a wildcard', '*.example.com'],
    ['a slash', 'a/b'],
    ['a label of 64 characters', `a${label}.example`],
    ['254 characters', `a${longest}`],
    ['256 characters', `aaa${longest}`],
    ['16 000 characters', 'a'.repeat(16_000)],
    ['bytes above 0x7f', 'z\xfcrich.example'],
    ['an IPv4 address that is none', '192.0.2.256'],
    ['a hexadecimal IPv4 address', '0x7f.1'],
  ] as const) {
    test(`${what}: malformed`, () => {
      assert.equal(reason(parse(serverName(name))), 'the server name is no hostname');
    });
  }

  for (const [what, extension] of [
    ['two names', serverName('a.example', 'b.example')],
    ['the same name twice', serverName('a.example', 'a.example')],
    ['a name of another type', serverNames([[1, 'a.example']])],
    [
      'a name of another type behind',
      serverNames([
        [0, 'a.example'],
        [1, 'b'],
      ]),
    ],
  ] as const) {
    test(`${what}: malformed`, () => {
      assert.equal(reason(parse(extension)), 'server_name is not one host name');
    });
  }

  for (const [what, data] of [
    ['an empty extension', []],
    ['an empty list', [0, 0]],
    ['an empty name', [0, 3, 0, 0, 0]],
    ['a list that is longer than its extension', [0, 5, 0, 0, 1, 0x61]],
    ['a list that is shorter than its extension', [0, 4, 0, 0, 1, 0x61, 0]],
    ['a name that is longer than its list', [0, 4, 0, 0, 2, 0x61]],
  ] as const) {
    test(`${what}: malformed`, () => {
      assert.match(reason(parse([EXTENSION.serverName, data])), /length/);
    });
  }
});

describe('the message', () => {
  test('without extensions it names nothing', () => {
    assert.deepEqual(parseClientHello(hello({})), parsed());
    assert.deepEqual(parse(), parsed());
  });

  test('versions from SSL 3.0 on are parsed, others are not TLS', () => {
    for (const version of [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x037f])
      assert.deepEqual(parseClientHello(hello({ version })), parsed());
    for (const version of [0x0002, 0x0200, 0x0403, 0xfefd])
      assert.match(reason(parseClientHello(hello({ version }))), /version/);
  });

  test('what nobody knows is skipped: GREASE, padding, encrypted hellos', () => {
    const unknown: HelloExtension[] = [
      [EXTENSION.grease, []],
      [EXTENSION.encryptedClientHello, Array.from({ length: 250 }, () => 1)],
      [EXTENSION.padding, Array.from({ length: 400 }, () => 0)],
      [0x2a2a, [0]],
    ];
    const expected = parsed({ serverName: 'outer.example', alpnProtocols: ['\x1a\x1a', 'h2'] });
    assert.deepEqual(parse(...unknown, serverName('outer.example'), alpn('\x1a\x1a', 'h2')), expected);
    assert.deepEqual(parse(serverName('outer.example'), alpn('\x1a\x1a', 'h2'), ...unknown), expected);
  });

  test('an extension twice is malformed, whatever it is', () => {
    for (const extension of [serverName('a.example'), alpn('h2'), [EXTENSION.grease, []] as const])
      assert.match(reason(parse(extension, [EXTENSION.padding, []], extension)), /twice/);
  });

  for (const [what, spec] of [
    ['a session id of 33 bytes', { sessionId: Array.from({ length: 33 }, () => 0) }],
    ['no ciphers', { ciphers: [] }],
    ['half a cipher', { ciphers: [0x13, 0x01, 0x13] }],
    ['no compression method', { compression: [] }],
    ['an empty list of protocols', { extensions: [alpn()] }],
    ['an empty protocol', { extensions: [alpn('h2', '')] }],
    [
      'a list of protocols that is longer than its extension',
      { extensions: [[EXTENSION.alpn, [0, 4, 2, 0x68, 0x32]]] },
    ],
    [
      'a list of protocols that is shorter than its extension',
      { extensions: [[EXTENSION.alpn, [0, 2, 1, 0x68, 0x32]]] },
    ],
  ] as const satisfies readonly (readonly [string, HelloSpec])[]) {
    test(`${what}: malformed`, () => {
      assert.match(reason(parseClientHello(hello(spec))), /length/);
    });
  }

  test('each byte missing at the end, or one too many, is malformed', () => {
    const body = helloMessage({ extensions: [serverName('a.example'), alpn('h2')] }).slice(4);
    const extensionsStart = helloMessage({}).length - 4;
    for (let length = 0; length < body.length; length++) {
      const result = parseClientHello(inRecords([1, ...vector(3, body.slice(0, length))]));
      // A message may end where its extensions would begin.
      assert.equal(result.kind, length === extensionsStart ? 'clientHello' : 'malformed', `${length} bytes`);
    }
    assert.match(reason(parseClientHello(inRecords([1, ...vector(3, [...body, 0])]))), /length/);
  });
});

describe('the ticket key', () => {
  const key = parsed({ ticketKeyName: KEY_NAME });
  const other = TICKET.toReversed();

  test('is named by a TLS 1.2 ticket, and by the first identity of TLS 1.3', () => {
    assert.deepEqual(parse([EXTENSION.sessionTicket, TICKET]), key);
    assert.deepEqual(parse(preSharedKey([TICKET, other], [BINDER, BINDER])), key);
    assert.deepEqual(parse([EXTENSION.sessionTicket, other], preSharedKey([TICKET], [BINDER])), key);
  });

  test('is not named by what is shorter than a name', () => {
    for (const length of [0, 1, 15])
      assert.deepEqual(parse([EXTENSION.sessionTicket, TICKET.slice(0, length)]), parsed());
    assert.deepEqual(parse(preSharedKey([TICKET.slice(0, 15)], [BINDER])), parsed());
    assert.deepEqual(parse([EXTENSION.sessionTicket, TICKET.slice(0, 16)]), key);
  });

  test('pre_shared_key is the last extension and binds each identity, or malformed', () => {
    assert.match(reason(parse(preSharedKey([TICKET], [BINDER]), alpn('h2'))), /last/);
    assert.match(reason(parse(preSharedKey([TICKET], [BINDER, BINDER]))), /length/);
    assert.match(reason(parse(preSharedKey([TICKET, other], [BINDER]))), /length/);
    assert.match(reason(parse(preSharedKey([TICKET], [BINDER.slice(1)]))), /length/);
    assert.match(reason(parse(preSharedKey([[]], [BINDER]))), /length/);
    assert.match(reason(parse(preSharedKey([], []))), /length/);
  });
});

describe('T07 records', () => {
  const extensions = [serverName('a.example')];
  const expected = parsed({ serverName: 'a.example' });
  const wire = hello({ extensions });

  for (const sizes of [[1], [3, 1, 2], [4, 500], [5], [1, 500], [60, 1]]) {
    test(`in records of ${sizes.join(', ')} bytes`, () => {
      const bytes = hello({ extensions }, sizes);
      assert.deepEqual(parseClientHello(bytes), expected);
      for (let length = 0; length < bytes.length; length++)
        assert.deepEqual(parseClientHello(bytes.subarray(0, length)), { kind: 'incomplete' });
    });
  }

  test('what follows the last record is not looked at', () => {
    assert.deepEqual(parseClientHello(Buffer.concat([wire, Buffer.from([23, 3, 3, 0, 0])])), expected);
    assert.deepEqual(parseClientHello(Buffer.concat([wire, wire])), expected);
  });

  for (const [what, bytes, expected] of [
    ['HTTP', Buffer.from('G'), /handshake record/],
    ['SSLv2', Buffer.from('802e0100020015', 'hex'), /handshake record/],
    ['an alert', Buffer.of(21), /handshake record/],
    ['application data', Buffer.of(23), /handshake record/],
    ['DTLS', Buffer.of(22, 0xfe), /version/],
    ['version 2', Buffer.of(22, 2), /version/],
    ['an empty record', Buffer.of(22, 3, 1, 0, 0), /empty/],
    ['a record of 16 KiB and 1 byte', Buffer.of(22, 3, 1, 0x40, 1), /empty/],
    ['a ServerHello', Buffer.of(22, 3, 1, 0, 100, 2), /ClientHello/],
    ['a HelloRequest', Buffer.of(22, 3, 1, 0, 4, 0), /ClientHello/],
    [
      'another record inside the message',
      Buffer.concat([hello({ extensions }, [20]).subarray(0, 25), Buffer.of(20)]),
      /handshake record/,
    ],
    [
      'an empty record inside the message',
      Buffer.concat([hello({ extensions }, [20]).subarray(0, 25), Buffer.of(22, 3, 3, 0, 0)]),
      /empty/,
    ],
    ['a byte behind the message in its record', inRecords([...helloMessage({ extensions }), 0]), /more than it/],
    [
      'a second message in its record',
      inRecords([...helloMessage({ extensions }), ...helloMessage({ extensions })]),
      /more than it/,
    ],
  ] as const) {
    test(`${what}: malformed at its first wrong byte`, () => {
      assert.match(reason(parseClientHello(bytes)), expected);
    });
  }
});

describe('T07 bounds', () => {
  /** A message of exactly that length without its header. */
  const ofLength = (bytes: number): number[] => {
    const empty = helloMessage({ extensions: [serverName('a.example'), [EXTENSION.padding, []]] }).length - 4;
    const padding = Array.from({ length: bytes - empty }, () => 0);
    return helloMessage({ extensions: [serverName('a.example'), [EXTENSION.padding, padding]] });
  };
  const largest = ofLength(MAX_CLIENT_HELLO_BYTES);

  test('a ClientHello of 16 KiB is parsed, one byte more is refused at its header', () => {
    const bytes = inRecords(largest);
    assert.ok(bytes.length > MAX_FRAGMENT_BYTES);
    assert.deepEqual(parseClientHello(bytes), parsed({ serverName: 'a.example' }));
    assert.match(reason(parseClientHello(inRecords(ofLength(MAX_CLIENT_HELLO_BYTES + 1)).subarray(0, 9))), /larger/);
    assert.match(reason(parseClientHello(Buffer.of(22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff))), /larger/);
  });

  test('the number of records is bounded', () => {
    const rest = largest.length - MAX_CLIENT_HELLO_RECORDS + 1;
    const sizes = [...Array.from({ length: MAX_CLIENT_HELLO_RECORDS - 1 }, () => 1), rest];
    const most = inRecords(largest, sizes);
    assert.equal(most.length, MAX_CLIENT_HELLO_WIRE_BYTES);
    assert.equal(parseClientHello(most).kind, 'clientHello');
    const tooMany = inRecords(largest, [1]).subarray(0, 6 * MAX_CLIENT_HELLO_RECORDS);
    assert.equal(parseClientHello(tooMany.subarray(0, -1)).kind, 'incomplete');
    assert.match(reason(parseClientHello(tooMany)), /records/);
  });
});
