// T01: versions and cipher suites by virtual host, each for its own handshakes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { after, describe, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import type { TlsSettings } from '../../../src/ir/listener.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { handshake } from '../tls/tls-client.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const SERVER = certificate('server', authority.issue('open.example', 'strict.example'));

/** `open` is for every host that has no other. */
async function apply(gateway: RunningEngine, port: number, strict: TlsSettings | undefined): Promise<void> {
  const host = (name: string, hostname: string, tls?: TlsSettings) =>
    virtualHost({ name, hostname, certificates: [SERVER.key], ...(tls === undefined ? {} : { tls }) });
  await gateway.apply(
    SERVER,
    listener({
      port: 443,
      protocol: 'TLS',
      virtualHosts: [host('open', '*'), host('strict', 'strict.example', strict)],
    }),
    cluster('a', [port]),
    ...['open', 'strict'].map((name) => route(name, [{ backends: ['a'] }], { virtualHost: name })),
  );
}

async function start(bed: TestBed, strict: TlsSettings | undefined): Promise<{ gateway: RunningEngine; port: number }> {
  const gateway = await bed.engine([]);
  const { port } = await bed.upstream();
  await apply(gateway, port, strict);
  return { gateway, port };
}

/** What was settled, or why there is no connection. */
async function settle(gateway: RunningEngine, servername: string, options: ConnectionOptions): Promise<string> {
  try {
    const socket = await handshake(gateway.address(), { servername, ca: authority.pem, ...options });
    const settled = `${socket.getProtocol()} ${socket.getCipher().standardName}`;
    socket.destroy();
    return settled;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'closed';
  }
}

const TLS12: ConnectionOptions = { maxVersion: 'TLSv1.2' };
const AES128 = 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256';
const CHACHA = 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256';

describe('T01 minVersion', { timeout: 20_000 }, () => {
  test('1.3: TLS 1.2 is refused there, and spoken for the other host', async (t) => {
    const { gateway } = await start(new TestBed(t), { minVersion: '1.3' });
    assert.match(await settle(gateway, 'strict.example', {}), /^TLSv1\.3 /);
    assert.equal(await settle(gateway, 'strict.example', TLS12), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    assert.match(await settle(gateway, 'open.example', TLS12), /^TLSv1\.2 /);
    assert.equal(gateway.metrics.protocolErrors.cell({ address: '127.0.0.1:0' }).value('tls_handshake_failed'), 1);
  });

  test('1.2 is as without', async (t) => {
    const { gateway } = await start(new TestBed(t), { minVersion: '1.2' });
    assert.match(await settle(gateway, 'strict.example', TLS12), /^TLSv1\.2 /);
    const old: ConnectionOptions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    assert.doesNotMatch(await settle(gateway, 'strict.example', old), /^TLSv1/);
  });
});

describe('T01 cipherSuites', { timeout: 20_000 }, () => {
  test('of both versions: these and no others', async (t) => {
    const { gateway } = await start(new TestBed(t), { cipherSuites: ['TLS_AES_256_GCM_SHA384', AES128] });
    assert.equal(await settle(gateway, 'strict.example', {}), 'TLSv1.3 TLS_AES_256_GCM_SHA384');
    assert.equal(await settle(gateway, 'strict.example', TLS12), `TLSv1.2 ${AES128}`);
    const chacha: ConnectionOptions = { ...TLS12, ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' };
    assert.match(await settle(gateway, 'strict.example', chacha), /HANDSHAKE_FAILURE/);
    assert.equal(await settle(gateway, 'open.example', chacha), `TLSv1.2 ${CHACHA}`);
  });

  test('of TLS 1.3 only: TLS 1.2 is refused', async (t) => {
    const { gateway } = await start(new TestBed(t), { cipherSuites: ['TLS_AES_128_GCM_SHA256'] });
    assert.equal(await settle(gateway, 'strict.example', {}), 'TLSv1.3 TLS_AES_128_GCM_SHA256');
    assert.match(await settle(gateway, 'strict.example', TLS12), /^ERR_SSL/);
  });

  test('of TLS 1.2 only: it is spoken with clients that know both', async (t) => {
    const { gateway } = await start(new TestBed(t), { cipherSuites: [AES128] });
    assert.equal(await settle(gateway, 'strict.example', {}), `TLSv1.2 ${AES128}`);
  });
});

describe('connections and policies', { timeout: 20_000 }, () => {
  test('a client that names no server is not let in to a host with a policy of its own', async (t) => {
    const { gateway } = await start(new TestBed(t), { minVersion: '1.3' });
    const socket = await handshake(gateway.address(), { ...TLS12, rejectUnauthorized: false, servername: '' });
    socket.write(request('GET /', ['Host: strict.example', 'Connection: close']));
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    assert.match(answer, /^HTTP\/1\.1 421 /);
  });

  for (const protocol of ['http/1.1', 'h2'] as const) {
    test(`${protocol}: a connection outlives changes of versions and suites; new ones are made by the new rules`, async (t) => {
      const bed = new TestBed(t);
      const { gateway, port } = await start(bed, undefined);
      const options = { ca: authority.pem, ...TLS12, servername: 'strict.example', ALPNProtocols: [protocol] };
      const socket = await handshake(gateway.address(), options);
      bed.atEnd(() => socket.destroy());
      const session =
        protocol === 'h2' ? connectHttp2('https://strict.example', { createConnection: () => socket }) : undefined;
      const ask = async (): Promise<number> => {
        if (session !== undefined) {
          const [fields] = (await once(session.request({ ':path': '/' }), 'response')) as [Record<string, number>];
          return fields[':status'] ?? 0;
        }
        socket.write(request('GET /', ['Host: strict.example']));
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        return Number(String(chunk).split(' ')[1]);
      };
      assert.equal(await ask(), 200);
      for (const tls of [{ minVersion: '1.3' }, { cipherSuites: [CHACHA] }, undefined] as const) {
        const { port: before } = gateway.address();
        await apply(gateway, port, tls);
        assert.equal(await ask(), 200);
        assert.equal(gateway.address().port, before, 'the listener stays');
        const expected = tls === undefined ? /^TLSv1\.2 / : 'minVersion' in tls ? /^ERR_SSL/ : /^TLSv1\.2 .*CHACHA/;
        assert.match(await settle(gateway, 'strict.example', TLS12), expected);
      }
    });
  }
});
