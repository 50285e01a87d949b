// F13–F18: the request line and the header section. A byte that does not belong there refuses the request; what is accepted is not changed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startGateway } from '../../harness/engine.ts';
import { forwarded, lastAnswer, refused, request } from '../../harness/http1-attack.ts';
import { summaryOf, valueOf } from '../../harness/http1-message.ts';
import type { Gateway } from '../../harness/engine.ts';

describe('head syntax', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway();
  });
  after(() => gateway.close());

  function eachRefused(name: string, streams: readonly string[], statuses: readonly number[] = [400]): void {
    describe(name, () => {
      for (const stream of streams) test(JSON.stringify(stream), () => refused(gateway, stream, statuses));
    });
  }

  const HOST = 'Host: example.com';

  // oxfmt-ignore
  eachRefused('F13 line ends, folds, blanks and bytes that make a head ambiguous', [
    `GET / HTTP/1.1\n${HOST}\n\n`, `GET / HTTP/1.1\n${HOST}\r\n\r\n`, `GET / HTTP/1.1\r\n${HOST}\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}\nX: y\r\n\r\n`, `GET / HTTP/1.1\r\n${HOST}\r\nX: y\n\n`,
    `GET / HTTP/1.1\r${HOST}\r\n\r\n`, `GET / HTTP/1.1\r\n${HOST}\rX: y\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}\r\n\rX: y\r\n\r\n`, `GET / HTTP/1.1\r\n${HOST}\r\r\n\r\n`,
    `GET / HTTP/1.1\r\r\n${HOST}\r\n\r\n`, `GET / HTTP/1.1\r\n${HOST}\r\nX: a\x00b\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}\r\nX\x00: b\r\n\r\n`, `GET / HTTP/1.1\r\n${HOST}\r\n\x00\r\n\r\n`,
    `GET /\x00 HTTP/1.1\r\n${HOST}\r\n\r\n`, `\x00GET / HTTP/1.1\r\n${HOST}\r\n\r\n`,
    ...Array.from({ length: 32 }, (_, code) => code)
      .filter((code) => code !== 9)
      .map((code) => `GET / HTTP/1.1\r\n${HOST}\r\nX: a${String.fromCharCode(code)}b\r\n\r\n`),
    ...['a\r\n b', 'a\r\n\tb', '\r\n b', 'a\r\n \r\n b', 'a\r\n '].map(
      (folded) => `GET / HTTP/1.1\r\n${HOST}\r\nX: ${folded}\r\n\r\n`,
    ),
    // oxfmt-ignore
    ...[
      'X : b', 'X\t: b', 'X\x0b: b', ': b', ' : b', 'X', 'X b', '', ' X: b', '\tX: b', '\x85: b', 'X\x85: b',
      'X\xff: b', 'X\x7f: b',
    ].map((field) => `GET / HTTP/1.1\r\n${field}\r\n${HOST}\r\n\r\n`),
    ...['X : b', ': b', 'X', 'X\x85: b', ' X: b'].map(
      (field) => `GET / HTTP/1.1\r\n${HOST}\r\n${field}\r\nZ: c\r\n\r\n`,
    ),
    ...Array.from('()<>@,;\\"/[]?={} \t', (separator) => `GET / HTTP/1.1\r\n${HOST}\r\nX${separator}Y: b\r\n\r\n`),
    ` GET / HTTP/1.1\r\n${HOST}\r\n\r\n`,
    `\tGET / HTTP/1.1\r\n${HOST}\r\n\r\n`,
    `\nGET / HTTP/1.1\r\n${HOST}\r\n\r\n`,
    `\rGET / HTTP/1.1\r\n${HOST}\r\n\r\n`,
    `\r\n\r\n\r\n\r\n\r\n\r\n GET / HTTP/1.1\r\n${HOST}\r\n\r\n`,
  ]);

  describe('F14 obs-text and odd but legal bytes in values are forwarded unchanged', () => {
    // oxfmt-ignore
    const values = [
      '\xa0', '\xff', '\xa0a\xa0', '\x80\x85\x9b', 'caf\xc3\xa9', '\xef\xbb\xbfx', 'a\tb', 'a  b', '"a, b"', '', '!~',
      '%00%0d%0a', "'\\{}[]<>@",
      ...Array.from({ length: 128 }, (_, i) => `<${String.fromCharCode(128 + i)}>`),
    ];
    test(`${values.length} values`, async () => {
      const fields = values.map((value, index) => `X-${index}: ${value}`);
      for (let start = 0; start < fields.length; start += 50) {
        const part = fields.slice(start, start + 50);
        const seen = await forwarded(gateway, request('GET /f', part));
        for (const field of part) {
          const [name = '', ...value] = field.split(': ');
          assert.equal(valueOf(seen, name.toLowerCase()), value.join(': '), JSON.stringify(field));
        }
      }
    });
    test('blanks around a value are not part of it, other bytes are', async () => {
      const seen = await forwarded(gateway, request('GET /f', ['X-A: \t a \t ', 'X-B:b', 'X-C:\t\xa0 c\xa0\t']));
      assert.deepEqual([valueOf(seen, 'x-a'), valueOf(seen, 'x-b'), valueOf(seen, 'x-c')], ['a', 'b', '\xa0 c\xa0']);
    });
  });

  eachRefused(
    'F15 blanks in the request line',
    // oxfmt-ignore
    [
      'GET  /', 'GET /  HTTP/1.1', 'GET / HTTP/1.1 ', 'GET\t/', 'GET /\tHTTP/1.1', 'GET / HTTP/1.1\t',
      'GET / x HTTP/1.1', 'GET\x0b/', 'GET /\x0c HTTP/1.1', 'GET /\xa0HTTP/1.1', 'GET / x',
    ].map((line) => `${/HTTP\//.test(line) ? line : `${line} HTTP/1.1`}\r\n${HOST}\r\n\r\n`),
  );

  eachRefused(
    'F16 other versions',
    // oxfmt-ignore
    [
      'HTTP/0.9', 'HTTP/1.2', 'HTTP/1.10', 'HTTP/2.0', 'HTTP/2', 'HTTP/3', 'http/1.1', 'Http/1.1', 'HTTP/01.1',
      'HTTP/1.01', 'HTTP/1', 'HTTP/1.', 'HTTP/.1', 'HTTP/1,1', 'HTTP 1.1', 'HTTP/11', 'HTTPS/1.1', 'ICY/1.1',
      'HTTP/1.1HTTP/1.1', 'HTTP/1.1\x00', 'HTTP/\xb9.1', 'HTTP/1.1;', '/1.1', 'RTSP/1.0', 'HTTP/-1.1', 'HTTP/1.1.1',
    ].map((version) => `GET / ${version}\r\n${HOST}\r\n\r\n`),
    [400, 505],
  );
  eachRefused(
    'F16 HTTP/0.9',
    ['GET /\r\n\r\n', 'GET / \r\n\r\n', `GET /\r\n${HOST}\r\n\r\n`, 'GET\r\n\r\n', '\r\n\r\n\x00\r\n\r\n'],
    [400, 505],
  );
  eachRefused(
    'F16 what is nearly the HTTP/2 preface',
    ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', 'PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [400, 505],
  );

  describe('F17 methods', () => {
    for (const method of ['PROPFIND', 'M-SEARCH', 'A_B', 'X1', 'PATCH', 'QUERY', 'GETX', 'Z'.repeat(32)]) {
      test(`${method} is forwarded`, async () => {
        assert.equal(summaryOf(await forwarded(gateway, request(`${method} /f`))), `${method} /f`);
      });
    }
  });
  eachRefused(
    'F17 methods that are refused',
    // oxfmt-ignore
    [
      'get', 'Get', 'gET', 'HEADx', 'HEAD^', 'GEt', 'Z'.repeat(33), 'GE(T', 'G\x00T', 'G\xc9T', '"GET"', 'GET,', '', 'GET:', 'G/T',
      'post', '{GET}', 'HTTP/1.1',
    ].map((method) => request(`${method} /f`)),
    [400, 501],
  );

  describe('F18 TRACE, TRACK and CONNECT', () => {
    for (const stream of [
      request('TRACE /'),
      request('TRACE / HTTP/1.0'),
      request('TRACK /'),
      request('TRACE /', ['Content-Length: 5'], 'hello'),
      request('CONNECT example.com:443', ['Host: example.com:443']),
      request('CONNECT 127.0.0.1:22', ['Host: 127.0.0.1:22']),
      request('CONNECT example.com:443', ['Host: example.com:443'], 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'),
      request('CONNECT /', []),
    ]) {
      test(JSON.stringify(stream), async () => {
        await lastAnswer(gateway, stream, [405], 1);
        assert.equal(gateway.upstream.untakenBytes, 0);
      });
    }
  });
});
