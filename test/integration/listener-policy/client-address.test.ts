// I05: who the client is, where proxies in front are trusted to say it, and only they.
import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { valueOf, valuesOf } from '../../harness/http1-message.ts';
import type { Message } from '../../harness/http1-message.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';

interface Told {
  readonly message: Message;
  readonly loggedAddress: string;
}

async function send(bed: TestBed, hops: number, fields: readonly string[]): Promise<Told> {
  const upstream = await bed.upstream();
  const gateway = await bed.engine([
    listener({ settings: { trustedHops: hops } }),
    cluster('a', [upstream.port]),
    route('r', [{ backends: ['a'] }]),
  ]);
  const client = await bed.client(gateway);
  await client.send(request('GET /', fields)).untilResponses(1);
  const [message] = upstream.takeRequests();
  return { message: message ?? assert.fail(), loggedAddress: (await gateway.logged()).remoteAddress };
}

describe('I05 X-Forwarded-For', { timeout: 20_000 }, () => {
  for (const [hops, list, forwarded, client] of [
    [0, '192.0.2.1', '127.0.0.1', '127.0.0.1'],
    [1, '192.0.2.1', '192.0.2.1, 127.0.0.1', '192.0.2.1'],
    [1, '6.6.6.6, 192.0.2.1', '6.6.6.6, 192.0.2.1, 127.0.0.1', '192.0.2.1'],
    [2, '6.6.6.6, 192.0.2.1,192.0.2.2', '6.6.6.6, 192.0.2.1,192.0.2.2, 127.0.0.1', '192.0.2.1'],
    [1, '2001:db8::1', '2001:db8::1, 127.0.0.1', '2001:db8::1'],
    // What says less than trusted proxies would have: the peer is the client.
    [2, '6.6.6.6', '6.6.6.6, 127.0.0.1', '127.0.0.1'],
    [1, undefined, '127.0.0.1', '127.0.0.1'],
    // No IP address is no address; and it does not make room for the one before, which anybody can send.
    [1, '6.6.6.6, unknown', '6.6.6.6, unknown, 127.0.0.1', '127.0.0.1'],
    [1, '6.6.6.6,', '6.6.6.6,, 127.0.0.1', '127.0.0.1'],
    [1, '192.0.2.1:80', '192.0.2.1:80, 127.0.0.1', '127.0.0.1'],
    [10, '1.1.1.1,2.2.2.2,3.3.3.3', '1.1.1.1,2.2.2.2,3.3.3.3, 127.0.0.1', '127.0.0.1'],
  ] as const) {
    test(`${hops} trusted, ${list ?? 'none'}: the client is ${client}`, async (t) => {
      const fields = list === undefined ? [] : [`X-Forwarded-For: ${list}`];
      const { message, loggedAddress } = await send(new TestBed(t), hops, fields);
      assert.deepEqual(valuesOf(message, 'x-forwarded-for'), [forwarded]);
      assert.equal(loggedAddress, client);
    });
  }

  test('several fields are one list', async (t) => {
    const fields = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 192.0.2.2'];
    const { message, loggedAddress } = await send(new TestBed(t), 2, fields);
    assert.deepEqual(valuesOf(message, 'x-forwarded-for'), ['6.6.6.6,192.0.2.1,192.0.2.2, 127.0.0.1']);
    assert.equal(loggedAddress, '192.0.2.1');
  });

  test('over HTTP/2', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.engine([
      listener({ settings: { trustedHops: 1 } }),
      cluster('a', [upstream.port]),
      route('r', [{ backends: ['a'] }]),
    ]);
    const { address, port } = gateway.address();
    const session = connect(`http://${address}:${port}`);
    bed.atEnd(() => session.destroy());
    const stream = session.request({ ':path': '/', 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' });
    await once(stream, 'response');
    const [message] = upstream.takeRequests();
    assert.equal(message && valueOf(message, 'x-forwarded-for'), '192.0.2.1, 127.0.0.1');
    assert.equal(message && valueOf(message, 'x-forwarded-proto'), 'https');
    assert.equal((await gateway.logged()).remoteAddress, '192.0.2.1');
  });
});

describe('I05 X-Forwarded-Proto', { timeout: 20_000 }, () => {
  for (const [hops, told, forwarded] of [
    [0, 'https', 'http'],
    [1, 'https', 'https'],
    [1, 'HTTPS', 'https'],
    [2, 'https', 'https'],
    [1, 'http, https', 'https'],
    [2, 'https, http', 'https'],
    [1, 'wss', 'http'],
    [1, '', 'http'],
    [1, undefined, 'http'],
  ] as const) {
    test(`${hops} trusted, ${told ?? 'none'}: ${forwarded}`, async (t) => {
      const fields = told === undefined ? [] : [`X-Forwarded-Proto: ${told}`];
      const { message } = await send(new TestBed(t), hops, fields);
      assert.deepEqual(valuesOf(message, 'x-forwarded-proto'), [forwarded]);
    });
  }
});

test('I05 all other claims are dropped, whoever is trusted', { timeout: 20_000 }, async (t) => {
  const { message } = await send(new TestBed(t), 3, [
    'Forwarded: for=6.6.6.6',
    'X-Real-IP: 6.6.6.6',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Client-Cert: x',
    'X-Envoy-Internal: true',
    'X-Request-Id: mine',
  ]);
  assert.deepEqual(valuesOf(message, 'x-forwarded-host'), ['example.com']);
  for (const name of ['forwarded', 'x-real-ip', 'x-forwarded-port', 'x-forwarded-client-cert', 'x-envoy-internal'])
    assert.deepEqual(valuesOf(message, name), [], name);
  assert.notEqual(valueOf(message, 'x-request-id'), 'mine');
});
