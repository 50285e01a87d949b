// I05–I10: fields that say who somebody is, or that belong to one hop. A client can neither forge nor remove what the gateway says.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startGateway } from '../../harness/engine.ts';
import { forwarded, refused, request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf, valuesOf } from '../../harness/http1-message.ts';
import { answering } from '../../harness/recorder.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Gateway } from '../../harness/engine.ts';

describe('forwarding fields', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.upstream.useDefaultScript());
  after(() => gateway.close());

  describe('I05 what an untrusted client says about its origin is replaced', () => {
    test('the gateway says who the peer is', async () => {
      const seen = await forwarded(gateway, request('GET /f', ['Host: Example.com:8080']));
      assert.deepEqual(valuesOf(seen, 'x-forwarded-for'), ['127.0.0.1']);
      assert.deepEqual(valuesOf(seen, 'x-forwarded-proto'), ['http']);
      assert.deepEqual(valuesOf(seen, 'x-forwarded-host'), ['example.com:8080']);
    });
    // oxfmt-ignore
    const removed = [
      'Forwarded', 'X-Real-IP', 'X-Forwarded-Client-Cert', 'X-Envoy-Internal', 'X-Envoy-External-Address',
      'X-Envoy-Decorator-Operation', 'X-Envoy-Max-Retries', 'X-Envoy-Retry-On', 'X-Envoy-Upstream-Rq-Timeout-Ms',
      'X-Envoy-Downstream-Service-Cluster', 'X-Envoy-Force-Trace', 'X-Envoy-Expected-Rq-Timeout-Ms', 'X-Envoy-Ip-Tags',
      'x-envoy-anything-new',
    ];
    for (const name of removed) {
      test(`${name} is removed`, async () => {
        const seen = await forwarded(
          gateway,
          request('GET /f', [`${name}: 6.6.6.6`, `${name.toUpperCase()}: 6.6.6.6`]),
        );
        assert.deepEqual(valuesOf(seen, name.toLowerCase()), []);
      });
    }
    // oxfmt-ignore
    for (const name of [
      'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Request-Id',
      'X-Forwarded-Server', 'X-Forwarded-Prefix',
    ]) {
      test(`${name} is not believed`, async () => {
        const seen = await forwarded(
          gateway,
          request('GET /f', [`${name}: 6.6.6.6`, `${name.toLowerCase()}: 6.6.6.6, 7.7.7.7`]),
        );
        const values = valuesOf(seen, name.toLowerCase());
        assert.ok(
          values.length <= 1 && !values.join().includes('6.6.6.6') && !values.join().includes('7.7.7.7'),
          values.join(),
        );
      });
    }
    test('X-Forwarded-For is the peer alone', async () => {
      const seen = await forwarded(
        gateway,
        request('GET /f', ['X-Forwarded-For: 6.6.6.6', 'x-forwarded-for: unknown, ::1']),
      );
      assert.deepEqual(valuesOf(seen, 'x-forwarded-for'), ['127.0.0.1']);
    });
  });

  describe('I06 identity of a mesh or of a verified token', () => {
    for (const name of [
      'l5d-client-id',
      'L5d-Dst-Override',
      'l5d-remote-ip',
      'X-Forwarded-Client-Cert',
      'X-Jwt-Claim-Sub',
      'x-jwt-payload',
    ]) {
      test(`${name} is removed`, async () => {
        const seen = await forwarded(gateway, request('GET /f', [`${name}: admin`]));
        assert.deepEqual(valuesOf(seen, name.toLowerCase()), []);
      });
    }
  });

  describe('I07 names with an underscore', () => {
    // oxfmt-ignore
    for (const name of [
      'x_forwarded_for', 'content_length', 'X_Real_IP', 'Transfer_Encoding', 'a_b', '_', 'a_', '_a', 'X-Forwarded_For',
    ]) {
      test(`${name} is refused`, () => refused(gateway, request('GET /f', [`${name}: 1`])));
    }
  });

  describe('I08 fields of one hop', () => {
    test('they are removed from a request, with all that Connection names', async () => {
      const seen = await forwarded(
        gateway,
        // oxfmt-ignore
        request('GET /f', [
          'Connection: keep-alive, X-Hop, x-other', 'connection: X-Third', 'X-Hop: 1', 'X-Other: 1', 'X-Third: 1',
          'Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'TE: gzip, deflate;q=0.5', 'Trailer: X',
          'Proxy-Authorization: Basic eA==', 'Proxy-Authenticate: x', 'X-End: 1',
        ]),
      );
      const names = seen.headers.map(([name]) => name.toLowerCase());
      // oxfmt-ignore
      for (const name of [
        'x-hop', 'x-other', 'x-third', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'proxy-authorization',
        'proxy-authenticate',
      ]) {
        assert.ok(!names.includes(name), name);
      }
      assert.ok(names.includes('x-end'));
    });
    test("Connection can't remove what the gateway adds, frames by, or a later hop relies on", async () => {
      const stream = request(
        'POST /f',
        [
          'Connection: close, host, content-length, authorization, x-forwarded-for, x-forwarded-proto, x-forwarded-host, cookie, via, transfer-encoding, x-request-id, content-type',
          'Content-Length: 5',
          'Authorization: Basic eA==',
          'Cookie: a=b',
          'Content-Type: text/plain',
        ],
        'hello',
      );
      const seen = await forwarded(gateway, stream);
      assert.equal(seen.body.toString(), 'hello');
      for (const [name, value] of [
        ['host', 'example.com'],
        ['content-length', '5'],
        ['authorization', 'Basic eA=='],
        ['cookie', 'a=b'],
        ['content-type', 'text/plain'],
        ['x-forwarded-for', '127.0.0.1'],
        ['x-forwarded-proto', 'http'],
        ['x-forwarded-host', 'example.com'],
      ] as const) {
        assert.equal(valueOf(seen, name), value, name);
      }
      assert.ok(valueOf(seen, 'via') !== undefined);
    });
    for (const value of ['close, ,x', ',', 'X-Hop,,X-Other', 'keep-alive\t,\tX-Hop']) {
      test(`an odd list is read as a list or refused: ${JSON.stringify(value)}`, async () => {
        const client = await WireClient.open(gateway);
        const [response] = await client.send(request('GET /f', [`Connection: ${value}`, 'X-Hop: 1'])).untilResponses(1);
        const requests = gateway.upstream.takeRequests();
        if (statusOf(response ?? assert.fail()) === 200 && value.includes('X-Hop')) {
          assert.deepEqual(
            requests.map((seen) => valueOf(seen, 'x-hop')),
            [undefined],
          );
        }
        client.destroy();
      });
    }
    test('TE: trailers passes', async () => {
      const seen = await forwarded(gateway, request('GET /f', ['TE: trailers', 'Connection: TE']));
      assert.equal(valueOf(seen, 'te'), 'trailers');
    });
    test('they are removed from a response', async () => {
      gateway.upstream.script = answering(
        // oxfmt-ignore
        `HTTP/1.1 200 OK\r\n${[
          'Connection: keep-alive, X-Hop, set-cookie, content-length', 'X-Hop: 1', 'Keep-Alive: timeout=1',
          'Proxy-Connection: x', 'Proxy-Authenticate: Basic', 'Trailer: X', 'TE: x', 'Upgrade: h2c', 'Set-Cookie: a=b',
          'Set-Cookie: c=d', 'X-End: 1', 'Content-Length: 2', 'X-Upstream: 1',
        ].join('\r\n')}\r\n\r\nok`,
      );
      const client = await WireClient.open(gateway);
      const [response] = await client.send(request('GET /f')).untilResponses(1);
      const message = response ?? assert.fail();
      // oxfmt-ignore
      for (const name of [
        'x-hop', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'trailer', 'te', 'upgrade',
      ]) {
        assert.deepEqual(valuesOf(message, name), [], name);
      }
      assert.deepEqual(valuesOf(message, 'set-cookie'), ['a=b', 'c=d']);
      assert.equal(valueOf(message, 'x-end'), '1');
      assert.equal(message.body.toString(), 'ok');
      gateway.upstream.takeRequests();
      client.destroy();
    });
  });

  describe('I09 a PROXY protocol header where it is off is bytes: 400', () => {
    const v2 = '\r\n\r\n\x00\r\nQUIT\n';
    // oxfmt-ignore
    for (const prefix of [
      'PROXY TCP4 6.6.6.6 127.0.0.1 1 80\r\n', 'PROXY TCP6 ::1 ::1 1 80\r\n', 'PROXY UNKNOWN\r\n',
      `PROXY UNKNOWN ${'x'.repeat(120)}\r\n`, 'PROXY \r\n',
      `${v2}\x21\x11\x00\x0c\x06\x06\x06\x06\x7f\x00\x00\x01\x00\x01\x00\x50`, `${v2}\x20\x00\x00\x00`,
      `${v2}\x21\x11\xff\xff`,
      v2,
    ]) {
      test(JSON.stringify(prefix.slice(0, 60)), () => refused(gateway, prefix + request('GET /f')));
    }
  });

  describe('I10 loops', () => {
    test('Via names the gateway, after those before it', async () => {
      const own = valuesOf(await forwarded(gateway, request('GET /f')), 'via');
      assert.equal(own.length, 1);
      assert.match(own[0] ?? '', /^1\.1 \S+$/);
      const seen = await forwarded(gateway, request('GET /f', ['Via: 1.0 fred', 'Via: 1.1 other']));
      assert.deepEqual(valueOf(seen, 'via')?.split(/, */), ['1.0 fred', '1.1 other', own[0]]);
      const old = await forwarded(gateway, request('GET /f HTTP/1.0', ['Host: h']));
      assert.match(valueOf(old, 'via') ?? '', /^1\.0 \S+$/);
    });
    test('a request that came through the gateway too often is 508', async () => {
      const own = valueOf(await forwarded(gateway, request('GET /f')), 'via') ?? '';
      for (const fields of [
        [`Via: ${Array.from({ length: 100 }, () => own).join(', ')}`],
        Array.from({ length: 60 }, () => `Via: ${own}`),
      ]) {
        const client = await WireClient.open(gateway);
        const [response] = await client.send(request('GET /f', fields)).untilResponses(1);
        assert.equal(statusOf(response ?? assert.fail()), 508);
        assert.equal(gateway.upstream.untakenBytes, 0);
        client.destroy();
      }
    });
  });
});

test('I10 a gateway that forwards to itself ends in 508', async () => {
  const gateway = await startGateway({ loop: true });
  const client = await WireClient.open(gateway);
  const [response] = await client.send(request('GET /f')).untilResponses(1);
  assert.equal(statusOf(response ?? assert.fail()), 508);
  client.destroy();
  await gateway.close();
});
