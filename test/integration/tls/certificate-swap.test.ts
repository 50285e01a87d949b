// T05: a certificate that is replaced serves the next handshake; no connection and no request is lost for it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { after, describe, test } from 'node:test';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { Resource } from '../../../src/ir/ir.ts';
import { handshake } from './tls-client.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
/** Two for the same name; a certificate is told by the second name in it. */
const PAIRS = [authority.issue('a.example', 'one.example'), authority.issue('a.example', 'two.example')] as const;
const SWAPS = 60;
const CLIENTS = 3;

function resources(upstreamPort: number, version: number): Resource[] {
  const hosts = ['*', 'a.example'].map((hostname) =>
    virtualHost({ name: `test/gateway/${hostname}`, hostname, certificates: ['certificate/test/a'] }),
  );
  return [
    certificate('a', PAIRS[version % 2] ?? PAIRS[0]),
    listener({ port: 443, protocol: 'TLS', virtualHosts: hosts }),
    cluster('a', [upstreamPort]),
    ...hosts.map(({ name, hostname }) =>
      route(`r-${hostname}`, [{ backends: ['a'] }], { hostname, virtualHost: name }),
    ),
  ];
}

function versionOf(socket: TLSSocket): string {
  return socket.getPeerCertificate().subjectaltname?.split('DNS:').at(-1) ?? 'none';
}

async function presented(gateway: RunningEngine, servername: string): Promise<string> {
  const socket = await handshake(gateway.address(), { servername, rejectUnauthorized: false });
  const version = versionOf(socket);
  socket.destroy();
  return version;
}

async function askOn(socket: TLSSocket): Promise<string> {
  const answered = once(socket, 'data');
  socket.write(request('GET /', ['Host: a.example']));
  const [chunk] = (await answered) as [Buffer];
  return chunk.toString('latin1', 0, 15);
}

describe('T05 a certificate that is replaced', { timeout: 20_000 }, () => {
  test('is seen by new connections, with and without a server name; those that are open go on', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.engine(resources(upstream.port, 0));
    const open: TLSSocket[] = [];
    for (let version = 0; version < 4; version++) {
      await gateway.apply(...resources(upstream.port, version));
      for (const servername of ['a.example', 'unknown.example', '']) {
        const socket = await handshake(gateway.address(), { servername, rejectUnauthorized: false });
        bed.atEnd(() => socket.destroy());
        const { subjectaltname } = socket.getPeerCertificate();
        assert.equal(subjectaltname, `DNS:a.example, DNS:${version % 2 === 0 ? 'one' : 'two'}.example`);
        if (servername === 'a.example') open.push(socket);
      }
      for (const socket of open) assert.equal(await askOn(socket), 'HTTP/1.1 200 OK');
    }
  });

  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    test(`an apply that does not touch it leaves ${maxVersion} sessions alone`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await bed.upstream();
      const before = resources(upstream.port, 0);
      const gateway = await bed.engine(before);
      const options = { servername: 'a.example', ca: authority.pem, maxVersion };
      const first = await handshake(gateway.address(), options);
      // In TLS 1.3 the session comes after the handshake.
      await askOn(first);
      const session = first.getSession();
      first.destroy();
      await gateway.apply(...before, route('one-more', [{ path: '/more', backends: ['a'] }]));
      const second = await handshake(gateway.address(), { ...options, ...(session && { session }) });
      assert.equal(second.isSessionReused(), true);
      second.destroy();
    });
  }

  test('by one that can not be used stays', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const gateway = await bed.engine(resources(upstream.port, 0));
    const mismatched = certificate('a', { chain: PAIRS[0].chain, key: PAIRS[1].key });
    await assert.rejects(gateway.tryApply(mismatched, ...resources(upstream.port, 1).slice(1)));
    assert.equal(await presented(gateway, 'a.example'), 'one.example');
    await gateway.apply(...resources(upstream.port, 1));
    assert.equal(await presented(gateway, 'a.example'), 'two.example');
  });

  test('again and again under load: nothing fails', async (t) => {
    const bed = new TestBed(t);
    const port = await bed.server((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      socket.on('end', () => socket.end());
    });
    const gateway = await bed.engine(resources(port, 0));
    const stop = new AbortController();
    const tally = { attempted: 0, completed: 0, handshakes: 0, failures: [] as string[] };
    const presentedVersions = new Set<string>();

    /** Without retries of its own. */
    const loop = async (agent: Agent): Promise<void> => {
      while (!stop.signal.aborted) {
        tally.attempted++;
        const { address, port } = gateway.address();
        const outgoing = httpsRequest({
          host: address,
          port,
          agent,
          servername: 'a.example',
          ca: authority.pem,
          headers: { host: 'a.example' },
        });
        const closed = once(outgoing, 'close');
        try {
          const answered = once(outgoing, 'response');
          outgoing.end();
          const [answer] = (await answered) as [IncomingMessage];
          if (!outgoing.reusedSocket) {
            tally.handshakes++;
            presentedVersions.add(versionOf(answer.socket as TLSSocket));
          }
          const body = await text(answer);
          await closed;
          if (answer.statusCode !== 200 || body !== 'ok') tally.failures.push(`${answer.statusCode} ${body}`);
          tally.completed++;
        } catch (error) {
          tally.failures.push(String(error));
        }
      }
      agent.destroy();
    };
    const agents = Array.from({ length: CLIENTS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    // One more shakes hands for each request, without resuming a session.
    const clients = [...agents, new Agent({ keepAlive: false, maxCachedSessions: 0 })].map((agent) => loop(agent));
    for (let version = 1; version <= SWAPS; version++) {
      const enough = tally.completed + 4;
      await gateway.apply(...resources(port, version));
      while (tally.completed < enough) await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort();
    await Promise.all(clients);
    t.diagnostic(
      `${SWAPS} swaps; attempted ${tally.attempted}, completed ${tally.completed}, ` +
        `failed ${tally.failures.length}; ${tally.handshakes} handshakes; client retries off`,
    );
    assert.deepEqual(tally.failures, []);
    assert.equal(tally.completed, tally.attempted);
    assert.deepEqual([...presentedVersions].toSorted(), ['one.example', 'two.example']);
  });
});
