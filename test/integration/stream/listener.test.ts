// Stream routes through the running data plane: which listener, which route, which endpoint.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { connect, createServer as createTlsServer } from 'node:tls';
import type { Resource } from '../../../src/ir/ir.ts';
import type { StreamRoute, WeightedBackend } from '../../../src/ir/route.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { backend, certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { ask } from '../tls/tls-client.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const GATEWAY = certificate('gateway', authority.issue('web.example', 'plain.example', 'again.example'));
const BACKEND = authority.issue('passed.example', 'backend.example');

function streamRoute(
  name: string,
  virtualHostName: string,
  backends: readonly WeightedBackend[],
  { hostname = '*', createdAtMs = 0 } = {},
): StreamRoute {
  return {
    kind: 'streamRoute',
    key: `route/TCPRoute/test/${name}`,
    name: `test/${name}`,
    createdAtMs,
    attachments: [{ virtualHost: virtualHostName, hostnames: [{ served: hostname, declared: hostname }] }],
    backends,
  };
}

/** Says its name, then repeats what it hears. */
async function echo(bed: TestBed, name: string): Promise<number> {
  return await bed.server((socket) => {
    socket.write(`${name}:`);
    socket.pipe(socket);
  });
}

async function tlsEcho(bed: TestBed, name: string): Promise<number> {
  const server = createTlsServer({ cert: BACKEND.chain, key: BACKEND.key }, (socket) => {
    socket.on('error', () => {});
    socket.write(`${name} ${String(socket.servername)}:`);
    socket.pipe(socket);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  bed.atEnd(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

async function exchange(socket: Socket, text: string): Promise<string> {
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  // A reset says as much as an end.
  socket.on('error', () => {});
  socket.write(text);
  socket.end();
  await closed;
  return received;
}

async function askTcp(gateway: RunningEngine): Promise<string> {
  return await exchange(connectTcp({ ...hostPort(gateway), allowHalfOpen: true }), 'ping');
}

async function askTls(gateway: RunningEngine, servername: string): Promise<string> {
  const socket = connect({ ...hostPort(gateway), servername, ca: authority.pem, allowHalfOpen: true } as object);
  return await exchange(socket, 'ping');
}

function hostPort(gateway: RunningEngine): { host: string; port: number } {
  const { address, port } = gateway.address();
  return { host: address, port };
}

describe('TCP listeners', { timeout: 20_000 }, () => {
  const TCP = listener({ protocol: 'TCP', virtualHosts: [virtualHost({ name: 'tcp', traffic: 'stream' })] });

  test('carry connections to the backend and back, and log each', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.engine([
      TCP,
      cluster('a', [await echo(bed, 'a')]),
      streamRoute('r', 'tcp', [backend('a')]),
    ]);
    assert.equal(await askTcp(gateway), 'a:ping');
    const { flag, backend: name, bytesReceived, bytesSent } = await gateway.logged();
    assert.deepEqual([flag, name, bytesReceived, bytesSent], [undefined, 'test/a', 4, 6]);
    const labels = { listener: 'tcp', route: 'test/r' };
    assert.equal(gateway.metrics.sessions.cell(labels).value, 1);
    assert.equal(gateway.metrics.activeSessions.cell(labels).value, 0);
    assert.equal(gateway.metrics.activeConnections.cell({ address: '127.0.0.1:0' }).value, 0);
  });

  test('the oldest route has all connections', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.engine([
      TCP,
      cluster('a', [await echo(bed, 'a')]),
      cluster('b', [await echo(bed, 'b')]),
      streamRoute('younger', 'tcp', [backend('b')], { createdAtMs: 2 }),
      streamRoute('older', 'tcp', [backend('a')], { createdAtMs: 1 }),
    ]);
    for (let i = 0; i < 5; i++) assert.equal(await askTcp(gateway), 'a:ping');
  });

  test('weights are kept exactly', async (t) => {
    const bed = new TestBed(t);
    const clusters: Resource[] = [];
    for (const name of ['a', 'b', 'never']) clusters.push(cluster(name, [await echo(bed, name)]));
    const weighted = [backend('a', { weight: 7 }), backend('b', { weight: 3 }), backend('never', { weight: 0 })];
    const gateway = await bed.engine([TCP, ...clusters, streamRoute('r', 'tcp', weighted)]);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 100; i++) {
      const name = (await askTcp(gateway)).split(':')[0] as string;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    assert.deepEqual(counts, { a: 70, b: 30 });
  });

  for (const [what, route, flag] of [
    ['without a route', undefined, 'NR'],
    ['to a broken reference', streamRoute('r', 'tcp', [backend(undefined)]), 'NC'],
    ['to nobody', streamRoute('r', 'tcp', [backend('empty')]), 'UH'],
  ] as const) {
    test(`a connection ${what} is closed`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await bed.engine([TCP, cluster('empty', []), ...(route === undefined ? [] : [route])]);
      assert.equal(await askTcp(gateway), '');
      assert.equal((await gateway.logged()).flag, flag);
    });
  }

  test('a connection outlives a change of its route; the next one follows it', async (t) => {
    const bed = new TestBed(t);
    const clusters = [cluster('a', [await echo(bed, 'a')]), cluster('b', [await echo(bed, 'b')])];
    const gateway = await bed.engine([TCP, ...clusters, streamRoute('r', 'tcp', [backend('a')])]);
    const client = await bed.client(gateway);
    await client.untilText('a:');
    await gateway.apply(TCP, ...clusters, streamRoute('r', 'tcp', [backend('b')]));
    await client.send('still').untilText('a:still');
    assert.equal(await askTcp(gateway), 'b:ping');
    await client.send('there').untilText('a:stillthere');
  });
});

describe('TLS listeners', { timeout: 20_000 }, () => {
  const MIXED = listener({
    protocol: 'TLS',
    virtualHosts: [
      virtualHost({ name: 'http', hostname: 'web.example', certificates: [GATEWAY.key] }),
      virtualHost({ name: 'terminated', hostname: '*.example', traffic: 'stream', certificates: [GATEWAY.key] }),
      virtualHost({ name: 'passed', hostname: 'passed.example', traffic: 'passthrough' }),
    ],
  });

  async function startMixed(bed: TestBed): Promise<RunningEngine> {
    const upstream = await bed.upstream();
    const secured = { serverName: 'backend.example', caPem: authority.pem };
    return await bed.engine([
      GATEWAY,
      MIXED,
      cluster('web', [upstream.port]),
      route('web', [{ backends: ['web'] }], { hostname: 'web.example', virtualHost: 'http' }),
      cluster('plain', [await echo(bed, 'plain')]),
      // The same backend is reached with TLS of the gateway's own and with the client's.
      cluster('secure', [await tlsEcho(bed, 'secure')], { protocol: 'negotiated', tls: secured }),
      streamRoute('plain', 'terminated', [backend('plain')], { hostname: 'plain.example' }),
      streamRoute('again', 'terminated', [backend('secure')], { hostname: 'again.example' }),
      streamRoute('passed', 'passed', [backend('secure')], { hostname: 'passed.example' }),
    ]);
  }

  test('terminate, pass through and serve HTTPS on one port, by server name', async (t) => {
    const bed = new TestBed(t);
    const gateway = await startMixed(bed);
    assert.equal(await askTls(gateway, 'plain.example'), 'plain:ping');
    assert.equal(await askTls(gateway, 'again.example'), 'secure backend.example:ping');
    assert.equal(await askTls(gateway, 'passed.example'), 'secure passed.example:ping');
    assert.equal((await ask(gateway.address(), authority.pem, 'web.example', 'web.example')).status, 200);
    const logged = [await gateway.logged(), await gateway.logged(), await gateway.logged()];
    assert.deepEqual(
      logged.map(({ serverName, tlsVersion }) => [serverName, tlsVersion]),
      [
        ['plain.example', 'TLSv1.3'],
        ['again.example', 'TLSv1.3'],
        ['passed.example', undefined],
      ],
    );
  });

  test('the certificate of a connection that passes through is the backend’s', async (t) => {
    const gateway = await startMixed(new TestBed(t));
    const socket = connect({ ...hostPort(gateway), servername: 'passed.example', ca: authority.pem });
    await once(socket, 'secureConnect');
    assert.match(socket.getPeerCertificate().subjectaltname ?? '', /DNS:backend\.example/);
    socket.destroy();
  });

  for (const [what, serverName] of [
    ['no listener is for', 'nobody.test'],
    ['no route is for', 'unrouted.example'],
  ] as const) {
    test(`a server name that ${what} gets no byte of data`, async (t) => {
      const gateway = await startMixed(new TestBed(t));
      const socket = connect({ ...hostPort(gateway), servername: serverName, rejectUnauthorized: false });
      assert.equal(await exchange(socket, 'ping'), '');
    });
  }
});

describe('UDP listeners', { timeout: 20_000 }, () => {
  test('carry datagrams to the backend and back', async (t) => {
    const bed = new TestBed(t);
    const server = createSocket('udp4');
    server.on('message', (data, from) => server.send(`echo ${data.toString()}`, from.port, from.address));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    bed.atEnd(() => server.close());
    const udp = listener({
      key: 'listener/a',
      protocol: 'UDP',
      virtualHosts: [virtualHost({ name: 'udp', traffic: 'datagram' })],
    });
    const resources = [udp, cluster('a', [server.address().port])];
    const gateway = await bed.engine([...resources, streamRoute('r', 'udp', [backend('a')])]);
    const client = createSocket('udp4');
    bed.atEnd(() => client.close());
    const asked = async (text: string): Promise<string> => {
      const { address, port } = gateway.address();
      client.send(text, port, address);
      const [data] = (await once(client, 'message')) as [Buffer];
      return data.toString();
    };
    assert.equal(await asked('one'), 'echo one');
    assert.equal(await asked('two'), 'echo two');
    await gateway.apply(...resources, streamRoute('other', 'udp', [backend('a')]));
    assert.equal(await asked('three'), 'echo three');
    await gateway.apply(udp, cluster('b', []), streamRoute('r', 'udp', [backend('b')]));
    assert.equal((await gateway.logged()).backend, 'test/a', 'the session ended with its endpoint');
  });

  test('share a port number with TCP', async (t) => {
    const bed = new TestBed(t);
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const both = [
      listener({ bindPort: port, protocol: 'TCP', virtualHosts: [virtualHost({ name: 'tcp', traffic: 'stream' })] }),
      listener({
        key: 'listener/a/udp',
        bindPort: port,
        protocol: 'UDP',
        virtualHosts: [virtualHost({ name: 'udp', traffic: 'datagram' })],
      }),
    ];
    const gateway = await bed.engine(both);
    assert.deepEqual(
      gateway.engine.addresses().map((bound) => bound.port),
      [port, port],
    );
  });
});
