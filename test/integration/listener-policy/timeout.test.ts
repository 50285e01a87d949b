// R01 to R04: the timeouts of a listener, where those of the gateway are longer than any test.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, describe, test } from 'node:test';
import type { ListenerTimeouts } from '../../../src/ir/listener.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { clientHello, records } from '../tls/client-hello.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const SERVER = certificate('server', authority.issue('a.example'));

const NEVER_MS = 3_600_000;
const LONG = {
  headMs: NEVER_MS,
  bodyIdleMs: NEVER_MS,
  keepAliveIdleMs: NEVER_MS,
  writeStallMs: NEVER_MS,
  tlsHandshakeMs: NEVER_MS,
  lingerMs: 50,
};

async function start(bed: TestBed, timeouts: ListenerTimeouts, isSecure = false): Promise<RunningEngine> {
  const upstream = await bed.upstream();
  const secure = { protocol: 'TLS', virtualHosts: [virtualHost({ certificates: [SERVER.key] })] } as const;
  const own = listener({ settings: { timeouts }, ...(isSecure ? secure : {}) });
  return await bed.engine([SERVER, own, cluster('a', [upstream.port]), route('r', [{ backends: ['a'] }])], {
    timeouts: LONG,
  });
}

describe('R01 slow heads', { timeout: 20_000 }, () => {
  test('a head that does not end: 408', async (t) => {
    const bed = new TestBed(t);
    const client = await bed.client(await start(bed, { headMs: 60 }));
    await client.send('GET / HTTP/1.1\r\nHost: a').untilClosed();
    assert.equal(statusOf(client.responses()[0] ?? assert.fail()), 408);
  });

  test('a connection that says nothing, and one between requests, are closed', async (t) => {
    const bed = new TestBed(t);
    const silent = await bed.client(await start(bed, { headMs: 60 }));
    assert.equal((await silent.untilClosed()).length, 0);
    const kept = await bed.client(await start(bed, { keepAliveIdleMs: 60 }));
    await kept.send(request('GET /')).untilResponses(1);
    await kept.untilClosed();
  });
});

test('R02 a body that stops: 408', { timeout: 20_000 }, async (t) => {
  const bed = new TestBed(t);
  const client = await bed.client(await start(bed, { bodyIdleMs: 60 }));
  await client.send(request('POST /', ['Content-Length: 10'], 'abc')).untilClosed();
  assert.equal(statusOf(client.responses()[0] ?? assert.fail()), 408);
});

test('R03 a client that does not read is cut', { timeout: 20_000 }, async (t) => {
  const bed = new TestBed(t);
  const port = await bed.server((socket) => {
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      const more = (): void => {
        while (socket.writable && socket.write(Buffer.alloc(65_536)));
      };
      socket.on('drain', more);
      more();
    });
  });
  const gateway = await bed.engine(
    [
      listener({ settings: { timeouts: { writeStallMs: 100 } } }),
      cluster('a', [port]),
      route('r', [{ backends: ['a'] }]),
    ],
    { timeouts: LONG },
  );
  const { address, port: gatewayPort } = gateway.address();
  const client = connect(gatewayPort, address).pause();
  bed.atEnd(() => client.destroy());
  client.on('error', () => {});
  client.write(request('GET /'));
  const { flag } = await gateway.logged();
  assert.equal(flag, 'DC');
});

describe('R04 TLS handshakes', { timeout: 20_000 }, () => {
  test('nothing, and half a ClientHello', async (t) => {
    const bed = new TestBed(t);
    const gateway = await start(bed, { tlsHandshakeMs: 60 }, true);
    for (const bytes of ['', '\x16\x03\x01']) await (await bed.client(gateway)).send(bytes).untilClosed();
  });

  test('a handshake that stops in the middle', async (t) => {
    const bed = new TestBed(t);
    const gateway = await start(bed, { tlsHandshakeMs: 60 }, true);
    const client = await bed.client(gateway);
    await client.send(records(clientHello('a.example'))).untilClosed();
    assert.equal(gateway.metrics.protocolErrors.cell({ address: '127.0.0.1:0' }).value('tls_handshake_failed'), 1);
  });

  test('a new time is for the next handshake', async (t) => {
    const bed = new TestBed(t);
    const gateway = await start(bed, {}, true);
    const secure = { protocol: 'TLS', virtualHosts: [virtualHost({ certificates: [SERVER.key] })] } as const;
    await gateway.apply(SERVER, listener({ settings: { timeouts: { tlsHandshakeMs: 60 } }, ...secure }));
    const { address, port } = gateway.address();
    const client = connect(port, address);
    bed.atEnd(() => client.destroy());
    client.on('error', () => {});
    client.write(records(clientHello('a.example')));
    client.resume();
    await once(client, 'close');
  });
});
