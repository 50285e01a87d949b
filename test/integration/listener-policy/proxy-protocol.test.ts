// I09: the PROXY protocol, where a listener wants it from some sources: from them always, from others never.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { connect as connectHttp2 } from 'node:http2';
import type { Listener, ListenerSettings } from '../../../src/ir/listener.ts';
import { proxyHeader } from '../../../src/dataplane/codec/proxy-protocol.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import type { Recorder } from '../../harness/recorder.ts';
import { backend, certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { EngineSetup, RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { startHaproxy } from '../proxy-protocol/haproxy.ts';

const CLIENT = { address: '198.51.100.7', port: 4711 };
const BEFORE_US = { address: '203.0.113.9', port: 443 };
const HEADERS = { 'version 1': proxyHeader(1, CLIENT, BEFORE_US), 'version 2': proxyHeader(2, CLIENT, BEFORE_US) };
const LOCAL = Buffer.from('\r\n\r\n\0\r\nQUIT\n\x20\0\0\0', 'latin1');
const TRUSTING: ListenerSettings = { proxySources: ['127.0.0.0/8'] };

const authority = new CertificateAuthority();
after(() => authority.remove());
const SERVER = certificate('server', authority.issue('a.example'));

interface Setting {
  readonly gateway: RunningEngine;
  readonly upstream: Recorder;
}

async function start(bed: TestBed, setup: Partial<Listener> = {}, engine: EngineSetup = {}): Promise<Setting> {
  const upstream = await bed.upstream();
  const resources = [
    SERVER,
    listener({ settings: TRUSTING, ...setup }),
    cluster('a', [upstream.port]),
    route('r', [{ backends: ['a'] }]),
  ];
  return { gateway: await bed.engine(resources, engine), upstream };
}

const SECURE: Partial<Listener> = { protocol: 'TLS', virtualHosts: [virtualHost({ certificates: [SERVER.key] })] };

function malformed({ metrics }: RunningEngine): number {
  return metrics.protocolErrors.cell({ address: '127.0.0.1:0' }).value('proxy_header_malformed');
}

async function assertTold({ gateway, upstream }: Setting, address: string): Promise<void> {
  const [forwarded] = upstream.takeRequests();
  assert.equal(forwarded && valueOf(forwarded, 'x-forwarded-for'), address);
  assert.equal((await gateway.logged()).remoteAddress, address);
}

describe('I09 from a trusted source', { timeout: 20_000 }, () => {
  for (const [version, header] of Object.entries(HEADERS)) {
    for (const pieces of ['one piece', 'single bytes', 'the header first'] as const) {
      test(`${version} in ${pieces} tells the client, and is not part of the request`, async (t) => {
        const bed = new TestBed(t);
        const setting = await start(bed);
        const client = await bed.client(setting.gateway);
        const bytes = Buffer.concat([header, Buffer.from(request('GET /'))]);
        if (pieces === 'one piece') client.send(bytes);
        else if (pieces === 'single bytes') await client.sendPieces([...bytes].map((byte) => Buffer.from([byte])));
        else await client.sendPieces([header, bytes.subarray(header.length)]);
        const [answer] = await client.untilResponses(1);
        assert.equal(answer && statusOf(answer), 200);
        await assertTold(setting, CLIENT.address);
        assert.equal(malformed(setting.gateway), 0);
      });
    }

    test(`${version} before HTTP/2 with prior knowledge`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed);
      const { address, port } = setting.gateway.address();
      const session = connectHttp2('http://a.example', {
        createConnection: () => {
          const socket = connectTcp(port, address);
          socket.write(header);
          return socket;
        },
      });
      bed.atEnd(() => session.destroy());
      const stream = session.request({ ':path': '/' });
      const [fields] = (await once(stream, 'response')) as [Record<string, unknown>];
      assert.equal(fields[':status'], 200);
      await assertTold(setting, CLIENT.address);
    });

    test(`${version} before a TLS handshake`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed, SECURE);
      const { address, port } = setting.gateway.address();
      const socket = connectTcp(port, address);
      bed.atEnd(() => socket.destroy());
      socket.write(header);
      const client = connectTls({ socket, servername: 'a.example', ca: authority.pem });
      client.write(request('GET /', ['Host: a.example', 'Connection: close']));
      let answer = '';
      for await (const chunk of client) answer += String(chunk);
      assert.match(answer, /^HTTP\/1\.1 200 /);
      await assertTold(setting, CLIENT.address);
    });
  }

  test('LOCAL: the connection is the proxy’s own', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed);
    const client = await bed.client(setting.gateway);
    await client.send(Buffer.concat([LOCAL, Buffer.from(request('GET /'))])).untilResponses(1);
    await assertTold(setting, '127.0.0.1');
  });

  test('a second header is bytes of the request', async (t) => {
    const bed = new TestBed(t);
    const { gateway, upstream } = await start(bed);
    const client = await bed.client(gateway);
    const header = HEADERS['version 1'];
    await client.send(Buffer.concat([header, header, Buffer.from(request('GET /'))])).untilClosed();
    assert.equal(statusOf(client.responses()[0] ?? assert.fail()), 400);
    assert.equal(upstream.connections.size, 0);
  });

  for (const [what, bytes] of [
    ['no header', request('GET /')],
    ['a header that is cut off by something else', 'PROXY TCP4 198.51.100.7 203.0.113.9 4711\r\nGET / HTTP/1.1\r\n'],
    ['an overlong line', `PROXY TCP4 ${'1'.repeat(108)}`],
    ['a length that does not fit', Buffer.concat([LOCAL.subarray(0, 12), Buffer.from([0x21, 0x11, 0, 4, 1, 2, 3, 4])])],
  ] as const) {
    for (const protocol of ['HTTP', 'TLS', 'TCP'] as const) {
      test(`${what}, ${protocol}: the connection is closed, unanswered, and counted`, async (t) => {
        const bed = new TestBed(t);
        const traffic = protocol === 'TCP' ? 'stream' : 'http';
        const certificates = protocol === 'TLS' ? [SERVER.key] : [];
        const { gateway, upstream } = await start(bed, {
          protocol,
          virtualHosts: [virtualHost({ traffic, certificates })],
        });
        const client = await bed.client(gateway);
        client.send(bytes);
        assert.equal((await client.untilClosed()).length, 0);
        assert.equal(client.end, 'reset');
        assert.equal(malformed(gateway), 1);
        assert.equal(upstream.connections.size, 0);
      });
    }
  }

  test('half a header: the connection is closed with the timeout for heads, and counted', async (t) => {
    const bed = new TestBed(t);
    const { gateway } = await start(bed, { settings: { ...TRUSTING, timeouts: { headMs: 80 } } });
    const client = await bed.client(gateway);
    await client.send('PROXY TCP4 198').untilClosed();
    assert.equal(client.end, 'reset');
    assert.equal(malformed(gateway), 1);
  });

  test('nothing at all, as a check of health does it: the connection is closed in order', async (t) => {
    const bed = new TestBed(t);
    const { gateway } = await start(bed, { settings: { ...TRUSTING, timeouts: { headMs: 80 } } });
    const client = await bed.client(gateway);
    await client.untilClosed();
    assert.equal(client.end, 'closed');
    assert.equal(malformed(gateway), 0);
  });
});

describe('I09 from elsewhere', { timeout: 20_000 }, () => {
  for (const [where, proxySources] of [
    ['nobody is trusted', undefined],
    ['others are trusted', ['192.0.2.0/24', '::/0']],
  ] as const) {
    for (const [version, header] of Object.entries(HEADERS)) {
      test(`where ${where}, ${version} is bytes: 400`, async (t) => {
        const bed = new TestBed(t);
        const settings = proxySources === undefined ? {} : { proxySources };
        const { gateway, upstream } = await start(bed, { settings });
        const client = await bed.client(gateway);
        await client.send(Buffer.concat([header, Buffer.from(request('GET /'))])).untilClosed();
        assert.equal(statusOf(client.responses()[0] ?? assert.fail()), 400);
        assert.equal(malformed(gateway), 0);
        assert.equal(upstream.connections.size, 0);
      });
    }
  }

  test('who sends none is served', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, { settings: { proxySources: ['192.0.2.0/24'] } });
    const client = await bed.client(setting.gateway);
    await client.send(request('GET /')).untilResponses(1);
    await assertTold(setting, '127.0.0.1');
  });
});

describe('PROXY headers of haproxy', { timeout: 30_000 }, () => {
  for (const option of ['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id']) {
    test(`${option}: the client of haproxy is told`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed);
      const port = await bed.closedPort();
      const { address, port: gatewayPort } = setting.gateway.address();
      const server = `server s ${address}:${gatewayPort} ${option}`;
      await startHaproxy(bed, `listen l\n  mode tcp\n  bind 127.0.0.1:${port}\n  ${server}\n`);
      const client = connectTcp({ port, host: '127.0.0.1', localAddress: '127.0.0.88' });
      bed.atEnd(() => client.destroy());
      client.write(request('GET /', ['Connection: close']));
      let answer = '';
      for await (const chunk of client) answer += String(chunk);
      assert.match(answer, /^HTTP\/1\.1 200 /);
      await assertTold(setting, '127.0.0.88');
    });
  }
});

describe('PROXY headers to endpoints', { timeout: 30_000 }, () => {
  for (const version of [1, 2] as const) {
    test(`version ${version}: haproxy behind a TCP route is told the client, whom a proxy before the gateway told`, async (t) => {
      const bed = new TestBed(t);
      const port = await bed.closedPort();
      const answer = 'http-request return status 200 content-type text/plain lf-string "%ci %cp %fi %fp"';
      await startHaproxy(bed, `frontend f\n  mode http\n  bind 127.0.0.1:${port} accept-proxy\n  ${answer}\n`);
      const gateway = await bed.engine([
        listener({ protocol: 'TCP', settings: TRUSTING, virtualHosts: [virtualHost({ traffic: 'stream' })] }),
        cluster('a', [port], { proxyProtocol: version }),
        {
          kind: 'streamRoute',
          key: 'route/TCPRoute/test/r',
          name: 'test/r',
          createdAtMs: 0,
          attachments: [{ virtualHost: virtualHost().name, hostnames: [{ served: '*', declared: '*' }] }],
          backends: [backend('a')],
        },
      ]);
      const client = await bed.client(gateway);
      client.send(Buffer.concat([HEADERS['version 2'], Buffer.from('GET / HTTP/1.0\r\n\r\n')]));
      const received = String(await client.untilClosed());
      client.finish();
      assert.equal(received.split('\r\n\r\n')[1], '198.51.100.7 4711 203.0.113.9 443');
      assert.equal((await gateway.logged()).remoteAddress, CLIENT.address);
    });
  }
});
