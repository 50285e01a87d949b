// I01 and I02: exactly one authority, valid and in canonical form before it is matched.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startGateway } from '../../harness/engine.ts';
import { forwarded, refused, request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf, valuesOf } from '../../harness/http1-message.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Gateway } from '../../harness/engine.ts';

describe('hosts', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway({ hostname: 'example.com' });
  });
  after(() => gateway.close());

  const stream = (...fields: string[]): string =>
    `GET /f HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;

  describe('I01 a Host that is missing, repeated or not a host', () => {
    for (const text of [
      stream(),
      stream('X: y'),
      stream('Host: example.com', 'Host: example.com'),
      stream('Host: example.com', 'Host: evil.com'),
      stream('Host: example.com', 'X: y', 'hOST: evil.com'),
      stream('Host: example.com', 'Host:'),
      stream('Host : example.com'),
      stream('Host\t: example.com'),
      stream('Host: example.com\r\n .evil.com'),
      // oxfmt-ignore
      ...[
        '', ' ', 'a,example.com', 'example.com,', 'user@example.com', '@example.com', 'example.com/', 'example.com/x',
        '/', 'exam ple.com', 'example.com evil.com', 'example.com\tx', 'example.com:', 'example.com:x',
        'example.com:80x', 'example.com:-1', 'example.com:+80', 'example.com:65536', 'example.com:99999999999',
        'example.com:80:80', ':80', 'example.com: 80', 'example.com:8 0', 'example.com:0x50', 'example..com',
        '.example.com', 'example.com..', '.', '*', '*.example.com', 'example.com?', 'example.com#', 'example.com\\',
        'example.com%00', '%65xample.com', 'example.com\xff', 'b\xfccher.example', 'b\xc3\xbccher.example',
        'example\x00.com', '"example.com"', '<example.com>', '{example.com}', 'example.com;', 'exam!ple.com', '[::1',
        '::1', '[::1]x', '[::1]:x', '[::g]', '[fe80::1%25eth0]', '[v1.x]', '[]', '[1.2.3.4]', '1.2.3', '256.1.1.1',
        '0x7f.1', '127.1', '1.2.3.4.5', 'http://example.com', `${'a'.repeat(64)}.com`, `${'a.'.repeat(130)}com`,
        'a'.repeat(256), `${'a'.repeat(250)}.example.com`,
      ].map((host) => stream(`Host: ${host}`)),
      'GET /f HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n',
      'GET /f HTTP/1.0\r\nHost: a b\r\n\r\n',
    ]) {
      test(JSON.stringify(text.slice(0, 100)), () => refused(gateway, text));
    }
  });

  describe('I01 spellings of one host', () => {
    for (const [host, seen] of [
      ['example.com', 'example.com'],
      ['EXAMPLE.com', 'example.com'],
      ['example.com.', 'example.com'],
      ['Example.Com.:80', 'example.com:80'],
      ['example.com:80', 'example.com:80'],
      ['example.com:8080', 'example.com:8080'],
      ['\texample.com \t', 'example.com'],
    ] as const) {
      test(JSON.stringify(host), async () => {
        const forwardedRequest = await forwarded(gateway, stream(`Host: ${host}`));
        assert.deepEqual(valuesOf(forwardedRequest, 'host'), [seen]);
      });
    }
    // oxfmt-ignore
    for (const host of [
      'example.com.evil.com', 'xexample.com', 'a.example.com', '127.0.0.1', '[::1]', '[::ffff:1.2.3.4]:80',
      'xn--bcher-kva.example', 'my_service.local', 'localhost',
    ]) {
      test(`${host} is another host: 404`, async () => {
        const client = await WireClient.open(gateway);
        const [response] = await client.send(stream(`Host: ${host}`)).untilResponses(1);
        assert.equal(statusOf(response ?? assert.fail()), 404);
        assert.equal(gateway.upstream.untakenBytes, 0);
        client.destroy();
      });
    }
  });

  describe('I02 the absolute form', () => {
    for (const [target, host, path] of [
      ['http://example.com/f', 'example.com', '/f'],
      ['http://example.com', 'example.com', '/'],
      ['http://example.com?x', 'example.com', '/?x'],
      ['HTTP://EXAMPLE.com/f', 'example.com', '/f'],
      ['http://example.com:8080/a/../b', 'example.com:8080', '/b'],
      ['http://example.com//f', 'example.com', '/f'],
    ] as const) {
      test(`${target} is forwarded in origin form`, async () => {
        const seen = await forwarded(gateway, request(`GET ${target}`, [`Host: ${host}`]));
        assert.equal(seen.startLine[1], path);
        assert.deepEqual(valuesOf(seen, 'host'), [host]);
      });
    }
    for (const [target, host] of [
      ['http://example.com/f', 'evil.com'],
      ['http://evil.com/f', 'example.com'],
      ['http://example.com/f', 'example.com:81'],
    ] as const) {
      test(`${target} with Host ${host}: refused, or the target wins`, async () => {
        const client = await WireClient.open(gateway);
        const [response] = await client.send(request(`GET ${target}`, [`Host: ${host}`])).untilResponses(1);
        const status = statusOf(response ?? assert.fail());
        const seen = gateway.upstream.takeRequests().map((message) => valueOf(message, 'host'));
        if (status !== 400) assert.deepEqual(seen, target.includes('evil') ? [] : ['example.com']);
        else assert.deepEqual(seen, []);
        client.destroy();
      });
    }
    // oxfmt-ignore
    for (const target of [
      'https://example.com/f', 'ftp://example.com/f', 'ws://example.com/f', 'http:/example.com/f',
      'http:example.com/f', 'http:///f', 'http://', 'http:///', '://example.com/', 'http//example.com/',
      'http://user@example.com/f', 'http://example.com@evil.com/', 'http://user:pw@example.com/',
      'http://example.com\\@evil.com/', 'http://example.com#/f', 'http://exam ple.com/f', 'http://example.com:x/f',
      'http://example.com:/f', 'http://example.com/%00', 'http://example.com/../f', 'example.com:80', 'example.com/f',
    ]) {
      test(`${target} is refused`, () => refused(gateway, request(`GET ${target}`)));
    }
    test('an absolute form without Host is refused in HTTP/1.1', () =>
      refused(gateway, stream().replace('/f', 'http://example.com/f')));
  });
});
