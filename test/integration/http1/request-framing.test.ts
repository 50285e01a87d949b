// F01–F12: how a request's body is framed. One reading or none; what is forwarded is framed anew.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startGateway } from '../../harness/engine.ts';
import { cut, assertCut, forwarded, forwardedAll, refused, request } from '../../harness/http1-attack.ts';
import { summaryOf, valueOf } from '../../harness/http1-message.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Gateway } from '../../harness/engine.ts';

describe('request framing', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway();
  });
  after(() => gateway.close());

  const CHUNKED = 'Transfer-Encoding: chunked';
  const FIVE = 'Content-Length: 5';
  const CHUNKS = '5\r\nhello\r\n0\r\n\r\n';

  /** Each list of fields, sent with a body that one reading or the other finds complete. */
  function eachRefused(name: string, lists: readonly (readonly string[])[], statuses: readonly number[] = [400]): void {
    describe(name, () => {
      for (const fields of lists) {
        test(JSON.stringify(fields), async () => {
          await refused(gateway, request('POST /f', fields, CHUNKS), statuses);
          await refused(gateway, request('POST /f', ['X-Before: 1', ...fields, 'X-After: 1'], 'hello'), statuses);
        });
      }
    });
  }

  eachRefused('F01 Content-Length beside Transfer-Encoding', [
    [FIVE, CHUNKED],
    [CHUNKED, FIVE],
    ['Content-Length: 0', CHUNKED],
    [CHUNKED, 'X: y', 'content-length: 15'],
    ['TRANSFER-ENCODING: CHUNKED', FIVE],
    [FIVE, 'Transfer-Encoding: identity'],
    [FIVE, 'Transfer-Encoding:'],
  ]);

  eachRefused('F02 Content-Length that is repeated or not a number', [
    [FIVE, FIVE],
    [FIVE, 'Content-Length: 6'],
    ['Content-Length: 0', 'content-length: 5'],
    // oxfmt-ignore
    ...[
      '5, 5', '5,6', '1, 1', '+5', '-5', '-0', '0x5', '5_0', '', ' ', '5 5', '5;', ',5', '5,', '5.0', '5e0', '5\x0b',
      '\x0c5', '5\xa0', '\xb25', '18446744073709551621', '9007199254740993', '99999999999999999999999999', '"5"',
      '5\t5', '0b101', 'chunked', 'NaN', '5L',
    ].map((value) => [`Content-Length: ${value}`]),
  ]);

  describe('F03 Content-Length with leading zeros is forwarded in its canonical form', () => {
    for (const [given, body] of [
      ['010', '0123456789'],
      ['0000000000005', 'hello'],
      ['00', ''],
    ] as const) {
      test(given, async () => {
        const seen = await forwarded(gateway, request('POST /f', [`Content-Length: ${given}`], body));
        assert.equal(valueOf(seen, 'content-length'), String(body.length));
        assert.equal(seen.body.toString(), body);
      });
    }
  });

  eachRefused('F04 an empty element before the transfer coding', [
    ['Transfer-Encoding: ,chunked'],
    ['Transfer-Encoding: , chunked'],
    ['Transfer-Encoding: chunked,'],
    ['Transfer-Encoding: ,,chunked'],
  ]);

  eachRefused(
    'F05 another transfer coding',
    [
      ['Transfer-Encoding: gzip, chunked'],
      ['Transfer-Encoding: gzip'],
      ['Transfer-Encoding: deflate,chunked'],
      ['Transfer-Encoding: chunked, gzip'],
    ],
    [400, 501],
  );

  eachRefused('F06 an obfuscated Transfer-Encoding', [
    // oxfmt-ignore
    ...[
      'xchunked', 'chunkedx', 'chunked, identity', 'identity, chunked', 'identity', 'chunked, chunked',
      'chunked chunked', 'chunk', '', '\x0bchunked', 'chunked\x0b', '\x0cchunked', '\xffchunked', 'chunked\xff',
      '\xa0chunked', 'chunked\xa0', '\x00chunked', 'chunked\x00', '"chunked"', "'chunked'", 'chunked;q=1', 'chunked;',
      ';chunked', 'x chunked', 'chun\tked', 'chunked\x85', 'chunked\r\n x', 'chunked\r\n\t', '\r\n chunked',
    ].map((value) => [`Transfer-Encoding: ${value}`]),
    ['Transfer-Encoding : chunked'],
    ['Transfer-Encoding\t: chunked'],
    [' Transfer-Encoding: chunked'],
    ['\tTransfer-Encoding: chunked'],
    ['X: y\r\n Transfer-Encoding: chunked'],
    ['Transfer-Encoding\r\n : chunked'],
    ['Transfer-Encoding\x00: chunked'],
    ['\x00Transfer-Encoding: chunked'],
    ['\xffTransfer-Encoding: chunked'],
    ['Transfer_Encoding: chunked'],
    ['X: y\nTransfer-Encoding: chunked'],
    ['X: y\rTransfer-Encoding: chunked'],
    [CHUNKED, CHUNKED],
    [CHUNKED, 'Transfer-Encoding: identity'],
    ['Transfer-Encoding: identity', CHUNKED],
    [CHUNKED, 'transfer-encoding:'],
  ]);

  describe('F07 spellings of chunked that mean chunked', () => {
    for (const field of [
      'Transfer-Encoding: cHuNkEd',
      'Transfer-Encoding:\tchunked',
      'transfer-encoding:chunked',
      'TRANSFER-ENCODING:  \t chunked \t',
    ]) {
      test(JSON.stringify(field), async () => {
        const seen = await forwarded(gateway, request('POST /f', [field], CHUNKS));
        assert.equal(seen.body.toString(), 'hello');
      });
    }
  });

  describe('F08 Transfer-Encoding in HTTP/1.0', () => {
    for (const fields of [[CHUNKED], [CHUNKED, FIVE], ['Connection: keep-alive', CHUNKED]]) {
      test(JSON.stringify(fields), () => refused(gateway, request('POST /f HTTP/1.0', ['Host: h', ...fields], CHUNKS)));
    }
  });

  describe('F09 broken chunks', () => {
    const bodies = [
      // oxfmt-ignore
      ...[
        '0x5', '0_5', '+5', '-5', ' 5', '5 ', '\t5', '5\t', '', 'g', '5g', '5,', '"5"', '5\x00', '\x005', '5\xa0',
        '05h', '0x', '5\x0b',
      ].map((size) => `${size}\r\nhello\r\n0\r\n\r\n`),
      ...[
        '8000000000000000',
        'ffffffffffffffff',
        '10000000000000005',
        '100000000000000000000000000000005',
        'fffffffffffffffffffff',
      ].map((size) => `${size}\r\nhello\r\n0\r\n\r\n`),
      ...['\n', '\r', '\r\r\n', '\n\r\n', '\r\n\r\n', '\n\r', '\r\x00\n', ' \r\n', '\rX', '\r\r', 'X\n'].map(
        (end) => `5${end}hello\r\n0\r\n\r\n`,
      ),
      ...['\n', '\r', '', 'X', '\r\r\n', '\n\r\n', '\r\n\r\n', ' \r\n', 'world\r\n', '\rX', '\r\r', 'X\n'].map(
        (end) => `5\r\nhello${end}0\r\n\r\n`,
      ),
      ...['\n', '\r', '\r\r\n', '\n\r\n', 'X\r\n'].map((end) => `5\r\nhello\r\n0${end}\r\n`),
      // oxfmt-ignore
      ...[
        '\n', '\rX', 'X\r\n\r\n', ' \r\n\r\n', '\n\n', '\r\r\n', 'A: b\n\n', 'A: b\r\n\n', 'A: b\r\r\n\r\n',
        'A : b\r\n\r\n', ' A: b\r\n\r\n', 'A: b\r\n c\r\n\r\n',
      ].map((end) => `5\r\nhello\r\n0\r\n${end}`),
      ...[';\r\r;', ';a\nb', ';a=b\rc', ';\x00', ';a=\x7f', ';a\n', ';a\r\r\n', ';\n'].map(
        (extension) => `5${extension}\r\nhello\r\n0\r\n\r\n`,
      ),
      '5;a\r\r\nhello\r\n',
      '5;a\nhello\r\n',
      '5;\nxx\r\nhello\r\n',
      '0;a\n\r\n',
      '0;\r\r\n\r\n',
      '4\r\nhello\r\n0\r\n\r\n',
      '6\r\nhello\r\n0\r\n\r\n',
    ];
    const head = request('POST /f', [CHUNKED]);
    for (const body of bodies) test(`${JSON.stringify(body)} with the head`, () => cut(gateway, head + body));

    for (const body of bodies.slice(0, 8)) {
      test(`${JSON.stringify(body)} after a good chunk went through`, async () => {
        const client = await WireClient.open(gateway);
        client.send(`${head}3\r\nabc\r\n`);
        await gateway.upstream.until(
          'the good chunk',
          () => [...gateway.upstream.connections].some(({ bytes }) => bytes.includes('abc')) || undefined,
        );
        const received = await client.send(body).untilClosed();
        assert.match(received.toString('latin1'), /^HTTP\/1\.1 400 [^]*\r\nconnection: close\r\n/i);
        await assertCut(gateway.upstream);
      });
    }
  });

  describe('F10 chunk extensions', () => {
    for (const [body, text] of [
      ['5;a=b\r\nhello\r\n0;last\r\n\r\n', 'hello'],
      ['5;a;b="c d;e"\r\nhello\r\n0\r\n\r\n', 'hello'],
      ['5;\r\nhello\r\n0\r\n\r\n', 'hello'],
      [`5;${'x'.repeat(8_000)}\r\nhello\r\n1;${'y'.repeat(8_000)}\r\n!\r\n0\r\n\r\n`, 'hello!'],
    ] as const) {
      test(`${JSON.stringify(body.slice(0, 40))} is read and not forwarded`, async () => {
        const seen = await forwarded(gateway, request('POST /f', [CHUNKED], body));
        assert.equal(seen.body.toString(), text);
      });
    }
    const statuses = [400, 413, 431];
    test('more than 16 KiB in one', () =>
      cut(gateway, request('POST /f', [CHUNKED], `5;${'x'.repeat(17_000)}\r\nhello\r\n0\r\n\r\n`), statuses));
    test('more than 16 KiB in all', () =>
      cut(gateway, request('POST /f', [CHUNKED], `${`1;${'x'.repeat(99)}\r\na\r\n`.repeat(200)}0\r\n\r\n`), statuses));
    test('more than 16 KiB of semicolons', () =>
      cut(gateway, request('POST /f', [CHUNKED], `${'1;\r\na\r\n'.repeat(20_000)}0\r\n\r\n`), statuses));
  });

  describe('F11 trailers', () => {
    const trailersOf = async (lines: string): Promise<string[]> => {
      const seen = await forwarded(
        gateway,
        request('POST /f', ['TE: trailers', CHUNKED], `5\r\nhello\r\n0\r\n${lines}\r\n`),
      );
      assert.equal(seen.body.toString(), 'hello');
      return seen.trailers.map(([name, value]) => `${name.toLowerCase()}: ${value}`);
    };
    test('harmless ones are forwarded', async () => {
      assert.deepEqual(await trailersOf('X-Checksum: 7\r\ngrpc-status:0\r\nX-Last: \xff\r\n'), [
        'x-checksum: 7',
        'grpc-status: 0',
        'x-last: \xff',
      ]);
    });
    // oxfmt-ignore
    for (const field of [
      'Content-Length: 3', 'Transfer-Encoding: chunked', 'Host: evil', 'Authorization: Basic eA==', 'Cookie: a=b', 'Connection: close', 'TE: trailers',
      'X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Host: evil', 'Forwarded: for=1.2.3.4', 'X-Real-IP: 1.2.3.4', 'Via: 1.1 x', 'Trailer: X', 'Upgrade: h2c',
      'Proxy-Authorization: x', 'Content-Type: text/html', 'Content-Encoding: gzip', 'Expect: 100-continue', 'Max-Forwards: 1', 'Keep-Alive: 1',
      'X-Envoy-Internal: true', 'L5d-Client-Id: x', 'X-Forwarded-Client-Cert: x', 'X-Jwt-Sub: admin', 'X-Request-Id: 1', 'Content-Range: x',
    ]) {
      test(`${field} is dropped`, async () => assert.deepEqual(await trailersOf(`X-Checksum: 7\r\n${field}\r\n`), ['x-checksum: 7']));
    }
    // oxfmt-ignore
    for (const trailers of [
      'X_Y: z\r\n', 'A\r\n', ': b\r\n', 'A: b\x00\r\n', 'A b: c\r\n', 'A: \x01\r\n', '\x85: b\r\n',
    ]) {
      test(`${JSON.stringify(trailers)} is refused`, () =>
        cut(gateway, request('POST /f', [CHUNKED], `1\r\na\r\n0\r\n${trailers}\r\n`)));
    }
    test('a trailer section without end is cut', () =>
      cut(gateway, request('POST /f', [CHUNKED], `1\r\na\r\n0\r\n${'X-A: b\r\n'.repeat(5_000)}`), [400, 413, 431]));
  });

  describe('F12 a body is forwarded with any method, exactly', () => {
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND', 'POST']) {
      test(`${method} with Content-Length`, async () => {
        const seen = await forwarded(gateway, request(`${method} /f`, [FIVE], 'GET /'));
        assert.deepEqual([summaryOf(seen), seen.framing], [`${method} /f GET /`, 'length']);
      });
      test(`${method} with chunks`, async () => {
        const seen = await forwarded(gateway, request(`${method} /f`, [CHUNKED], CHUNKS));
        assert.equal(summaryOf(seen), `${method} /f hello`);
      });
      test(`${method} with a body, then another request`, async () => {
        const stream = request(`${method} /f`, [FIVE], 'GET /') + request('GET /second');
        const { requests } = await forwardedAll(gateway, stream, [method, 'GET']);
        assert.deepEqual(requests.map(summaryOf), [`${method} /f GET /`, 'GET /second']);
      });
    }
    test('a body that ends early is never forwarded as complete', async () => {
      const client = await WireClient.open(gateway);
      client.send(request('POST /f', ['Content-Length: 10'], 'hello'));
      await gateway.upstream.until('the beginning', () => gateway.upstream.untakenBytes > 0 || undefined);
      client.finish();
      await assertCut(gateway.upstream);
      client.destroy();
    });
    test('a large body arrives byte for byte', async () => {
      const body = Buffer.alloc(3_000_000, 'abcdefghijklm').toString('latin1');
      const seen = await forwarded(gateway, request('PUT /f', [`Content-Length: ${body.length}`], body));
      assert.ok(seen.body.toString('latin1') === body);
    });
  });
});
