// T06: client certificates, for those virtual hosts that ask for them, and no way around them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { after, describe, test } from 'node:test';
import type { ClientValidation } from '../../../src/ir/listener.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import type { KeyPair } from '../../harness/certificate-authority.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { handshake } from './tls-client.ts';

const authority = new CertificateAuthority();
const stranger = new CertificateAuthority();
after(() => {
  authority.remove();
  stranger.remove();
});
const SERVER = certificate('server', authority.issue('open.example', 'closed.example', 'lenient.example'));
const CLIENT = authority.issueForClient('client.example');
const EXPIRED = authority.issueExpiredForClient('client.example');
const STRANGER = stranger.issueForClient('client.example');
const SERVER_AS_CLIENT = authority.issue('client.example');

const STRICT: ClientValidation = { caPem: authority.pem, allowsInsecureFallback: false };
const LENIENT: ClientValidation = { caPem: authority.pem, allowsInsecureFallback: true };

async function start(bed: TestBed, closed: ClientValidation = STRICT): Promise<RunningEngine> {
  const gateway = await bed.engine([]);
  await apply(gateway, (await bed.upstream()).port, closed);
  return gateway;
}

/** `open` is for every host that has no other. */
async function apply(gateway: RunningEngine, port: number, closed: ClientValidation | undefined): Promise<void> {
  const host = (name: string, hostname: string, clientValidation?: ClientValidation) =>
    virtualHost({
      name,
      hostname,
      certificates: [SERVER.key],
      ...(clientValidation === undefined ? {} : { clientValidation }),
    });
  await gateway.apply(
    SERVER,
    listener({
      port: 443,
      protocol: 'TLS',
      virtualHosts: [
        host('open', '*'),
        host('closed', 'closed.example', closed),
        host('lenient', 'lenient.example', LENIENT),
      ],
    }),
    cluster('a', [port]),
    ...['open', 'closed', 'lenient'].map((name) => route(name, [{ backends: ['a'] }], { virtualHost: name })),
  );
}

/** The status, or 0 where there was no answer. */
async function ask(gateway: RunningEngine, serverName: string, host: string, pair?: KeyPair): Promise<number> {
  const { address, port } = gateway.address();
  const outgoing = request({
    host: address,
    port,
    servername: serverName,
    ca: authority.pem,
    rejectUnauthorized: false,
    headers: { host },
    agent: false,
    ...(pair === undefined ? {} : { cert: pair.chain, key: pair.key }),
  });
  try {
    const answered = once(outgoing, 'response');
    outgoing.end();
    const [answer] = (await answered) as [IncomingMessage];
    answer.resume();
    return answer.statusCode ?? 0;
  } catch {
    return 0;
  } finally {
    outgoing.destroy();
  }
}

describe('T06 client certificates', { timeout: 20_000 }, () => {
  for (const [who, pair, strict] of [
    ['with a certificate of the CA', CLIENT, 200],
    ['without one', undefined, 0],
    ['with one that has expired', EXPIRED, 0],
    ['with one of another CA', STRANGER, 0],
    ['with one that is not for clients', SERVER_AS_CLIENT, 0],
  ] as const) {
    test(`${who}: ${strict} where it is asked for, 200 where anybody is served`, async (t) => {
      const gateway = await start(new TestBed(t));
      assert.equal(await ask(gateway, 'closed.example', 'closed.example', pair), strict);
      assert.equal(await ask(gateway, 'lenient.example', 'lenient.example', pair), 200);
      assert.equal(await ask(gateway, 'open.example', 'open.example', pair), 200);
      assert.equal(
        gateway.metrics.protocolErrors.cell({ address: '127.0.0.1:0' }).value('tls_handshake_failed'),
        strict === 200 ? 0 : 1,
      );
    });
  }

  test('a server name that asks for none opens no host that does', async (t) => {
    const gateway = await start(new TestBed(t));
    assert.equal(await ask(gateway, 'open.example', 'closed.example'), 421);
    assert.equal(await ask(gateway, 'lenient.example', 'closed.example', CLIENT), 421);
  });

  test('nor does no server name at all', async (t) => {
    const gateway = await start(new TestBed(t));
    assert.equal(await ask(gateway, '', 'open.example'), 200);
    assert.equal(await ask(gateway, '', 'closed.example', CLIENT), 421);
  });

  test('nor does a session of another host', async (t) => {
    const gateway = await start(new TestBed(t));
    const options = { ca: authority.pem, servername: 'open.example', rejectUnauthorized: false } as const;
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await handshake(gateway.address(), { ...options, maxVersion });
      const session = first.getSession() ?? ((await once(first, 'session')) as [Buffer])[0];
      const ticket = maxVersion === 'TLSv1.2' ? session : ((await ticketOf(first)) ?? session);
      first.destroy();
      const again = handshake(gateway.address(), {
        ...options,
        servername: 'closed.example',
        session: ticket,
        maxVersion,
      });
      const socket = await again.catch(() => undefined);
      if (socket === undefined) continue;
      assert.equal(socket.isSessionReused(), false);
      socket.resume();
      await once(socket, 'close').catch(() => {});
    }
  });

  test('a connection from before the rule is not served where it holds', async (t) => {
    const bed = new TestBed(t);
    const gateway = await bed.engine([]);
    const { port } = await bed.upstream();
    await apply(gateway, port, undefined);
    const socket = await handshake(gateway.address(), {
      ca: authority.pem,
      servername: 'closed.example',
      rejectUnauthorized: false,
    });
    bed.atEnd(() => socket.destroy());
    const status = async (): Promise<string> => {
      socket.write('GET / HTTP/1.1\r\nHost: closed.example\r\n\r\n');
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      return chunk.toString('latin1').slice(9, 12);
    };
    assert.equal(await status(), '200');
    await apply(gateway, port, STRICT);
    assert.equal(await status(), '421');
  });
});

async function ticketOf(socket: Awaited<ReturnType<typeof handshake>>): Promise<Buffer | undefined> {
  socket.write('GET / HTTP/1.1\r\nHost: open.example\r\n\r\n');
  const [session] = (await once(socket, 'session')) as [Buffer];
  return session;
}
