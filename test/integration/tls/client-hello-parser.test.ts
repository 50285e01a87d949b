// The ClientHello parser in front of a TLS server: it reads what OpenSSL's own client and Node's send, tickets included, and every
// handshake goes on as if nobody had looked.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { promisify } from 'node:util';
import { parseClientHello } from '../../../src/dataplane/codec/client-hello.ts';
import type { ClientHello } from '../../../src/dataplane/codec/client-hello.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import type { KeyPair } from '../../harness/certificate-authority.ts';
import { TestBed } from '../../harness/test-bed.ts';

const HOST = '127.0.0.1';
const KEY_NAME_BYTES = 16;

let authority: CertificateAuthority;
let pair: KeyPair;
before(() => {
  authority = new CertificateAuthority();
  pair = authority.issue('a.example');
});
after(() => authority.remove());

/** A TLS server that greets, behind a look at each ClientHello. */
async function startServer(bed: TestBed): Promise<{ port: number; hellos: ClientHello[]; keyName: string }> {
  const ticketKeys = randomBytes(48);
  const options = {
    cert: pair.chain,
    key: pair.key,
    ticketKeys,
    minVersion: 'TLSv1' as const,
    ciphers: 'DEFAULT@SECLEVEL=0',
  };
  const server = createServer({ ...options, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    socket.on('error', () => {});
    socket.end('hello');
  });
  server.on('tlsClientError', () => {});
  const hellos: ClientHello[] = [];
  const port = await bed.server((socket) => {
    let bytes: Buffer = Buffer.alloc(0);
    const look = (): void => {
      bytes = Buffer.concat([bytes, (socket.read() as Buffer | null) ?? Buffer.alloc(0)]);
      const result = parseClientHello(bytes);
      if (result.kind === 'incomplete') return;
      socket.off('readable', look);
      socket.unshift(bytes);
      if (result.kind === 'clientHello') hellos.push(result);
      server.emit('connection', socket);
    };
    socket.on('readable', look);
  });
  return { port, hellos, keyName: ticketKeys.toString('hex', 0, KEY_NAME_BYTES) };
}

describe('OpenSSL’s client', { timeout: 30_000 }, () => {
  const run = promisify(execFile);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-s_client-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What it prints, also where it fails: how the server ends the connection is not this test's question. */
  async function ask(port: number, ...args: readonly string[]): Promise<string> {
    const connection = run('openssl', ['s_client', '-connect', `${HOST}:${port}`, ...args]);
    connection.child.stdin?.end();
    const { stdout } = await connection.catch((error: { readonly stdout: string }) => error);
    return stdout;
  }

  for (const [args, expected] of [
    [
      ['-servername', 'A.Example', '-alpn', 'h2,http/1.1'],
      { serverName: 'a.example', alpnProtocols: ['h2', 'http/1.1'] },
    ],
    [['-noservername'], {}],
    [['-servername', 'a.example', '-tls1_2'], { serverName: 'a.example' }],
    [['-servername', 'a.example', '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'], { serverName: 'a.example' }],
    [['-servername', 'a.example', '-tls1', '-cipher', 'DEFAULT@SECLEVEL=0'], { serverName: 'a.example' }],
    [['-servername', 'a.example', '-no_ticket', '-curves', 'P-256:X25519:P-521'], { serverName: 'a.example' }],
    [
      ['-servername', 'a.example', '-split_send_frag', '512', '-max_send_frag', '512', '-alpn', 'x'.repeat(200)],
      { serverName: 'a.example', alpnProtocols: ['x'.repeat(200)] },
    ],
  ] as const) {
    test(args.join(' ').slice(0, 100), async (t) => {
      const server = await startServer(new TestBed(t));
      await ask(server.port, ...args);
      const nothing = { serverName: undefined, alpnProtocols: [], ticketKeyName: undefined };
      assert.deepEqual(server.hellos, [{ kind: 'clientHello', ...nothing, ...expected }]);
    });
  }

  for (const version of ['-tls1_2', '-tls1_3']) {
    test(`a ticket of ${version} names its key`, async (t) => {
      const server = await startServer(new TestBed(t));
      const session = join(folder, `session${version}`);
      await ask(server.port, version, '-sess_out', session, '-ign_eof');
      const resumed = await ask(server.port, version, '-sess_in', session);
      assert.match(resumed, /^Reused, TLS/m);
      assert.deepEqual(
        server.hellos.map(({ ticketKeyName }) => ticketKeyName),
        [undefined, server.keyName],
      );
    });
  }
});

describe('Node’s client', { timeout: 30_000 }, () => {
  /** Until the server ends it, by when the tickets of TLS 1.3 are here. */
  async function ask(options: ConnectionOptions): Promise<{ isReused: boolean; session: Buffer | undefined }> {
    const socket = connect({ ...options, host: HOST, servername: 'a.example', ca: authority.pem });
    let session: Buffer | undefined;
    socket.on('session', (ticket: Buffer) => {
      session = ticket;
    });
    await once(socket, 'secureConnect');
    const isReused = socket.isSessionReused();
    socket.resume();
    await once(socket, 'close');
    return { isReused, session };
  }

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`a ticket of ${maxVersion} names its key, of another server another’s`, async (t) => {
      const bed = new TestBed(t);
      const [server, other] = [await startServer(bed), await startServer(bed)];
      const first = await ask({ port: server.port, maxVersion });
      const session = first.session ?? assert.fail('no session');
      const second = await ask({ port: server.port, maxVersion, session });
      const elsewhere = await ask({ port: other.port, maxVersion, session });
      assert.deepEqual([first.isReused, second.isReused, elsewhere.isReused], [false, true, false]);
      assert.deepEqual(
        [...server.hellos, ...other.hellos].map(({ ticketKeyName }) => ticketKeyName),
        [undefined, server.keyName, server.keyName],
      );
    });
  }
});
