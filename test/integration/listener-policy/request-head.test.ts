// I07 and P03: what a listener may allow, refuse or redirect in heads that are refused, or kept, by default.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { describe, test } from 'node:test';
import type { ListenerSettings } from '../../../src/ir/listener.ts';
import { lastAnswer, refused, request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf, valuesOf } from '../../harness/http1-message.ts';
import type { Recorder } from '../../harness/recorder.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireAddress } from '../../harness/wire-client.ts';

interface Setting extends WireAddress {
  readonly gateway: RunningEngine;
  readonly upstream: Recorder;
}

async function start(bed: TestBed, settings: ListenerSettings): Promise<Setting> {
  const upstream = await bed.upstream();
  const gateway = await bed.engine([
    listener({ settings }),
    cluster('a', [upstream.port]),
    route('r', [{ backends: ['a'] }]),
  ]);
  return { gateway, upstream, ...gateway.address() };
}

/** The answer, and what the upstream got, if anything. */
async function ask(bed: TestBed, { gateway, upstream }: Setting, line: string, fields: readonly string[] = []) {
  const client = await bed.client(gateway);
  const [answer] = await client.send(request(line, fields)).untilResponses(1);
  return { answer: answer ?? assert.fail(), forwarded: upstream.takeRequests()[0] };
}

async function askHttp2(bed: TestBed, { address, port }: Setting, fields: Record<string, string>): Promise<unknown> {
  const session = connect(`http://${address}:${port}`);
  bed.atEnd(() => session.destroy());
  const [answer] = (await once(session.request({ ':path': '/', ...fields }), 'response')) as [Record<string, unknown>];
  return answer[':status'];
}

/** Taken for fields that frame, route or vouch by a server that reads `_` as `-`. */
const TWINS = [
  'content_length: 5',
  'Transfer_Encoding: chunked',
  'Proxy_Authorization: x',
  'X_Forwarded_For: 6.6.6.6',
  'x_forwarded-proto: https',
  'X_Real_Ip: 6.6.6.6',
  'x_request_id: mine',
  'x_envoy_internal: true',
  'x_jwt_sub: root',
];

describe('I07 names with underscores', { timeout: 20_000 }, () => {
  for (const settings of [{}, { allowsUnderscores: false }]) {
    test(`with ${JSON.stringify(settings)}: 400`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed, settings);
      await refused(setting, request('GET /', ['X_Mine: 1']));
      assert.equal(await askHttp2(bed, setting, { x_mine: '1' }), 400);
    });
  }

  test('allowed: forwarded as they are', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, { allowsUnderscores: true });
    const { forwarded } = await ask(bed, setting, 'GET /', ['X_Mine: 1']);
    assert.deepEqual(forwarded && valuesOf(forwarded, 'x_mine'), ['1']);
    assert.equal(await askHttp2(bed, setting, { x_mine: '2' }), 200);
    assert.deepEqual(valuesOf(setting.upstream.takeRequests()[0] ?? assert.fail(), 'x_mine'), ['2']);
  });

  for (const field of TWINS) {
    test(`allowed, but ${field}: 400 all the same`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed, { allowsUnderscores: true });
      await refused(setting, request('GET /', [field]));
      const [name = '', value = ''] = field.toLowerCase().split(': ');
      assert.equal(await askHttp2(bed, setting, { [name]: value }), 400);
    });
  }
});

describe('P03 escaped slashes', { timeout: 20_000 }, () => {
  for (const settings of [{}, { escapedSlashes: 'keep' }] as const) {
    test(`with ${JSON.stringify(settings)}: data`, async (t) => {
      const bed = new TestBed(t);
      const { forwarded } = await ask(bed, await start(bed, settings), 'GET /a%2Fb%2fc');
      assert.equal(forwarded?.startLine[1], '/a%2Fb%2fc');
    });
  }

  for (const escapedSlashes of ['reject', 'redirect'] as const) {
    test(`${escapedSlashes}: other paths go on, also where %252F is in them, which is no slash`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed, { escapedSlashes });
      for (const path of ['/', '/a/b', '/a%252Fb', '/a%20b?c=%2F'])
        assert.equal((await ask(bed, setting, `GET ${path}`)).forwarded?.startLine[1], path);
    });
  }

  test('reject: 400, nothing is forwarded', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, { escapedSlashes: 'reject' });
    for (const path of ['/%2F', '/a%2fb', '/a/%2F/b?c']) {
      const { answer, forwarded } = await ask(bed, setting, `GET ${path}`);
      assert.equal(statusOf(answer), 400, path);
      assert.equal(forwarded, undefined);
      const { status, flag } = await setting.gateway.logged();
      assert.deepEqual([status, flag], [400, 'DPE']);
    }
    assert.equal(await askHttp2(bed, setting, { ':path': '/a%2Fb' }), 400);
  });

  for (const [path, location] of [
    ['/a%2Fb', '/a/b'],
    ['/a%2fb%2Fc?d=%2F&e', '/a/b/c?d=%2F&e'],
    ['/%2Fevil.example', '/evil.example'],
    ['/%2f%2fevil.example%2f', '/evil.example/'],
    ['//%2F%2Fevil.example', '/evil.example'],
    ['/a/%2F', '/a/'],
    ['/a%2F%252Fb', '/a/%252Fb'],
    ['/%2F', '/'],
  ] as const) {
    test(`redirect: ${path} to ${location}, which is forwarded`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed, { escapedSlashes: 'redirect' });
      const { answer, forwarded } = await ask(bed, setting, `GET ${path}`);
      assert.equal(statusOf(answer), 307);
      assert.equal(valueOf(answer, 'location'), location);
      assert.equal(forwarded, undefined);
      const followed = await ask(bed, setting, `GET ${location}`);
      assert.equal(followed.forwarded?.startLine[1], location);
    });
  }

  test('redirect: a dot segment that would come of it is refused', async (t) => {
    const setting = await start(new TestBed(t), { escapedSlashes: 'redirect' });
    for (const path of ['/a%2F..%2Fb', '/..%2Fa', '/a%2F.']) await refused(setting, request(`GET ${path}`));
  });

  test('redirect: a body is not lost but sent again by the client, with its method', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, { escapedSlashes: 'redirect' });
    const client = await bed.client(setting.gateway);
    const [answer] = await client.send(request('POST /a%2Fb', ['Content-Length: 2'], 'ok')).untilResponses(1);
    assert.equal(answer && statusOf(answer), 307);
    assert.equal(setting.upstream.connections.size, 0);
  });
});

describe('limits of a listener', { timeout: 20_000 }, () => {
  for (const [what, settings, bytes, status] of [
    ['head', { maxHeadBytes: 1_024 }, request('GET /', [`X: ${'a'.repeat(1_100)}`]), 431],
    ['target', { maxUriBytes: 128 }, request(`GET /${'a'.repeat(128)}`), 414],
    ['fields', { maxHeaderCount: 3 }, request('GET /', ['A: 1', 'B: 2', 'C: 3']), 431],
    ['declared body', { maxBodyBytes: 4 }, request('POST /', ['Content-Length: 5'], 'abcde'), 413],
  ] as const) {
    test(`${what}: ${status}, where another listener of the gateway has no such limit`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed, { limits: settings });
      await lastAnswer(setting, bytes, [status], 1);
      const other = await start(bed, { limits: {} });
      const client = await bed.client(other.gateway);
      const [answer] = await client.send(bytes).untilResponses(1);
      assert.equal(answer && statusOf(answer), 200);
    });
  }

  test('requests on a connection', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, { limits: { maxRequestsPerConnection: 2 } });
    const client = await bed.client(setting.gateway);
    await client.send(request('GET /').repeat(3)).untilClosed();
    assert.deepEqual(client.responses().map(statusOf), [200, 200]);
  });

  test('HTTP/2: streams at once, head, target, body', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, {
      limits: { maxConcurrentStreams: 7, maxHeadBytes: 1_024, maxUriBytes: 128, maxHeaderCount: 3 },
    });
    const session = connect(`http://${setting.address}:${setting.port}`);
    bed.atEnd(() => session.destroy());
    await once(session, 'remoteSettings');
    assert.equal(session.remoteSettings.maxConcurrentStreams, 7);
    assert.equal(await askHttp2(bed, setting, { ':path': `/${'a'.repeat(128)}` }), 414);
    assert.equal(await askHttp2(bed, setting, { x: 'a'.repeat(1_000) }), 431);
    assert.equal(await askHttp2(bed, setting, { a: '1', b: '2', c: '3', d: '4' }), 431);
  });

  test('connections: the idle one goes, as on other listeners', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, { limits: { maxConnections: 1 } });
    const first = await bed.client(setting.gateway);
    await first.send(request('GET /')).untilResponses(1);
    const second = await bed.client(setting.gateway);
    await second.send(request('GET /')).untilResponses(1);
    await first.untilClosed();
  });
});
