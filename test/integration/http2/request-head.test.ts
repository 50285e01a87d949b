// What a request may say of itself over HTTP/2: as strict as over HTTP/1.1, and the same to whoever takes the exchange.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { SuiteContext, TestContext } from 'node:test';
import { Http2Endpoint } from '../../harness/http2-endpoint.ts';
import type { RecordedExchange } from '../../harness/http2-endpoint.ts';
import { data, END_STREAM, ERROR, FRAME, headers, requestFields } from '../../harness/http2-frames.ts';
import type { Fields, FrameClient } from '../../harness/http2-frames.ts';

/** One endpoint for the file; each request has a connection of its own, as some are refused with it. */
let endpoint: Http2Endpoint;
before(async (t) => {
  endpoint = await Http2Endpoint.start(t as SuiteContext & Pick<TestContext, 'after'>);
});

async function send(fields: Fields): Promise<FrameClient> {
  const client = await endpoint.frames();
  client.send(headers(1, fields));
  return client;
}

/** It becomes an exchange, which is answered. */
async function served(fields: Fields): Promise<RecordedExchange> {
  const count = endpoint.exchanges.length;
  const client = await send(fields);
  assert.equal(await client.status(1), 200);
  client.destroy();
  assert.equal(endpoint.exchanges.length, count + 1);
  return endpoint.exchanges.at(-1) ?? assert.fail();
}

/** It is answered by the codec's caller with this status, and nobody else sees it. */
async function refused(fields: Fields, status = 400): Promise<void> {
  const count = endpoint.exchanges.length;
  const client = await send(fields);
  assert.equal(await client.status(1), status);
  client.destroy();
  assert.equal(endpoint.exchanges.length, count, 'it became an exchange');
}

/** The stream or the connection is reset: nobody sees the request. */
async function reset(fields: Fields): Promise<void> {
  const count = endpoint.exchanges.length;
  const client = await send(fields);
  await client.until(
    'a reset',
    () => client.isClosed || client.first(FRAME.rstStream, 1) || client.first(FRAME.goaway),
  );
  assert.equal(client.first(FRAME.headers, 1), undefined, 'it was answered');
  client.destroy();
  assert.equal(endpoint.exchanges.length, count, 'it became an exchange');
}

/** With one pseudo-header field replaced, left out or added. */
function withPseudo(name: string, value: string | undefined, ...fields: Fields): Fields {
  const pseudo = requestFields('GET', '/').filter(([other]) => other !== name);
  return value === undefined ? [...pseudo, ...fields] : [...pseudo, [name, value], ...fields];
}

describe('a request', () => {
  test('is the same exchange as over HTTP/1.1', async () => {
    const { exchange } = await served([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/a/b?c=d?e'],
      [':authority', 'Example.com:8080'],
      ['user-agent', 'x'],
      ['x-a', '1'],
      ['x-a', '2'],
    ]);
    const { headers: fields, ...head } = exchange.request;
    assert.deepEqual(head, {
      method: 'GET',
      path: '/a/b',
      query: 'c=d?e',
      scheme: 'http',
      authority: 'example.com:8080',
      host: 'example.com',
    });
    assert.deepEqual(fields.fields, ['user-agent', 'x', 'x-a', '1', 'x-a', '2']);
    assert.equal(exchange.protocol, 'HTTP/2');
    assert.equal(exchange.requestBodyLength, 0);
    assert.equal(exchange.isRequestComplete, true);
    assert.equal(exchange.upgrade, undefined);
    assert.equal(exchange.acceptsTrailers, false);
    assert.equal(exchange.expectsContinue, false);
    assert.equal(exchange.downstream.remoteAddress, '127.0.0.1');
  });

  test('Host serves where :authority is missing, and both may be there', async () => {
    for (const fields of [
      withPseudo(':authority', undefined, ['host', 'Example.com']),
      withPseudo(':authority', 'example.com', ['host', 'EXAMPLE.com']),
    ]) {
      const { exchange } = await served(fields);
      assert.equal(exchange.request.authority, 'example.com');
      assert.equal(exchange.request.headers.has('host'), false);
    }
  });

  test('the scheme that a proxy in front names changes nothing', async () => {
    const { exchange } = await served(withPseudo(':scheme', 'https'));
    assert.equal(exchange.request.scheme, 'http');
  });

  test('OPTIONS *', async () => {
    const { exchange } = await served(requestFields('OPTIONS', '*'));
    assert.equal(exchange.request.path, '*');
  });
});

describe('F14 bytes above ASCII in values', () => {
  test('come through unchanged', async () => {
    const value = '\xa0caf\xe9 \xff\xc3\xa9\x80';
    const recorded = await served(requestFields('GET', '/', ['x-long', value.repeat(40)], ['x-short', value]));
    assert.deepEqual(recorded.values('x-short'), [value]);
    assert.deepEqual(recorded.values('x-long'), [value.repeat(40)]);
  });
});

describe('F18 methods that are not served', () => {
  for (const method of ['TRACE', 'TRACK']) {
    test(method, () => refused(requestFields(method, '/'), 405));
  }
  test('CONNECT', () =>
    refused(
      [
        [':method', 'CONNECT'],
        [':authority', 'example.com:443'],
      ],
      405,
    ));
});

describe('P01–P04 paths', () => {
  for (const [path, seen] of [
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['/a//b', '/a/b'],
    ['//evil/x', '/evil/x'],
    ['/a/%2E%2e/b', '/b'],
    ['/a%2Fb', '/a%2Fb'],
  ] as const) {
    test(`${path} is ${seen}`, async () =>
      assert.equal((await served(requestFields('GET', path))).exchange.request.path, seen));
  }
  // oxfmt-ignore
  for (const path of [
    '/../a', '/%2e%2e/b', '/a/%2e%2e%2fb', '/..;/b', '/a\\b', '/a%5Cb', '/a%00', '/%zz', '/%', '/%c0%ae',
  ]) {
    test(`${path} is refused`, () => refused(requestFields('GET', path)));
  }
});

describe('H10 pseudo-header fields that are wrong', () => {
  for (const [what, fields] of [
    ['no :method', withPseudo(':method', undefined)],
    ['no :path', withPseudo(':path', undefined)],
    ['no :scheme', withPseudo(':scheme', undefined)],
    ['neither :authority nor Host', withPseudo(':authority', undefined)],
    ['an empty :path', withPseudo(':path', '')],
    [':path without a slash', withPseudo(':path', 'a')],
    [':path with a blank', withPseudo(':path', '/a b')],
    [':path with a tab', withPseudo(':path', '/a\tb')],
    [':path with a line break', withPseudo(':path', '/a\r\nx: y')],
    [':method with a blank', withPseudo(':method', 'GET /')],
    [':scheme with a line break', withPseudo(':scheme', 'http\r\n')],
    [':authority with a blank', withPseudo(':authority', 'a b')],
    [':authority with a slash', withPseudo(':authority', 'a/b')],
    ['a second :path', [...requestFields('GET', '/'), [':path', '/b']]],
    ['an unknown one', [...requestFields('GET', '/'), [':x', 'y']]],
    ['a late one', [['a', 'b'], ...requestFields('GET', '/')]],
    ['an upper-case name', requestFields('GET', '/', ['X-A', 'b'])],
    ['two Host', requestFields('GET', '/', ['host', 'example.com'], ['host', 'example.com'])],
    ['two Content-Length', requestFields('POST', '/', ['content-length', '0'], ['content-length', '0'])],
    ['a signed Content-Length', requestFields('POST', '/', ['content-length', '+3'])],
    ['a body of no length', requestFields('POST', '/', ['content-length', '3'])],
  ] as const satisfies readonly (readonly [string, Fields])[]) {
    test(`${what} is reset`, () => reset(fields));
  }
  test('an absolute :path is reset', () => reset(withPseudo(':path', 'http://example.com/')));
  test('a :scheme of its own is refused', () => refused(withPseudo(':scheme', 'gopher')));

  for (const [length, body] of [
    ['3', 'ab'],
    ['3', 'abcd'],
    ['0', 'a'],
  ] as const) {
    test(`a body of ${body.length} where ${length} were announced is reset, and the handler told`, async (t) => {
      const own = await Http2Endpoint.start(t, { script: () => {} });
      const client = await own.frames();
      client.send(headers(1, requestFields('POST', '/', ['content-length', length]), 0), data(1, body, END_STREAM));
      await client.until('a reset', () => client.isClosed || client.first(FRAME.rstStream, 1));
      const recorded = await own.exchange();
      await own.until('the abort', () => recorded.aborts.length > 0 || undefined);
      assert.equal(recorded.ends, 0, 'it looked complete');
    });
  }
});

describe('H11 control characters never get through', () => {
  test('each byte in a value: the value comes whole or not at all', async () => {
    const wrong: number[] = [];
    for (let start = 0; start < 256; start += 64) {
      const fields = Array.from({ length: 64 }, (_, i): [string, string] => [
        `x-${start + i}`,
        `a${String.fromCharCode(start + i)}b`,
      ]);
      const client = await endpoint.frames();
      const count = endpoint.exchanges.length;
      client.send(headers(1, requestFields('GET', '/', ...fields)));
      await client.until(
        'an end',
        () => client.isClosed || client.first(FRAME.headers, 1) || client.first(FRAME.rstStream, 1),
      );
      const recorded = endpoint.exchanges[count];
      client.destroy();
      if (recorded === undefined) continue;
      for (const [name, value] of fields) {
        const byte = value.charCodeAt(1);
        const isControl = (byte < 0x20 && byte !== 0x09) || byte === 0x7f;
        const seen = recorded.values(name);
        if (seen.length > 0 && (isControl || seen[0] !== value)) wrong.push(byte);
      }
    }
    assert.deepEqual(wrong, []);
  });

  test('each byte in a name: no malformed name gets through', async () => {
    const token = /^[!#$%&'*+.^`|~0-9a-z-]+$/;
    for (let byte = 0; byte < 256; byte++) {
      const client = await endpoint.frames();
      const count = endpoint.exchanges.length;
      client.send(headers(1, requestFields('GET', '/', [`a${String.fromCharCode(byte)}b`, 'c'], ['', 'd'])));
      await client.until(
        'an end',
        () => client.isClosed || client.first(FRAME.headers, 1) || client.first(FRAME.rstStream, 1),
      );
      client.destroy();
      const names = endpoint.exchanges[count]?.exchange.request.headers.fields.filter((_, i) => i % 2 === 0) ?? [];
      for (const name of names) assert.match(name, token);
    }
  });

  test('blanks around a value', async () => {
    for (const value of [' a', 'a ', '\ta', 'a\t']) {
      const count = endpoint.exchanges.length;
      const client = await send(requestFields('GET', '/', ['x', value]));
      await client.until(
        'an end',
        () => client.isClosed || client.first(FRAME.headers, 1) || client.first(FRAME.rstStream, 1),
      );
      assert.deepEqual(endpoint.exchanges[count]?.values('x') ?? [], []);
      client.destroy();
    }
  });
});

describe('H12 and I02 :authority and Host that differ', () => {
  test('are refused', () => refused(requestFields('GET', '/', ['host', 'evil.com'])));
  test('also by the port', () => refused(requestFields('GET', '/', ['host', 'example.com:81'])));
  test('an empty Host is reset', () => reset(requestFields('GET', '/', ['host', ''])));
});

describe('H13 what node:http2 would deliver', () => {
  // oxfmt-ignore
  for (const path of ['/#a', '/a?b#c', '/\xc3\xa9', '/a?\xc3\xa9', '/a?b\x7f']) {
    test(`${JSON.stringify(path)} never becomes an exchange`, async () => {
      const count = endpoint.exchanges.length;
      const client = await send(requestFields('GET', path));
      await client.until('an end', () => client.isClosed || client.first(FRAME.headers, 1) || client.first(FRAME.rstStream, 1));
      if (client.first(FRAME.headers, 1) !== undefined) assert.equal(await client.status(1), 400);
      assert.equal(endpoint.exchanges.length, count);
      client.destroy();
    });
  }
  for (const method of ['get', 'Get', 'GE!T', 'A'.repeat(33)]) {
    test(`the method ${method} is refused`, () => refused(requestFields(method, '/')));
  }
  test('a method of its own passes', async () => {
    assert.equal((await served(requestFields('PURGE', '/'))).exchange.request.method, 'PURGE');
  });
  test('extended CONNECT for anything but websocket is refused', () =>
    refused([...requestFields('CONNECT', '/'), [':protocol', 'connect-udp']], 501));
  test('and so is one with a length', () =>
    refused([...requestFields('CONNECT', '/'), [':protocol', 'websocket'], ['content-length', '0']]));
  test(':protocol without CONNECT is reset', () => reset([...requestFields('GET', '/'), [':protocol', 'websocket']]));
});

describe('H09 and I08 fields of a connection', () => {
  for (const field of [
    ['transfer-encoding', 'chunked'],
    ['connection', 'x-a'],
    ['keep-alive', 'timeout=5'],
    ['proxy-connection', 'close'],
    ['upgrade', 'websocket'],
    ['te', 'gzip'],
  ] as const) {
    test(`${field[0]}: ${field[1]} is reset`, () => reset(requestFields('GET', '/', field)));
  }
  test('what belongs to this hop ends here', async () => {
    const { exchange } = await served(
      requestFields(
        'GET',
        '/',
        ['te', 'trailers'],
        ['trailer', 'x'],
        ['proxy-authorization', 'x'],
        ['proxy-authenticate', 'x'],
        ['http2-settings', 'x'],
        ['x-a', 'b'],
      ),
    );
    assert.equal(exchange.acceptsTrailers, true);
    assert.deepEqual(exchange.request.headers.fields, ['x-a', 'b']);
  });
});

describe('H14 and I07 names that mislead', () => {
  for (const name of ['x_forwarded_for', 'content_length', '_', '__proto__']) {
    test(`${name} is refused`, () => refused(requestFields('GET', '/', [name, 'x'])));
  }
  test('two Authorization both arrive, in order', async () => {
    const recorded = await served(requestFields('GET', '/', ['authorization', 'a'], ['authorization', 'b']));
    assert.deepEqual(recorded.values('authorization'), ['a', 'b']);
  });
  test('names of Object.prototype are names', async () => {
    const recorded = await served(requestFields('GET', '/', ['constructor', 'a'], ['tostring', 'b']));
    assert.deepEqual(recorded.exchange.request.headers.fields, ['constructor', 'a', 'tostring', 'b']);
  });
});

describe('H15 cookies', () => {
  test('crumbs are joined', async () => {
    const recorded = await served(requestFields('GET', '/', ['cookie', 'a=b'], ['x', 'y'], ['cookie', 'c=d; e=f']));
    assert.deepEqual(recorded.exchange.request.headers.fields, ['x', 'y', 'cookie', 'a=b; c=d; e=f']);
  });
});

describe('I01 hosts', () => {
  // oxfmt-ignore
  for (const host of ['', 'a,b', 'user@example.com', 'example.com:', 'example.com:x', 'example.com:65536', 'a..b', '*', '[::1', '1.2.3', '0x7f.1', `${'a'.repeat(64)}.com`]) {
    test(`${JSON.stringify(host)} is refused`, async () => {
      const count = endpoint.exchanges.length;
      const client = await send(withPseudo(':authority', host));
      await client.until('an end', () => client.isClosed || client.first(FRAME.headers, 1) || client.first(FRAME.rstStream, 1));
      if (client.first(FRAME.headers, 1) !== undefined) assert.equal(await client.status(1), 400);
      assert.equal(endpoint.exchanges.length, count);
      client.destroy();
    });
  }
  for (const [host, authority] of [
    ['EXAMPLE.com.', 'example.com'],
    ['Example.Com.:80', 'example.com:80'],
    ['[::1]:80', '[::1]:80'],
  ] as const) {
    test(`${host} is ${authority}`, async () =>
      assert.equal((await served(withPseudo(':authority', host))).exchange.request.authority, authority));
  }
});

describe('H08 too much of a head', () => {
  const many = (count: number): Fields => Array.from({ length: count }, (_, i) => [`x-${i}`, 'y']);

  test('as many fields as allowed pass', async () => {
    assert.equal((await served(requestFields('GET', '/', ...many(100)))).exchange.request.headers.count, 100);
  });
  test('one more is 431', () => refused(requestFields('GET', '/', ...many(101)), 431));
  test('many more are reset', () => reset(requestFields('GET', '/', ...many(150))));
  test('a long target is 414', () => refused(requestFields('GET', `/${'a'.repeat(8_192)}`), 414));
  test('one at the limit passes', async () => {
    const path = `/${'a'.repeat(8_191)}`;
    assert.equal((await served(requestFields('GET', path))).exchange.request.path, path);
  });

  test('more bytes than allowed are 431', async (t) => {
    const own = await Http2Endpoint.start(t, { limits: { maxHeadBytes: 8_000 } });
    const client = await own.frames();
    client.send(headers(1, requestFields('GET', '/', ['x', 'y'.repeat(7_000)])));
    assert.equal(await client.status(1), 200);
    client.send(headers(3, requestFields('GET', '/', ['x', 'y'.repeat(8_000)])));
    assert.equal(await client.status(3), 431);
  });

  test('an index that stands for a large field, many times, costs no memory', async () => {
    const client = await endpoint.frames();
    const count = endpoint.exchanges.length;
    const large = Buffer.concat([Buffer.of(0x40, 1, 0x78), Buffer.of(0x7f, 0xa1, 0x1e), Buffer.alloc(4_000, 0x79)]);
    const pseudo = Buffer.concat([Buffer.of(0x82, 0x86, 0x84, 0x01, 0x01, 0x61)]);
    const bomb = Buffer.concat([pseudo, large, Buffer.alloc(12_000, 0xbe)]);
    const head = Buffer.alloc(9);
    head.writeUIntBE(bomb.length, 0, 3);
    head.writeUInt8(FRAME.headers, 3);
    head.writeUInt8(0x5, 4);
    head.writeUInt32BE(1, 5);
    client.send(head, bomb);
    assert.equal(await client.resetCode(1), ERROR.enhanceYourCalm);
    assert.equal(endpoint.exchanges.length, count);
    client.destroy();
  });
});

describe('expectations', () => {
  test('100-continue is known', async () => {
    const { exchange } = await served(requestFields('GET', '/', ['expect', '100-Continue']));
    assert.equal(exchange.expectsContinue, true);
  });
  test('others are 417', () => refused(requestFields('GET', '/', ['expect', 'x']), 417));
});
