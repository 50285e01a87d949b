// T02 and T03: what a session ticket is good for. Only the process that gave it knows it; it is worth nothing at another host; and it gets
// nobody around a client certificate.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { ClientValidation } from '../../../src/ir/listener.ts';
import type { Resource } from '../../../src/ir/ir.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { handshake } from './tls-client.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const PAIR = certificate('pair', authority.issue('a.example', 'b.example'));
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
type Version = (typeof VERSIONS)[number];

const MUTUAL: ClientValidation = { caPem: authority.pem, allowsInsecureFallback: false };

/** @param clientValidation of b.example */
function resources(port: number, clientValidation?: ClientValidation): Resource[] {
  const hosts = ['a', 'b'].map((name) =>
    virtualHost({
      name,
      hostname: `${name}.example`,
      certificates: [PAIR.key],
      ...(name === 'b' && clientValidation !== undefined ? { clientValidation } : {}),
    }),
  );
  return [
    PAIR,
    listener({ port: 443, protocol: 'TLS', virtualHosts: hosts }),
    cluster('a', [port]),
    ...hosts.map(({ name, hostname }) => route(name, [{ backends: ['a'] }], { virtualHost: name, hostname })),
  ];
}

async function connect(
  to: RunningEngine,
  maxVersion: Version,
  servername: string,
  session?: Buffer,
): Promise<TLSSocket> {
  const options = { ca: authority.pem, servername, maxVersion, minVersion: maxVersion };
  return await handshake(to.address(), { ...options, ...(session === undefined ? {} : { session }) });
}

async function ask(socket: TLSSocket, host: string): Promise<string> {
  const answered = once(socket, 'data');
  socket.write(request('GET /', [`Host: ${host}`]));
  const [chunk] = (await answered) as [Buffer];
  return chunk.toString('latin1', 9, 12);
}

async function ticketOf(gateway: RunningEngine, version: Version, host = 'a.example'): Promise<Buffer> {
  const socket = await connect(gateway, version, host);
  // In TLS 1.3 it comes behind the handshake.
  const coming = version === 'TLSv1.3' ? once(socket, 'session') : undefined;
  assert.equal(await ask(socket, host), '200');
  const ticket = coming === undefined ? socket.getSession() : ((await coming) as [Buffer])[0];
  socket.destroy();
  return ticket ?? assert.fail('no ticket');
}

/** Whether the session goes on, and that the client is served in any case. */
async function isResumed(to: RunningEngine, version: Version, host: string, ticket: Buffer): Promise<boolean> {
  const socket = await connect(to, version, host, ticket);
  assert.equal(await ask(socket, host), '200');
  const isReused = socket.isSessionReused();
  socket.destroy();
  return isReused;
}

async function assertRefused(to: RunningEngine, version: Version, host: string, ticket: Buffer): Promise<void> {
  const socket = await connect(to, version, host, ticket).catch(() => undefined);
  if (socket === undefined) return;
  assert.equal(socket.isSessionReused(), false);
  // In TLS 1.3 the refusal comes when the client takes its handshake for done.
  await assert.rejects(ask(socket, host));
}

describe('a session ticket', { timeout: 30_000 }, () => {
  for (const version of VERSIONS) {
    test(`T02 ${version}: is good where it was given, at another process a full handshake follows`, async (t) => {
      const bed = new TestBed(t);
      const { port } = await bed.upstream();
      const [one, other] = [await bed.engine(resources(port)), await bed.engine(resources(port))];
      const ticket = await ticketOf(one, version);
      assert.equal(await isResumed(one, version, 'a.example', ticket), true);
      assert.equal(await isResumed(other, version, 'a.example', ticket), false);
    });

    test(`T03 ${version}: is worth nothing at another host`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await bed.engine(resources((await bed.upstream()).port));
      assert.equal(await isResumed(gateway, version, 'b.example', await ticketOf(gateway, version)), false);
    });

    test(`T03 ${version}: gets nobody around a client certificate`, async (t) => {
      const bed = new TestBed(t);
      const gateway = await bed.engine(resources((await bed.upstream()).port, MUTUAL));
      await assertRefused(gateway, version, 'b.example', await ticketOf(gateway, version));
    });

    test(`T03 ${version}: is worth nothing once its host asks for client certificates`, async (t) => {
      const bed = new TestBed(t);
      const { port } = await bed.upstream();
      const gateway = await bed.engine(resources(port));
      const ticket = await ticketOf(gateway, version, 'b.example');
      await gateway.apply(...resources(port, MUTUAL));
      await assertRefused(gateway, version, 'b.example', ticket);
    });
  }
});
