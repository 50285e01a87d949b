// P01–P04, I02, I03, I05, I06, I07, I08 and I10 where a request comes by HTTP/2: one codec more, the same rules. The endpoint sees what it
// would see of the same request by HTTP/1.1.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2';
import { after, describe, test } from 'node:test';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { FrameClient, headers, requestFields } from '../../harness/http2-frames.ts';
import { valuesOf } from '../../harness/http1-message.ts';
import type { Message } from '../../harness/http1-message.ts';
import type { Recorder } from '../../harness/recorder.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';

interface Stage {
  readonly gateway: RunningEngine;
  readonly upstream: Recorder;
  readonly session: ClientHttp2Session;
}

async function startPlain(bed: TestBed): Promise<Stage> {
  const upstream = await bed.upstream();
  const gateway = await bed.gateway(upstream.port);
  return { gateway, upstream, session: open(bed, gateway, 'http') };
}

function open(bed: TestBed, gateway: RunningEngine, scheme: string, options = {}): ClientHttp2Session {
  const { address, port } = gateway.address();
  const session = connect(`${scheme}://${address}:${port}`, options);
  session.on('error', () => {});
  bed.atEnd(() => session.destroy());
  return session;
}

async function ask(session: ClientHttp2Session, fields: OutgoingHttpHeaders = {}): Promise<number> {
  const stream = session.request({ ':path': '/', ':authority': 'example.com', ...fields });
  stream.resume();
  const [answer] = (await once(stream, 'response')) as [{ readonly ':status': number }];
  return answer[':status'];
}

/** What the endpoint saw of a request that was served. */
async function forwarded({ session, upstream }: Stage, fields: OutgoingHttpHeaders): Promise<Message> {
  assert.equal(await ask(session, fields), 200);
  const [seen = assert.fail('nothing was forwarded'), ...more] = upstream.takeRequests();
  assert.equal(more.length, 0);
  return seen;
}

describe('paths', { timeout: 20_000 }, () => {
  for (const [id, path, seen] of [
    ['P01', '/a/../b', '/b'],
    ['P01', '/a/%2e%2E/b?x=/../y', '/b?x=/../y'],
    ['P01', '/..', 400],
    ['P01', '/a/..%2fb', 400],
    ['P01', '/..;/b', 400],
    ['P02', '/a//b', '/a/b'],
    ['P02', '//evil/x', '/evil/x'],
    ['P03', '/a%2Fb', '/a%2Fb'],
    ['P03', '/a%252e', '/a%252e'],
    ['P03', '/a\\b', 400],
    ['P03', '/a%5Cb', 400],
    ['P03', '/a%00', 400],
    ['P03', '/%c0%af', 400],
    ['P04', '/%zz', 400],
    ['P04', '/%', 400],
  ] as const) {
    test(`${id} ${path}: ${seen}`, async (t) => {
      const stage = await startPlain(new TestBed(t));
      if (typeof seen === 'string') {
        assert.equal((await forwarded(stage, { ':path': path })).startLine[1], seen);
      } else {
        assert.equal(await ask(stage.session, { ':path': path }), seen);
        assert.equal(stage.upstream.untakenBytes, 0);
      }
      assert.equal((await stage.gateway.logged()).status, typeof seen === 'string' ? 200 : seen);
    });
  }
});

describe('who somebody is', { timeout: 20_000 }, () => {
  test('I05 what a client says of its origin is replaced', async (t) => {
    const claims = ['forwarded', 'x-real-ip', 'x-envoy-internal', 'x-forwarded-port'];
    const replaced = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id'];
    const forged = Object.fromEntries([...claims, ...replaced].map((name) => [name, '6.6.6.6']));
    const seen = await forwarded(await startPlain(new TestBed(t)), forged);
    for (const name of claims) assert.deepEqual(valuesOf(seen, name), [], name);
    assert.deepEqual(valuesOf(seen, 'x-forwarded-for'), ['127.0.0.1']);
    assert.deepEqual(valuesOf(seen, 'x-forwarded-proto'), ['http']);
    assert.deepEqual(valuesOf(seen, 'x-forwarded-host'), ['example.com']);
    assert.doesNotMatch(valuesOf(seen, 'x-request-id').join(), /6\.6/);
  });

  test('I06 nobody brings an identity of the mesh', async (t) => {
    const names = ['l5d-client-id', 'x-forwarded-client-cert', 'x-jwt-sub'];
    const forged = Object.fromEntries(names.map((name) => [name, 'admin']));
    const seen = await forwarded(await startPlain(new TestBed(t)), forged);
    for (const name of names) assert.deepEqual(valuesOf(seen, name), [], name);
  });

  test('I07 a name with an underscore is refused', async (t) => {
    const { session, upstream } = await startPlain(new TestBed(t));
    assert.equal(await ask(session, { x_forwarded_for: '6.6.6.6' }), 400);
    assert.equal(upstream.untakenBytes, 0);
  });

  test('I08 te: trailers passes; what HTTP/1.1 would take for its own is not made of fields', async (t) => {
    const seen = await forwarded(await startPlain(new TestBed(t)), {
      te: 'trailers',
      'proxy-authorization': 'Basic x',
    });
    assert.deepEqual(valuesOf(seen, 'te'), ['trailers']);
    assert.deepEqual(valuesOf(seen, 'proxy-authorization'), []);
    assert.deepEqual(valuesOf(seen, 'transfer-encoding'), []);
  });

  test('I10 the eighth passage is 508', async (t) => {
    const stage = await startPlain(new TestBed(t));
    const passages = (count: number): OutgoingHttpHeaders => ({
      via: Array.from({ length: count }, () => '1.1 sluice').join(', '),
    });
    assert.equal(valuesOf(await forwarded(stage, passages(1)), 'via').length > 0, true);
    assert.equal(await ask(stage.session, passages(8)), 508);
    assert.equal(stage.upstream.untakenBytes, 0);
  });
});

describe('which host is meant', { timeout: 20_000 }, () => {
  const authority = new CertificateAuthority();
  after(() => authority.remove());
  const PAIR = certificate('pair', authority.issue('a.example', 'b.example', 'nobody.test'));

  async function startSecure(bed: TestBed): Promise<ClientHttp2Session> {
    const upstream = await bed.upstream();
    const hosts = ['a', 'b'].map((name) =>
      virtualHost({ name, hostname: `${name}.example`, certificates: [PAIR.key] }),
    );
    const gateway = await bed.engine([
      PAIR,
      listener({ port: 443, protocol: 'TLS', virtualHosts: hosts }),
      cluster('a', [upstream.port]),
      ...hosts.map(({ name, hostname }) => route(name, [{ backends: ['a'] }], { virtualHost: name, hostname })),
    ]);
    return open(bed, gateway, 'https', { ca: authority.pem, servername: 'a.example' });
  }

  test('I03 a connection for one host serves no other: 421 where it is somebody’s, 404 where it is nobody’s', async (t) => {
    const session = await startSecure(new TestBed(t));
    assert.equal(await ask(session, { ':authority': 'a.example' }), 200);
    assert.equal(await ask(session, { ':authority': 'b.example' }), 421);
    assert.equal(await ask(session, { ':authority': 'nobody.test' }), 404);
    assert.equal(await ask(session, { ':authority': 'A.example.:443' }), 200, 'the connection goes on');
  });

  test('I02 an authority that Host contradicts is refused', async (t) => {
    const bed = new TestBed(t);
    const { gateway, upstream } = await startPlain(bed);
    const client = await FrameClient.open({ ...gateway.address(), isTls: false });
    bed.atEnd(() => client.destroy());
    client.send(headers(1, requestFields('GET', '/', ['host', 'evil.example'])));
    assert.equal(await client.status(1), 400);
    assert.equal(upstream.untakenBytes, 0);
  });
});
