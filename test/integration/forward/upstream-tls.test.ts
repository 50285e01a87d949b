// TLS towards endpoints: always verified, by CA and by name; what can't be verified gets not a byte of a request.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { SecureVersion, TLSSocket } from 'node:tls';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import { ADDRESS, cluster, listener, route } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { UpstreamTls } from '../../../src/ir/cluster.ts';

const authority = new CertificateAuthority();
const other = new CertificateAuthority();
after(() => {
  authority.remove();
  other.remove();
});
const pair = authority.issue('up.example', '*.wild.example');

async function gatewayTo(bed: TestBed, port: number, tls: UpstreamTls): Promise<RunningEngine> {
  return await bed.engine([
    listener(),
    cluster('a', [port], { tls, connectTimeoutMs: 300 }),
    route('r', [{ backends: ['a'] }]),
  ]);
}

const POST = request('POST /secret', ['Content-Length: 5'], 'hello');

async function ask(bed: TestBed, gateway: RunningEngine): Promise<number> {
  const client = await bed.client(gateway);
  return statusOf((await client.send(POST).untilResponses(1))[0] ?? assert.fail());
}

describe('upstream TLS', { timeout: 30_000 }, () => {
  for (const serverName of ['up.example', 'a.wild.example']) {
    test(`a CA that is trusted and the right name, told as SNI: ${serverName}`, async (t) => {
      const bed = new TestBed(t);
      const names: unknown[] = [];
      const server = createHttpsServer({ cert: pair.chain, key: pair.key }, (incoming, answer) => {
        const { servername, alpnProtocol } = incoming.socket as TLSSocket;
        names.push(servername, alpnProtocol);
        incoming.pipe(answer);
      });
      server.listen(0, ADDRESS);
      await once(server, 'listening');
      bed.atEnd(() => {
        server.closeAllConnections();
        server.close();
      });
      const gateway = await gatewayTo(bed, (server.address() as AddressInfo).port, {
        serverName,
        caPem: authority.pem,
      });
      const client = await bed.client(gateway);
      const responses = await client.send(POST + POST).untilResponses(2);
      assert.deepEqual(
        responses.map((response) => [statusOf(response), response.body.toString()]),
        [
          [200, 'hello'],
          [200, 'hello'],
        ],
      );
      assert.deepEqual(names, [serverName, 'http/1.1', serverName, 'http/1.1']);
      assert.equal(gateway.metrics.upstreamConnects.cell({ cluster: 'test/a' }).value, 1, 'and the connection is kept');
    });
  }

  for (const [what, tls] of [
    ['another CA', { serverName: 'up.example', caPem: other.pem }],
    ['the CAs of the system', { serverName: 'up.example' }],
    ['the wrong name', { serverName: 'down.example', caPem: authority.pem }],
    ['two labels under a wildcard', { serverName: 'a.b.wild.example', caPem: authority.pem }],
  ] as const) {
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] satisfies SecureVersion[]) {
      test(`${what}, ${maxVersion}: 503, and nothing is sent`, async (t) => {
        const bed = new TestBed(t);
        let received = '';
        const server = createTlsServer({ cert: pair.chain, key: pair.key, maxVersion }, (socket) => {
          socket.on('data', (chunk) => (received += chunk.toString('latin1')));
          socket.on('error', () => {});
        });
        const { promise: ended, resolve } = Promise.withResolvers<void>();
        // The connection itself: what the TLS layer makes of its end differs by version.
        server.on('connection', (socket) => socket.on('close', () => resolve()));
        server.listen(0, ADDRESS);
        await once(server, 'listening');
        bed.atEnd(() => server.close());
        const gateway = await gatewayTo(bed, (server.address() as AddressInfo).port, tls);
        assert.equal(await ask(bed, gateway), 503);
        assert.equal((await gateway.logged()).flag, 'UF');
        await ended;
        assert.equal(received, '');
      });
    }
  }

  test('TLS 1.1 is not spoken: 503', async (t) => {
    const bed = new TestBed(t);
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const server = createTlsServer({ cert: pair.chain, key: pair.key, ...old });
    server.on('tlsClientError', () => {});
    server.listen(0, ADDRESS);
    await once(server, 'listening');
    bed.atEnd(() => server.close());
    const { port } = server.address() as AddressInfo;
    const gateway = await gatewayTo(bed, port, { serverName: 'up.example', caPem: authority.pem });
    assert.equal(await ask(bed, gateway), 503);
  });

  const TLS: UpstreamTls = { serverName: 'up.example', caPem: authority.pem };

  test('an upstream that speaks no TLS: 503, and it gets no request', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream({ onConnection: (connection) => connection.write('HTTP/1.1 400 No\r\n\r\n') });
    const gateway = await gatewayTo(bed, upstream.port, TLS);
    assert.equal(await ask(bed, gateway), 503);
    for (const connection of upstream.connections) assert.ok(!connection.bytes.includes('secret'));
  });

  test('an upstream that does not complete the handshake: 504', async (t) => {
    const bed = new TestBed(t);
    let received = '';
    const port = await bed.server((socket) => socket.on('data', (chunk) => (received += chunk.toString('latin1'))));
    const gateway = await gatewayTo(bed, port, TLS);
    assert.equal(await ask(bed, gateway), 504);
    assert.ok(!received.includes('secret'));
  });

  test('a cluster that gets TLS uses no connection from before', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.gateway(upstream.port);
    assert.equal(await ask(bed, gateway), 200);
    assert.equal(upstream.takeRequests().length, 1);
    upstream.script = { onConnection: (connection) => connection.finish() };
    await gateway.apply(listener(), cluster('a', [upstream.port], { tls: TLS }), route('r', [{ backends: ['a'] }]));
    assert.equal(await ask(bed, gateway), 503);
    for (const connection of upstream.connections) assert.ok(!connection.bytes.includes('secret'));
  });
});
