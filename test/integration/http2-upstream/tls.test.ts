// TLS towards HTTP/2 endpoints: what ALPN settles, whom the certificate names, and as whom the gateway comes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { Server as TlsServer, TLSSocket, TlsOptions } from 'node:tls';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { ADDRESS, certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { Cluster, UpstreamTls } from '../../../src/ir/cluster.ts';
import type { Resource } from '../../../src/ir/ir.ts';
import { ask, gatewayTo, metric, statusesOf } from './http2-gateway.ts';
import { echo, Http2Upstream } from './http2-upstream.ts';
import { echoWebSocket } from '../forward/websocket-server.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const pair = authority.issue('up.example', '*.wild.example');
const TLS: UpstreamTls = { serverName: 'up.example', caPem: authority.pem };
const SERVER: TlsOptions = { cert: pair.chain, key: pair.key };

/** A TLS server that serves by the protocol it settles. */
class TlsUpstream {
  readonly sockets: TLSSocket[] = [];
  /** What carried each request of HTTP/1.1. */
  readonly http1Requests: TLSSocket[] = [];
  readonly http2: Http2Upstream;
  readonly #http1 = createHttpServer((incoming, answer) => {
    this.http1Requests.push(incoming.socket as TLSSocket);
    answer.end('ok');
  });
  readonly #server: TlsServer;

  private constructor(http2: Http2Upstream, options: TlsOptions) {
    this.http2 = http2;
    this.#server = createTlsServer({ ...SERVER, ALPNProtocols: ['h2', 'http/1.1'], ...options }, (socket) => {
      this.sockets.push(socket);
      socket.on('error', () => {});
      if (socket.alpnProtocol === 'h2') http2.accept(socket);
      else this.onHttp1(socket);
    });
    this.#server.on('tlsClientError', () => {});
  }

  static async listen(bed: TestBed, options: TlsOptions = {}): Promise<TlsUpstream> {
    const upstream = new TlsUpstream(await Http2Upstream.listen(bed, echo, { ...SERVER }), options);
    upstream.#server.listen(0, ADDRESS);
    await once(upstream.#server, 'listening');
    bed.atEnd(() => {
      for (const socket of upstream.sockets) socket.destroy();
      upstream.#server.close();
    });
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  onHttp1: (socket: TLSSocket) => void = (socket) => this.#http1.emit('connection', socket);
}

async function negotiated(bed: TestBed, port: number, setup: Partial<Cluster> = {}): Promise<RunningEngine> {
  return await gatewayTo(bed, port, { cluster: { protocol: 'negotiated', tls: TLS, ...setup } });
}

describe('ALPN', { timeout: 60_000 }, () => {
  test('http2: h2 is settled', async (t) => {
    const bed = new TestBed(t);
    const { http2, port, sockets } = await TlsUpstream.listen(bed);
    const gateway = await gatewayTo(bed, port, { cluster: { tls: TLS } });
    const client = await bed.client(gateway);
    for (let i = 0; i < 5; i++) assert.equal(await ask(client, request('POST /', ['Content-Length: 5'], 'hello')), 200);
    assert.equal(http2.requests[0]?.headers[':scheme'], 'https');
    const [{ alpnProtocol, servername } = assert.fail(), ...others] = sockets as (TLSSocket & { servername: string })[];
    assert.deepEqual([alpnProtocol, servername, others], ['h2', 'up.example', []]);
  });

  test('an endpoint that leaves the configuration during the handshake serves who waits for it', async (t) => {
    const bed = new TestBed(t);
    const [arrived, applied] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const SNICallback: TlsOptions['SNICallback'] = (_name, done) => {
      arrived.resolve();
      void applied.promise.then(() => done(null));
    };
    const upstream = await TlsUpstream.listen(bed, { ALPNProtocols: ['http/1.1'], SNICallback });
    const gateway = await negotiated(bed, upstream.port);
    const clients = [await bed.client(gateway), await bed.client(gateway), await bed.client(gateway)];
    for (const client of clients) client.send(request('GET /'));
    await arrived.promise;
    await gateway.apply(listener());
    applied.resolve();
    assert.deepEqual(await statusesOf(clients), [200, 200, 200]);
    assert.equal(upstream.sockets.length, 3);
    assert.equal(metric(gateway, 'upstreamActiveConnections'), 0);
    assert.equal(metric(gateway, 'upstreamIdleConnections'), 0);
  });

  for (const [what, ALPNProtocols] of [
    ['settles http/1.1', ['http/1.1']],
    ['settles nothing', undefined],
  ] as const) {
    test(`http2: an endpoint that ${what} gets no request: 503`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await TlsUpstream.listen(bed, { ALPNProtocols: ALPNProtocols && [...ALPNProtocols] });
      let received = '';
      upstream.onHttp1 = (socket) => socket.on('data', (chunk) => (received += chunk.toString('latin1')));
      const gateway = await gatewayTo(bed, upstream.port, { cluster: { tls: TLS } });
      assert.equal(await ask(await bed.client(gateway), request('GET /secret')), 503);
      assert.equal((await gateway.logged()).flag, 'UF');
      assert.equal(received, '');
      assert.equal(metric(gateway, 'upstreamActiveConnections'), 0);
    });
  }

  test('negotiated: an endpoint of both is spoken to by HTTP/2, by all who waited', async (t) => {
    const bed = new TestBed(t);
    const { port, sockets, http2 } = await TlsUpstream.listen(bed);
    const gateway = await negotiated(bed, port);
    const clients = await Promise.all(Array.from({ length: 10 }, () => bed.client(gateway)));
    assert.deepEqual(await Promise.all(clients.map((client) => ask(client))), Array(10).fill(200));
    assert.deepEqual([sockets.length, http2.requests.length], [1, 10]);
    assert.equal(metric(gateway, 'upstreamConnects'), 1);
    assert.equal(metric(gateway, 'upstreamPendingRequests'), 0);
  });

  for (const [what, ALPNProtocols] of [
    ['of HTTP/1.1', ['http/1.1']],
    ['that settles nothing', undefined],
  ] as const) {
    test(`negotiated: an endpoint ${what} is spoken to by HTTP/1.1, on the connection that found out, too`, async (t) => {
      const bed = new TestBed(t);
      const { port, sockets } = await TlsUpstream.listen(bed, { ALPNProtocols: ALPNProtocols && [...ALPNProtocols] });
      const gateway = await negotiated(bed, port);
      const clients = await Promise.all(Array.from({ length: 4 }, () => bed.client(gateway)));
      assert.deepEqual(await Promise.all(clients.map((client) => ask(client))), Array(4).fill(200));
      for (let i = 0; i < 10; i++) assert.equal(await ask(clients[0] ?? assert.fail()), 200);
      assert.ok(sockets.length <= 4);
      assert.equal(metric(gateway, 'upstreamConnects'), sockets.length);
      assert.equal(metric(gateway, 'upstreamIdleConnections'), sockets.length);
    });
  }

  test('negotiated: when the last connection is gone, the next decides anew', async (t) => {
    const bed = new TestBed(t);
    let settles = '';
    const { port, sockets } = await TlsUpstream.listen(bed, { ALPNProtocols: undefined, ALPNCallback: () => settles });
    const gateway = await negotiated(bed, port, { idleTimeoutMs: 60 });
    for (settles of ['http/1.1', 'h2', 'http/1.1']) {
      assert.equal(await ask(await bed.client(gateway)), 200);
      const socket = sockets.at(-1) ?? assert.fail();
      assert.equal(socket.alpnProtocol, settles);
      if (!socket.closed) await once(socket, 'close');
    }
    assert.equal(sockets.length, 3);
  });

  test('negotiated: an endpoint that fails the handshake fails all who wait', async (t) => {
    const bed = new TestBed(t);
    const upstream = await TlsUpstream.listen(bed);
    const gateway = await negotiated(bed, upstream.port, { tls: { ...TLS, serverName: 'other.example' } });
    const clients = await Promise.all(Array.from({ length: 4 }, () => bed.client(gateway)));
    assert.deepEqual(await Promise.all(clients.map((client) => ask(client))), Array(4).fill(503));
    assert.equal(metric(gateway, 'upstreamPendingRequests'), 0);
    assert.equal(metric(gateway, 'upstreamActiveConnections'), 0);
  });

  test('negotiated: a WebSocket to an HTTP/2 endpoint without extended CONNECT gets a connection of HTTP/1.1', async (t) => {
    const bed = new TestBed(t);
    const upstream = await TlsUpstream.listen(bed);
    upstream.onHttp1 = echoWebSocket;
    const gateway = await negotiated(bed, upstream.port);
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
    for (let i = 0; i < 2; i++) {
      const client = (await bed.client(gateway)).send(request('GET /chat', upgrade));
      await client.untilText('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
      assert.equal(await ask(await bed.client(gateway)), 200);
    }
    assert.deepEqual(
      upstream.sockets.map(({ alpnProtocol }) => alpnProtocol),
      ['h2', 'http/1.1', 'http/1.1'],
    );
    assert.equal(metric(gateway, 'upstreamActiveConnections') + metric(gateway, 'upstreamIdleConnections'), 3);
  });
});

describe('names of the endpoint', { timeout: 60_000 }, () => {
  /** A leaf with exactly this subjectAltName, and `cn.example` as its common name. */
  function issue(subjectAltName: string): { readonly ca: string; readonly cert: string; readonly key: string } {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-san-'));
    try {
      writeFileSync(
        join(folder, 'c.cnf'),
        `[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=cn.example\n[ext]\nbasicConstraints=critical,CA:true\n${subjectAltName}\n`,
      );
      const options =
        '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 -config c.cnf';
      execFileSync('openssl', ['req', '-x509', ...options.split(' ')], { cwd: folder, stdio: 'ignore' });
      const cert = readFileSync(join(folder, 'cert.pem'), 'utf8');
      return { ca: cert, cert, key: readFileSync(join(folder, 'key.pem'), 'utf8') };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  const dns = (value: string): { type: 'hostname'; value: string } => ({ type: 'hostname', value });
  const uri = (value: string): { type: 'uri'; value: string } => ({ type: 'uri', value });
  const both = issue('subjectAltName=DNS:a.example,DNS:*.wild.example,URI:spiffe://x/ns/a');
  const quoted = issue('subjectAltName=@names\n[names]\nDNS.1=a.example\nURI.1=spiffe://x/a?b=c\\,URI:spiffe://x/evil');
  const commonName = issue('subjectKeyIdentifier=hash');

  for (const [what, leaf, names, status] of [
    ['one of several host names', both, [dns('b.example'), dns('a.example')], 200],
    ['a host name under a wildcard', both, [dns('x.wild.example')], 200],
    ['two labels under a wildcard', both, [dns('x.y.wild.example')], 503],
    ['another host name, though the server name would do', both, [dns('b.example')], 503],
    ['a URI', both, [uri('spiffe://x/ns/a')], 200],
    ['a URI beside a host name that is not there', both, [dns('b.example'), uri('spiffe://x/ns/a')], 200],
    ['a part of a URI', both, [uri('spiffe://x/ns')], 503],
    ['a host name as URI', both, [uri('a.example')], 503],
    ['a URI that is only part of another', quoted, [uri('spiffe://x/evil')], 503],
    ['a common name', commonName, [dns('cn.example')], 503],
    ['no name at all', both, [], 503],
  ] as const) {
    for (const protocol of ['http1', 'http2', 'negotiated'] as const) {
      test(`${what}, ${protocol}: ${status}`, async (t) => {
        const bed = new TestBed(t);
        const { port } = await TlsUpstream.listen(bed, { cert: leaf.cert, key: leaf.key });
        const tls = { serverName: 'a.example', caPem: leaf.ca, subjectAltNames: names };
        const gateway = await gatewayTo(bed, port, { cluster: { protocol, tls } });
        assert.equal(await ask(await bed.client(gateway)), status);
      });
    }
  }
});

describe('E05 client certificates', { timeout: 60_000 }, () => {
  const [one, two] = [authority.issueForClient('one'), authority.issueForClient('two')];
  const MUTUAL: TlsOptions = { requestCert: true, rejectUnauthorized: true, ca: authority.pem };

  /** Two virtual hosts, `one.example` and `two.example`, that come as themselves, and `none.example`. */
  function resources(clusters: readonly Cluster[], ...certificates: readonly Resource[]): Resource[] {
    const hosts = ['one', 'two', 'none'].map((name) =>
      virtualHost({
        name: `test/${name}`,
        hostname: `${name}.example`,
        ...(name === 'none' ? {} : { backendClientCertificate: `certificate/test/${name}` }),
      }),
    );
    const routes = hosts.map(({ name }) => route(name, [{ backends: ['a'] }], { virtualHost: name }));
    return [listener({ virtualHosts: hosts }), ...clusters, ...routes, ...certificates];
  }

  const certificates = [certificate('one', one), certificate('two', two)];

  async function askAs(bed: TestBed, gateway: RunningEngine, name: string): Promise<number> {
    const client = await bed.client(gateway);
    return await ask(client, `GET / HTTP/1.1\r\nHost: ${name}.example\r\n\r\n`);
  }

  function subjectOf(socket: TLSSocket): unknown {
    return socket.getPeerCertificate().subjectaltname?.replace('DNS:', '');
  }

  for (const protocol of ['http1', 'http2', 'negotiated'] as const) {
    test(`${protocol}: each virtual host comes as itself, on connections of its own`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await TlsUpstream.listen(bed, MUTUAL);
      const served = (): unknown[] => [
        ...upstream.http2.requests.map(({ session }) => subjectOf(session.socket as TLSSocket)),
        ...upstream.http1Requests.map(subjectOf),
      ];
      const clusters = [cluster('a', [upstream.port], { protocol, tls: TLS })];
      const gateway = await bed.engine(resources(clusters, ...certificates));
      for (let i = 0; i < 3; i++) {
        for (const name of ['one', 'two']) {
          assert.equal(await askAs(bed, gateway, name), 200);
          assert.equal(served().at(-1), name);
        }
      }
      assert.equal(served().length, 6);
      assert.deepEqual(upstream.sockets.map(subjectOf), ['one', 'two']);
      assert.equal(await askAs(bed, gateway, 'none'), 503, 'and one without is refused');
      for (const socket of upstream.sockets) assert.equal(socket.isSessionReused(), false);
    });
  }

  test('a certificate that changes makes new connections and lets requests on the old ones finish', async (t) => {
    const bed = new TestBed(t);
    const { http2: upstream, port } = await TlsUpstream.listen(bed, MUTUAL);
    const clusters = [cluster('a', [port], { protocol: 'http2', tls: TLS })];
    const gateway = await bed.engine(resources(clusters, ...certificates));
    upstream.script = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('begun');
    };
    const client = await bed.client(gateway);
    client.send('GET / HTTP/1.1\r\nHost: one.example\r\n\r\n');
    await client.untilText('begun');
    const old = await upstream.request(0);
    upstream.script = echo;
    assert.equal(await askAs(bed, gateway, 'two'), 200);
    const other = await upstream.request(1);

    const renewed = certificate('one', authority.issueForClient('renewed'));
    await gateway.apply(...resources(clusters, renewed, certificates[1] ?? assert.fail()));
    assert.equal(await askAs(bed, gateway, 'one'), 200);
    assert.equal(subjectOf((await upstream.request(2)).session.socket as TLSSocket), 'renewed');
    assert.equal(await askAs(bed, gateway, 'two'), 200);
    assert.equal((await upstream.request(3)).session, other.session, 'what did not change is kept');
    assert.ok(!old.session.destroyed);
    old.stream.end('done');
    await client.untilResponses(1);
    await upstream.until('the old one is closed', () => old.session.destroyed || undefined);
  });

  test('a certificate that is used no more takes its idle connections along', async (t) => {
    const bed = new TestBed(t);
    const { http2: upstream, port } = await TlsUpstream.listen(bed, MUTUAL);
    const clusters = [cluster('a', [port], { protocol: 'http2', tls: TLS })];
    const gateway = await bed.engine(resources(clusters, ...certificates));
    for (const name of ['one', 'two']) assert.equal(await askAs(bed, gateway, name), 200);
    await gateway.apply(
      listener({ virtualHosts: [virtualHost({ backendClientCertificate: 'certificate/test/two' })] }),
      ...clusters,
      ...certificates,
      route('r', [{ backends: ['a'] }]),
    );
    await upstream.until('the close', () => upstream.openSessions.length === 1 || undefined);
    assert.equal(metric(gateway, 'upstreamIdleConnections'), 1);
  });

  test('without TLS it makes no difference', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed);
    const gateway = await bed.engine(
      resources([cluster('a', [upstream.port], { protocol: 'http2' })], ...certificates),
    );
    for (const name of ['one', 'two', 'none']) assert.equal(await askAs(bed, gateway, name), 200);
    assert.equal(upstream.sessions.length, 1);
  });
});
