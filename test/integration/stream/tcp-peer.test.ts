// Sessions with TLS on either side, with a PROXY protocol header in front, and with nginx as the endpoint.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { connect as connectTls, createSecureContext, createServer } from 'node:tls';
import type { DialerTls } from '../../../src/dataplane/cluster/pool/dialer.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { startNginx } from '../system/nginx.ts';
import { ending, readAll, StreamGateway } from './stream-gateway.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const BACKEND = authority.issue('backend.example');
const TRUST: DialerTls = {
  serverName: 'backend.example',
  secureContext: createSecureContext({ ca: authority.pem }),
};
const PREAMBLE = Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n');
const MUCH = 3 * 1024 * 1024;

/** Echoes over TLS, and keeps open what the client ends. What comes before the handshake is `expected`. */
async function tlsEcho(bed: TestBed, expected: Buffer = Buffer.alloc(0)): Promise<number> {
  const tls = createServer({ cert: BACKEND.chain, key: BACKEND.key, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  tls.on('tlsClientError', () => {});
  const accept = async (socket: Socket): Promise<void> => {
    if (expected.length > 0) {
      await once(socket, 'readable');
      const start = socket.read(expected.length) as Buffer;
      assert.deepEqual(start, expected);
    }
    tls.emit('connection', socket);
  };
  return await bed.server((socket) => void accept(socket));
}

/** Terminates the client's TLS before the session begins, as a listener does. */
function terminating(bed: TestBed): (raw: Socket) => Promise<Socket> {
  const server = createServer({ cert: BACKEND.chain, key: BACKEND.key, allowHalfOpen: true });
  bed.atEnd(() => server.removeAllListeners());
  return async (raw) => {
    server.emit('connection', raw);
    const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
    return socket;
  };
}

for (const preamble of [undefined, PREAMBLE]) {
  describe(preamble === undefined ? 'without a preamble' : 'with a preamble', { timeout: 20_000 }, () => {
    const setup = preamble === undefined ? {} : { preamble };

    test('plain: it comes before all else', async (t) => {
      const bed = new TestBed(t);
      const gateway = await StreamGateway.open(bed, {
        ...setup,
        ports: [await bed.server((socket) => socket.pipe(socket))],
      });
      const client = await gateway.connect();
      client.end('hello');
      assert.equal((await readAll(client)).toString(), `${preamble?.toString() ?? ''}hello`);
      assert.equal((await gateway.finished()).bytesReceived, 5);
    });

    test('to an endpoint with TLS: all of it arrives, and half-close is kept', async (t) => {
      const bed = new TestBed(t);
      const gateway = await StreamGateway.open(bed, { ...setup, ports: [await tlsEcho(bed, preamble)], tls: TRUST });
      const client = await gateway.connect();
      const data = randomBytes(MUCH);
      client.end(data);
      assert.ok((await readAll(client)).equals(data));
      assert.equal((await gateway.finished()).failure, undefined);
    });

    test('an endpoint whose certificate is for another name gets no byte, the client a reset', async (t) => {
      const bed = new TestBed(t);
      const tls = { ...TRUST, serverName: 'other.example' };
      const gateway = await StreamGateway.open(bed, { ...setup, ports: [await tlsEcho(bed, preamble)], tls });
      const client = await gateway.connect();
      client.write('secret');
      assert.equal(await ending(client), 'reset');
      assert.equal((await gateway.finished()).failure, 'upstream_connect_failed');
      assert.match(gateway.connectFailures.join(), /altnames/);
    });

    test('an endpoint with TLS that refuses is passed over', async (t) => {
      const bed = new TestBed(t);
      const ports = [await bed.closedPort(), await tlsEcho(bed, preamble)];
      const gateway = await StreamGateway.open(bed, { ...setup, ports, tls: TRUST });
      const client = await gateway.connect();
      client.end('hello');
      assert.equal((await readAll(client)).toString(), 'hello');
      assert.equal((await gateway.finished()).tries, 2);
    });
  });
}

describe('with TLS on the client’s side', { timeout: 20_000 }, () => {
  test('all of it arrives, and half-close is kept', async (t) => {
    const bed = new TestBed(t);
    const echo = await bed.server((socket) => socket.pipe(socket));
    const gateway = await StreamGateway.open(bed, { ports: [echo], prepare: terminating(bed) });
    const { address: host, port } = gateway.address;
    const client = connectTls({
      host,
      port,
      servername: 'backend.example',
      ca: authority.pem,
      allowHalfOpen: true,
    } as object);
    const data = randomBytes(MUCH);
    client.end(data);
    assert.ok((await readAll(client)).equals(data));
    assert.equal((await gateway.finished()).failure, undefined);
  });

  test('what an endpoint resets has no proper end for the client', async (t) => {
    const bed = new TestBed(t);
    const brief = await bed.server((socket) => socket.on('data', () => socket.resetAndDestroy()));
    const gateway = await StreamGateway.open(bed, { ports: [brief], prepare: terminating(bed) });
    const { address: host, port } = gateway.address;
    const client = connectTls({ host, port, servername: 'backend.example', ca: authority.pem });
    client.on('error', () => {});
    client.write('hello');
    await once(client, 'close');
    assert.equal((await gateway.finished()).failure, 'upstream_reset');
  });
});

test('nginx reads the header, and answers over one connection again and again', { timeout: 20_000 }, async (t) => {
  const bed = new TestBed(t);
  const port = await bed.closedPort();
  await startNginx(
    t,
    [port],
    `server { listen ${ADDRESS}:${port} proxy_protocol; return 200 "$proxy_protocol_addr\\n"; }`,
  );
  const gateway = await StreamGateway.open(bed, { ports: [port], preamble: PREAMBLE });
  const client = await gateway.connect();
  for (let i = 0; i < 3; i++) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(String((await once(client, 'data'))[0]), /^HTTP\/1\.1 200 [^]*\r\n\r\n192\.0\.2\.1\n$/);
  }
  client.end();
  await readAll(client);
  assert.equal((await gateway.finished()).failure, undefined);
});
