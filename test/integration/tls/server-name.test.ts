// Which certificate and which virtual host a client gets by the name that its handshake carries.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { EngineSetup, RunningEngine } from '../../harness/running-engine.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { WireClient } from '../../harness/wire-client.ts';
import { clientHello, records } from './client-hello.ts';
import { ask, handshake } from './tls-client.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const ANY = certificate('any', authority.issue('any.example'));
const WILD = certificate('wild', authority.issue('*.wild.example'));
const EXACT = certificate('exact', authority.issue('a.wild.example', 'b.wild.example'));
const OTHER = certificate('other', authority.issue('other.example'));

interface HostSetup {
  readonly hostname: string;
  readonly certificates: readonly string[];
  /** Route hostnames; default: the virtual host's own. */
  readonly served?: string;
}

/** A listener with these virtual hosts; the answer of each is its number, from 1. */
async function startSecure(bed: TestBed, hosts: readonly HostSetup[], setup: EngineSetup = {}): Promise<RunningEngine> {
  const ports = await Promise.all(
    hosts.map((_, index) =>
      bed.server((socket) => {
        socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv${index + 1}`));
        socket.on('end', () => socket.end());
      }),
    ),
  );
  const resources = [
    ANY,
    WILD,
    EXACT,
    OTHER,
    listener({
      port: 443,
      protocol: 'TLS',
      virtualHosts: hosts.map(({ hostname, certificates }, index) =>
        virtualHost({
          name: `test/gateway/${index}`,
          hostname,
          certificates: certificates.map((name) => `certificate/test/${name}`),
        }),
      ),
    }),
    ...ports.map((port, index) => cluster(`${index}`, [port])),
    ...hosts.map(({ hostname, served = hostname }, index) =>
      route(`${index}`, [{ backends: [`${index}`] }], { hostname: served, virtualHost: `test/gateway/${index}` }),
    ),
  ];
  return await bed.engine(resources, setup);
}

async function presented(gateway: RunningEngine, servername: string): Promise<string> {
  const socket = await handshake(gateway.address(), { servername, rejectUnauthorized: false });
  const { subjectaltname = '' } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname;
}

async function assertNoHandshake(gateway: RunningEngine, servername: string): Promise<void> {
  await assert.rejects(handshake(gateway.address(), { servername, rejectUnauthorized: false }));
}

describe('choice of the certificate', { timeout: 30_000 }, () => {
  const HOSTS: readonly HostSetup[] = [
    { hostname: 'exact.example', certificates: ['other'] },
    { hostname: '*.wild.example', certificates: ['any', 'wild', 'exact'] },
    { hostname: 'c.wild.example', certificates: ['other'] },
  ];
  const ANY_HOST: HostSetup = { hostname: '*', certificates: ['any'] };

  for (const [servername, expected, why] of [
    ['exact.example', 'DNS:other.example', 'the first, as none names it'],
    ['a.wild.example', 'DNS:a.wild.example, DNS:b.wild.example', 'an exact name, though it is listed last'],
    ['x.wild.example', 'DNS:*.wild.example', 'a wildcard'],
    ['x.y.wild.example', 'DNS:any.example', 'the first, as a wildcard of a certificate is one label'],
    ['c.wild.example', 'DNS:other.example', 'the exact hostname’s, not the wildcard’s'],
    ['unknown.example', 'DNS:any.example', 'that of the listener for all hosts'],
    ['', 'DNS:any.example', 'that of the listener for all hosts, without a name'],
    ['A.WILD.example', 'DNS:a.wild.example, DNS:b.wild.example', 'in any case'],
  ] as const) {
    test(`"${servername}": ${why}`, async (t) => {
      const gateway = await startSecure(new TestBed(t), [...HOSTS, ANY_HOST]);
      assert.equal(await presented(gateway, servername), expected);
    });
  }

  for (const servername of ['unknown.example', 'wild.example', 'exact.example.evil.example', '']) {
    test(`"${servername}": no handshake where no hostname matches, and others go on`, async (t) => {
      const gateway = await startSecure(new TestBed(t), HOSTS);
      for (let i = 0; i < 3; i++) await assertNoHandshake(gateway, servername);
      assert.equal(await presented(gateway, 'exact.example'), 'DNS:other.example');
      assert.equal(gateway.metrics.protocolErrors.cell({ address: '127.0.0.1:0' }).value('server_name_unknown'), 3);
    });
  }

  test('a hostname without any certificate: no handshake', async (t) => {
    const gateway = await startSecure(new TestBed(t), [{ hostname: 'bare.example', certificates: [] }, ANY_HOST]);
    await assertNoHandshake(gateway, 'bare.example');
  });
});

describe('I03 SNI and Host: 421 and 404', () => {
  // The conformance suite's listeners and requests.
  const HOSTS: readonly HostSetup[] = [
    { hostname: '*', certificates: ['any'], served: 'example.org' },
    { hostname: 'second-example.org', certificates: ['any'] },
    { hostname: '*.wildcard.org', certificates: ['any'] },
    { hostname: 'fourth-example.wildcard.org', certificates: ['any'] },
  ];

  for (const [serverName, host, expected] of [
    ['example.org', 'example.org', 'v1'],
    ['example.org', 'second-example.org', 421],
    ['example.org', 'unknown-example.org', 404],
    ['second-example.org', 'second-example.org', 'v2'],
    ['second-example.org', 'example.org', 421],
    ['second-example.org', 'unknown-example.org', 421],
    ['third-example.wildcard.org', 'third-example.wildcard.org', 'v3'],
    ['third-example.wildcard.org', 'fith-example.wildcard.org', 'v3'],
    ['third-example.wildcard.org', 'fourth-example.wildcard.org', 421],
    ['third-example.wildcard.org', 'second-example.org', 421],
    ['third-example.wildcard.org', 'unknown-example.org', 421],
    ['fourth-example.wildcard.org', 'fourth-example.wildcard.org', 'v4'],
    ['fourth-example.wildcard.org', 'fith-example.wildcard.org', 421],
    ['unknown-example.org', 'example.org', 'v1'],
    ['unknown-example.org', 'unknown-example.org', 404],
    // Without SNI the Host alone decides.
    ['', 'example.org', 'v1'],
    ['', 'second-example.org', 'v2'],
    ['', 'unknown-example.org', 404],
    // Neither ports, nor case, nor a final dot make another host.
    ['second-example.org', 'SECOND-example.org.:8443', 'v2'],
    ['Second-Example.ORG', 'second-example.org', 'v2'],
  ] as const) {
    test(`SNI "${serverName}", Host ${host}: ${expected}`, async (t) => {
      const gateway = await startSecure(new TestBed(t), HOSTS);
      const { status, body } = await ask(gateway.address(), authority.pem, serverName, host);
      if (typeof expected === 'number') assert.equal(status, expected);
      else assert.deepEqual([status, body], [200, expected]);
    });
  }

  for (const [serverName, host, expected] of [
    ['second-example.org', 'unknown-example.org', 404],
    ['second-example.org', 'third-example.wildcard.org', 421],
  ] as const) {
    test(`without a listener for all hosts: SNI "${serverName}", Host ${host}: ${expected}`, async (t) => {
      const gateway = await startSecure(new TestBed(t), HOSTS.slice(1));
      assert.equal((await ask(gateway.address(), authority.pem, serverName, host)).status, expected);
    });
  }

  test('each request of a connection is judged by itself', async (t) => {
    const gateway = await startSecure(new TestBed(t), HOSTS);
    const socket = await handshake(gateway.address(), { servername: 'second-example.org', rejectUnauthorized: false });
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
    for (const host of ['second-example.org', 'example.org', 'second-example.org']) {
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const { path, status, serverName, tlsVersion } = await gateway.logged();
      assert.deepEqual(
        [path, status, serverName, tlsVersion],
        ['/', host === 'example.org' ? 421 : 200, 'second-example.org', 'TLSv1.3'],
      );
    }
    socket.destroy();
    assert.ok(received.startsWith('HTTP/1.1 200 OK'));
  });
});

describe('I04 odd server names', () => {
  const HOSTS: readonly HostSetup[] = [
    { hostname: 'second-example.org', certificates: ['other'] },
    { hostname: '*.wild.example', certificates: ['wild'] },
  ];
  const SERVER_HELLO = 2;
  const ALERT_RECORD = 21;
  const HANDSHAKE_RECORD = 22;

  /** What comes back for a ClientHello: `hello`, `alert` or `close`. */
  async function reaction(gateway: RunningEngine, bytes: Buffer): Promise<string> {
    const client = await WireClient.open(gateway.address());
    client.send(bytes);
    const received = await client.until('a reaction', () =>
      client.received.length > 5 || client.end !== 'open' ? client.received : undefined,
    );
    client.destroy();
    if (received[0] === HANDSHAKE_RECORD && received[5] === SERVER_HELLO) return 'hello';
    return received[0] === ALERT_RECORD ? 'alert' : 'close';
  }

  const label = 'a'.repeat(49);
  for (const [what, name, expected] of [
    ['a plain one', 'second-example.org', ['hello']],
    ['upper case', 'SECOND-EXAMPLE.ORG', ['hello']],
    ['a trailing dot', 'second-example.org.', ['hello']],
    ['two trailing dots', 'second-example.org..', ['alert', 'close']],
    ['an IPv4 address', '127.0.0.1', ['alert', 'close']],
    ['an IPv6 address', '::1', ['alert', 'close']],
    ['nothing', '', ['alert', 'close']],
    ['a blank', ' ', ['alert', 'close']],
    ['NUL', 'second-example.org\0.evil.example', ['alert', 'close']],
    ['NUL at the end', 'second-example.org\0', ['alert', 'close']],
    ['line breaks', 'a\r\nHost: b.wild.example', ['alert', 'close', 'hello']],
    ['a name of Object', '__proto__', ['alert', 'close']],
    ['250 bytes', `${label}.${label}.${label}.${label}.${label}`, ['alert', 'close']],
    ['255 bytes that match', `${'a'.repeat(255 - '.wild.example'.length)}.wild.example`, ['alert', 'close', 'hello']],
    ['300 bytes', `${'a'.repeat(300 - '.wild.example'.length)}.wild.example`, ['alert', 'close']],
    ['16 000 bytes', 'a'.repeat(16_000), ['alert', 'close']],
    ['bytes above 0x7f', Buffer.from('ff80c3a4', 'hex'), ['alert', 'close']],
  ] as const) {
    test(`${what}: ${expected.join(' or ')}, and the gateway lives`, async (t) => {
      const gateway = await startSecure(new TestBed(t), HOSTS);
      const seen = await reaction(gateway, records(clientHello(name)));
      assert.ok((expected as readonly string[]).includes(seen), seen);
      const answer = await ask(gateway.address(), authority.pem, 'second-example.org', 'second-example.org');
      assert.deepEqual(answer, { status: 200, body: 'v1' });
    });
  }

  describe('T07 ClientHellos', () => {
    for (const size of [1, 7, 100]) {
      test(`in records of ${size} bytes`, async (t) => {
        const gateway = await startSecure(new TestBed(t), HOSTS);
        const seen = await reaction(gateway, records(clientHello('second-example.org'), size));
        assert.ok(['hello', 'alert', 'close'].includes(seen));
        assert.equal((await ask(gateway.address(), authority.pem, 'x.wild.example', 'x.wild.example')).body, 'v2');
      });
    }

    test('with bytes changed, cut and doubled at random do no harm', async (t) => {
      const random = seededRandom();
      t.diagnostic(random.seed);
      // What is incomplete ends with the time for a handshake.
      const gateway = await startSecure(new TestBed(t), HOSTS, { timeouts: { tlsHandshakeMs: 500 } });
      const send = async (bytes: Buffer): Promise<void> => {
        const client = await WireClient.open(gateway.address());
        await client.send(bytes).finish().untilClosed();
        client.destroy();
      };
      const sent = Array.from({ length: 300 }, () => {
        const hello = records(clientHello('second-example.org'), random.pick([16_384, 64]));
        for (let flips = random.below(4); flips >= 0; flips--) hello[random.below(hello.length)] = random.below(256);
        const start = random.below(3) === 0 ? random.below(hello.length) : 0;
        return send(Buffer.concat([hello, hello.subarray(start)]));
      });
      await Promise.all(sent);
      const answer = await ask(gateway.address(), authority.pem, 'second-example.org', 'second-example.org');
      assert.deepEqual(answer, { status: 200, body: 'v1' });
    });
  });
});
