// What TLS is spoken, and what becomes of those who speak something else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, describe, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { ProtocolErrorCode } from '../../../src/observability/metric-names.ts';
import type { EngineSetup, RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { valueOf } from '../../harness/http1-message.ts';
import { clientHello, records } from './client-hello.ts';
import { ask, handshake } from './tls-client.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const CERTIFICATE = certificate('a', authority.issue('a.example'));
const CLIENT: ConnectionOptions = { servername: 'a.example', ca: authority.pem };

async function startSecure(bed: TestBed, upstreamPort: number, setup: EngineSetup = {}): Promise<RunningEngine> {
  const secure = listener({
    port: 443,
    protocol: 'TLS',
    virtualHosts: [virtualHost({ certificates: [CERTIFICATE.key] })],
  });
  const resources = [CERTIFICATE, secure, cluster('a', [upstreamPort]), route('r', [{ backends: ['a'] }])];
  return await bed.engine(resources, setup);
}

async function assertLives(gateway: RunningEngine): Promise<void> {
  assert.equal((await ask(gateway.address(), authority.pem, 'a.example', 'a.example')).status, 200);
}

function refused(gateway: RunningEngine, code: ProtocolErrorCode): number {
  return gateway.metrics.protocolErrors.cell({ address: '127.0.0.1:0' }).value(code);
}

describe('T01 protocol versions and ciphers', { timeout: 20_000 }, () => {
  for (const [what, options, expected] of [
    ['TLS 1.3', { minVersion: 'TLSv1.3' }, 'TLSv1.3'],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
    ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, undefined],
    ['TLS 1.0', { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }, undefined],
  ] as const) {
    test(`${what} is ${expected === undefined ? 'refused' : 'spoken'}`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await startSecure(bed, (await bed.upstream()).port);
      const shaken = handshake(gateway.address(), { ...CLIENT, ...options });
      if (expected === undefined) {
        await assert.rejects(shaken);
        assert.equal(refused(gateway, 'tls_handshake_failed'), 1);
      } else {
        const socket = await shaken;
        assert.equal(socket.getProtocol(), expected);
        socket.destroy();
      }
      await assertLives(gateway);
    });
  }

  for (const [ciphers, isSpoken] of [
    ['ECDHE-ECDSA-AES128-GCM-SHA256', true],
    ['ECDHE-ECDSA-AES256-GCM-SHA384', true],
    ['ECDHE-ECDSA-CHACHA20-POLY1305', true],
    ['ECDHE-ECDSA-AES128-SHA256', false],
    ['ECDHE-ECDSA-AES256-SHA', false],
    ['ECDHE-ECDSA-AES128-CCM', false],
    ['ECDHE-ECDSA-ARIA128-GCM-SHA256', false],
    ['TLS_AES_128_GCM_SHA256', true],
    ['TLS_AES_256_GCM_SHA384', true],
    ['TLS_CHACHA20_POLY1305_SHA256', true],
    ['TLS_AES_128_CCM_SHA256', false],
  ] as const) {
    test(`${ciphers} is ${isSpoken ? 'spoken' : 'refused'}`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await startSecure(bed, (await bed.upstream()).port);
      const version = ciphers.startsWith('TLS_') ? 'TLSv1.3' : 'TLSv1.2';
      const options: ConnectionOptions = { ...CLIENT, ciphers, minVersion: version, maxVersion: version };
      if (!isSpoken) return await assert.rejects(handshake(gateway.address(), options));
      const socket = await handshake(gateway.address(), options);
      assert.deepEqual([socket.getCipher().name, socket.getProtocol()], [ciphers, version]);
      socket.destroy();
    });
  }

  test('among those, the client’s preference counts', async (t) => {
    const bed = new TestBed(t);
    const gateway = await startSecure(bed, (await bed.upstream()).port);
    const names = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'];
    for (const order of [names, names.toReversed()]) {
      const options = { ...CLIENT, ciphers: order.join(':'), maxVersion: 'TLSv1.2' } as const;
      const socket = await handshake(gateway.address(), options);
      assert.equal(socket.getCipher().name, order[0]);
      socket.destroy();
    }
  });

  test('no renegotiation', async (t) => {
    const bed = new TestBed(t);
    const gateway = await startSecure(bed, (await bed.upstream()).port);
    const socket = await handshake(gateway.address(), { ...CLIENT, maxVersion: 'TLSv1.2' });
    const failed = once(socket, 'error');
    socket.renegotiate({}, (error) => assert.ok(error));
    const [{ code }] = (await failed) as [NodeJS.ErrnoException];
    assert.equal(code, 'ERR_SSL_NO_RENEGOTIATION');
    await assertLives(gateway);
  });
});

describe('T04 ALPN', { timeout: 20_000 }, () => {
  for (const [offered, chosen] of [
    [['http/1.1'], 'http/1.1'],
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1', 'h2'], 'h2'],
    [['h2'], 'h2'],
    [undefined, false],
  ] as const) {
    test(`${offered?.join(', ') ?? 'nothing'} offered: ${chosen}`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await startSecure(bed, (await bed.upstream()).port);
      const options = { ...CLIENT, ...(offered === undefined ? {} : { ALPNProtocols: [...offered] }) };
      const socket = await handshake(gateway.address(), options);
      assert.equal(socket.alpnProtocol, chosen);
      socket.destroy();
    });
  }
  for (const offered of [['h2c'], ['spdy/3'], ['HTTP/1.1']]) {
    test(`${offered.join(', ')} offered: no_application_protocol`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await startSecure(bed, (await bed.upstream()).port);
      await assert.rejects(handshake(gateway.address(), { ...CLIENT, ALPNProtocols: offered }), {
        code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
      });
      await assertLives(gateway);
    });
  }
});

describe('requests over TLS', { timeout: 20_000 }, () => {
  test('are told as https to the upstream', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await startSecure(bed, upstream.port);
    await assertLives(gateway);
    const [seen = assert.fail()] = upstream.takeRequests();
    assert.equal(valueOf(seen, 'x-forwarded-proto'), 'https');
  });

  /** Passes bytes on to the gateway and back, and keeps the types of the records that came back. */
  async function startTap(
    bed: TestBed,
    to: number,
  ): Promise<{ readonly port: number; readonly types: () => number[] }> {
    const returned: Buffer[] = [];
    const port = await bed.server((near) => {
      const far = connectTcp(to, '127.0.0.1');
      near.pipe(far);
      far.on('data', (chunk) => {
        returned.push(chunk);
        near.write(chunk);
      });
      far.on('end', () => near.end());
      far.on('error', () => near.destroy());
    });
    const types = (): number[] => {
      const bytes = Buffer.concat(returned);
      const found: number[] = [];
      for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) found.push(bytes.readUInt8(at));
      return found;
    };
    return { port, types };
  }
  const ALERT_RECORD = 21;

  for (const [what, script, isWhole] of [
    ['whole', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello', true],
    ['cut in the middle', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello', false],
  ] as const) {
    test(`an answer that is ${what} ends ${isWhole ? 'with' : 'without'} a close_notify, and the gateway lives`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream({
        onRequest: (connection) => {
          connection.write(script);
          connection.finish();
        },
      });
      const gateway = await startSecure(bed, upstream.port);
      const tap = await startTap(bed, gateway.address().port);
      const socket = await handshake({ address: '127.0.0.1', port: tap.port }, { ...CLIENT, maxVersion: 'TLSv1.2' });
      let received = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
      const ended = once(socket, 'end');
      socket.write(request('GET / HTTP/1.0', ['Host: a.example']));
      await ended;
      assert.ok(received.endsWith('hello'));
      assert.equal(tap.types().at(-1) === ALERT_RECORD, isWhole);
      socket.destroy();
      const { status, flag } = await gateway.logged();
      assert.deepEqual([status, flag], [200, isWhole ? undefined : 'UC']);
      upstream.useDefaultScript();
      await assertLives(gateway);
    });
  }

  test('R05 a connection counts once against the cap', async (t) => {
    const bed = new TestBed(t);
    const gateway = await startSecure(bed, (await bed.upstream()).port, { limits: { maxConnections: 4 } });
    const sockets = [];
    for (let i = 0; i < 6; i++) {
      const socket = await handshake(gateway.address(), CLIENT);
      bed.atEnd(() => socket.destroy());
      const answered = once(socket, 'data');
      socket.write(request('GET /'));
      await answered;
      sockets.push(socket);
    }
    const [first, second, ...kept] = sockets;
    for (const socket of [first, second]) if (socket?.readableEnded === false) await once(socket.resume(), 'end');
    for (const socket of kept) {
      const answered = once(socket, 'data');
      socket.write(request('GET /'));
      const [chunk] = (await answered) as [Buffer];
      assert.match(chunk.toString(), /^HTTP\/1\.1 200/);
    }
    assert.equal(gateway.metrics.connectionOverflows.cell({ address: '127.0.0.1:0' }).value, 0);
  });
});

describe('T07 what is no handshake', { timeout: 20_000 }, () => {
  const HELLO = records(clientHello('a.example'));
  for (const [what, bytes] of [
    ['plaintext HTTP', Buffer.from(request('GET /'))],
    ['zeroes', Buffer.alloc(1_000)],
    ['random bytes', Buffer.from('5a'.repeat(700), 'hex')],
    ['an SSH greeting', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a HTTP/2 preface', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['an SSL 2 hello', Buffer.concat([Buffer.from('802e010002001500000010010080020080', 'hex'), Buffer.alloc(64)])],
    ['a record of 64 KiB', Buffer.concat([Buffer.from('160301ffff', 'hex'), Buffer.alloc(65_535)])],
    ['an alert first', Buffer.from('15030100020228', 'hex')],
    ['application data first', Buffer.from('1703030005hello', 'latin1')],
    ['a hello, then garbage', Buffer.concat([HELLO, Buffer.alloc(500, 0x5a)])],
    ['an empty record', Buffer.from('1603010000', 'hex')],
    ['a hello of 16 MiB', Buffer.from('160301000401ffffff', 'hex')],
  ] as const) {
    test(`${what}: the connection is closed, and the gateway lives`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const gateway = await startSecure(bed, upstream.port);
      const client = await bed.client(gateway);
      await client.send(bytes).untilClosed();
      assert.ok(!client.received.toString('latin1').includes('HTTP/1.1 200'));
      assert.equal(upstream.untakenBytes, 0);
      const code = what === 'a hello, then garbage' ? 'tls_handshake_failed' : 'client_hello_malformed';
      assert.equal(refused(gateway, code), 1);
      await assertLives(gateway);
    });
  }

  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['one byte', HELLO.subarray(0, 1)],
    ['half a hello', HELLO.subarray(0, 60)],
    ['a hello, and no more', HELLO],
  ] as const) {
    test(`R04 ${what} sent: closed after the time for a handshake`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await startSecure(bed, (await bed.upstream()).port, { timeouts: { tlsHandshakeMs: 150 } });
      const startMs = performance.now();
      const client = await bed.client(gateway);
      await client.send(bytes).untilClosed();
      assert.ok(performance.now() - startMs >= 140, 'not before its time');
      await assertLives(gateway);
    });
  }

  test('a client that ends before its hello is complete is not waited for', async (t) => {
    const bed = new TestBed(t);
    const gateway = await startSecure(bed, (await bed.upstream()).port);
    const client = await bed.client(gateway);
    await client.send(HELLO.subarray(0, 60)).finish().untilClosed();
  });

  test('T07 a hello in records of one byte is a hello', async (t) => {
    const bed = new TestBed(t);
    const gateway = await startSecure(bed, (await bed.upstream()).port);
    const client = await bed.client(gateway);
    for (const byte of records(clientHello('a.example'), 1)) await client.sendPieces([Buffer.of(byte)]);
    await client.until('a ServerHello', () => client.received.length > 100 || undefined);
  });

  test('clients that reset in the middle do no harm', async (t) => {
    const bed = new TestBed(t);
    const gateway = await startSecure(bed, (await bed.upstream()).port);
    for (const bytes of [Buffer.alloc(0), HELLO.subarray(0, 60), HELLO]) {
      for (let i = 0; i < 20; i++) {
        const client = await bed.client(gateway);
        client.send(bytes);
        if (bytes === HELLO) await client.until('a ServerHello', () => client.received.length > 0 || undefined);
        client.reset();
      }
    }
    await assertLives(gateway);
    assert.equal(gateway.metrics.activeConnections.cell({ address: '127.0.0.1:0' }).value <= 1, true);
  });

  test('a drain does not wait for handshakes longer than its grace time', async (t) => {
    const bed = new TestBed(t);
    const gateway = await startSecure(bed, (await bed.upstream()).port);
    const client = await bed.client(gateway);
    client.send(HELLO);
    await client.until('a ServerHello', () => client.received.length > 0 || undefined);
    await gateway.engine.drain(100);
    await client.untilClosed();
  });
});
