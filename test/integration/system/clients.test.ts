// Real clients through the process, to a plain Node server: curl in its many ways, and Node's WebSocket.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { CertificateAuthority } from './certificates.ts';
import { curl, curlFailure } from './curl.ts';
import { backend, documents, gateway, route, tlsSecret } from './manifests.ts';
import { SystemGateway } from './system-gateway.ts';
import { WebSocketEcho } from './websocket-echo.ts';

const SERVER_NAME = 'shop.example.com';
const BIG_BYTES = 48 * 1024 * 1024;
const TEXT = 'a text that is worth compressing, '.repeat(500);
const COMPRESSED = gzipSync(TEXT);
const MESSAGES = 1_000;
/** Under way at once. */
const MESSAGE_WINDOW = 50;
/** Of a message; so that all three sizes of a frame's length occur. */
const MAX_MESSAGE_BYTES = 70_000;
const BOUND_MS = 20_000;

class Upstream {
  readonly socket = new WebSocketEcho();
  readonly #server: Server;
  readonly #big: string;

  constructor(big: string) {
    this.#big = big;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === '/refused') {
        response.writeHead(413).end('too much');
      } else {
        response.writeContinue();
        void this.#answer(request, response);
      }
    });
    this.#server.on('upgrade', this.socket.accept);
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (request.url) {
      case '/big':
        response.writeHead(200, { 'content-length': BIG_BYTES });
        await pipeline(createReadStream(this.#big), response);
        break;
      case '/big-in-chunks':
        await pipeline(createReadStream(this.#big), response);
        break;
      case '/compressed':
        response.writeHead(200, {
          'content-encoding': 'gzip',
          'content-length': COMPRESSED.length,
          etag: 'W/"1"',
          vary: 'accept-encoding',
        });
        response.end(request.method === 'HEAD' ? undefined : COMPRESSED);
        break;
      case '/chunks':
        response.write('one,');
        response.end('two');
        break;
      default: {
        const hash = createHash('sha256');
        for await (const chunk of request) hash.update(chunk as Buffer);
        const { method, url, httpVersion, headers } = request;
        response.end(JSON.stringify({ method, url, httpVersion, headers, sha256: hash.digest('hex') }));
      }
    }
  }
}

/** What the upstream says of a request. */
interface Told {
  readonly method: string;
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sha256: string;
}

function told(output: Buffer): Told {
  return JSON.parse(output.toString()) as Told;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('real clients', async (t) => {
  const directory = new TemporaryDirectory(t);
  const authority = new CertificateAuthority(directory);
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const big = directory.at('big');
  const bigBytes = randomBytes(BIG_BYTES);
  writeFileSync(big, bigBytes);
  const bigHash = sha256(bigBytes);
  const upstream = new Upstream(big);
  directory.write({
    'manifests/all.yaml': documents(
      gateway({ name: 'http', port: httpPort }, { name: 'https', port: httpsPort, secret: 'pair' }),
      route('all', { backend: 'node' }),
      backend('node', await upstream.listen()),
      tlsSecret('pair', authority.issue(SERVER_NAME)),
    ),
  });
  t.after(() => upstream.close());
  const sluice = await SystemGateway.start(t, directory.at('manifests'));
  const http = `http://127.0.0.1:${httpPort}`;
  const https = `https://${SERVER_NAME}:${httpsPort}`;
  const tls = ['--cacert', authority.path, '--resolve', `${SERVER_NAME}:${httpsPort}:127.0.0.1`];

  await t.test('curl over HTTPS believes the certificate, and the upstream is told', async () => {
    for (const version of ['1.2', '1.3']) {
      const { output } = await curl(...tls, `--tlsv${version}`, '--tls-max', version, `${https}/`);
      const { httpVersion, headers } = told(output);
      assert.equal(httpVersion, '1.1');
      assert.equal(headers['host'], `${SERVER_NAME}:${httpsPort}`);
      assert.equal(headers['x-forwarded-proto'], 'https');
      assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    }
    const CERTIFICATE_REFUSED = 60;
    const otherName = ['--cacert', authority.path, '--resolve', `other.example.com:${httpsPort}:127.0.0.1`];
    assert.equal(await curlFailure(...otherName, `https://other.example.com:${httpsPort}/`), CERTIFICATE_REFUSED);
    assert.equal(
      await curlFailure(`${https}/`, ...tls.slice(2)),
      CERTIFICATE_REFUSED,
      'the authority is of this test alone',
    );
    const TLS_FAILED = 35;
    assert.equal(await curlFailure(...tls, '--tls-max', '1.1', `${https}/`), TLS_FAILED);
  });

  await t.test('an HTTP/1.0 client gets no chunks', async () => {
    const { output } = await curl('-0', '--include', `${http}/chunks`);
    const [head = '', body] = output.toString().split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(head, /transfer-encoding/i);
    assert.equal(body, 'one,two');
    const { output: told10 } = await curl('-0', `${http}/`);
    assert.equal(told(told10).httpVersion, '1.1');
  });

  await t.test('big uploads and downloads arrive as they were sent', async () => {
    for (const [base, options] of [
      [http, []],
      [https, tls],
    ] as const) {
      const upload = await curl(...options, '--upload-file', big, `${base}/upload`);
      assert.equal(told(upload.output).sha256, bigHash);
      const chunks = await curl(...options, '--upload-file', big, '-H', 'transfer-encoding: chunked', `${base}/upload`);
      assert.equal(told(chunks.output).sha256, bigHash);
      assert.equal(told(chunks.output).headers['transfer-encoding'], 'chunked');
      for (const path of ['/big', '/big-in-chunks']) {
        const download = await curl(
          ...options,
          '--output',
          directory.at('download'),
          '--write-out',
          '%{http_code}',
          base + path,
        );
        assert.equal(download.output.toString(), '200');
        assert.equal(sha256(readFileSync(directory.at('download'))), bigHash, path);
      }
    }
  });

  await t.test('Expect: 100-continue is asked of the upstream', async () => {
    const expecting = ['--verbose', '-H', 'expect: 100-continue', '--data', 'hello', '--expect100-timeout', '30'];
    const { output, errors } = await curl(...expecting, `${http}/`);
    assert.equal(told(output).sha256, sha256(Buffer.from('hello')));
    assert.match(errors, /< HTTP\/1\.1 100 Continue/);
    const refused = await curl(...expecting, '--write-out', ' %{http_code} %{size_upload}', `${http}/refused`);
    assert.equal(refused.output.toString(), 'too much 413 0', 'the body is not sent');
  });

  await t.test('HEAD has the fields of a body and none, and keeps the connection', async () => {
    const connects = ['--write-out', '%{num_connects}|'];
    const { output } = await curl('--head', ...connects, `${http}/compressed`, `${http}/compressed`);
    const [first = '', second = '', rest] = output.toString().split('|');
    for (const head of [first, second]) {
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(head, new RegExp(`^content-length: ${COMPRESSED.length}\r$`, 'im'));
    }
    // The second one made no connection.
    assert.deepEqual([first.slice(-5), second.slice(-5)], ['\r\n\r\n1', '\r\n\r\n0']);
    assert.equal(rest, '');
  });

  await t.test('compressed content passes as it is', async () => {
    const { output: head } = await curl('--head', '-H', 'accept-encoding: gzip', `${http}/compressed`);
    assert.match(head.toString(), /content-encoding: gzip\r\n/i);
    assert.match(head.toString(), /etag: W\/"1"\r\n/i);
    assert.match(head.toString(), /vary: accept-encoding\r\n/i);
    const { output: raw } = await curl('-H', 'accept-encoding: gzip', `${http}/compressed`);
    assert.deepEqual(raw, COMPRESSED);
    const { output: plain } = await curl('--compressed', `${http}/compressed`);
    assert.equal(plain.toString(), TEXT);
  });

  await t.test(`${MESSAGES} messages of a WebSocket, and both ways to close it`, async () => {
    const socket = await openWebSocket(httpPort);
    await exchangeMessages(socket);
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(BOUND_MS) });
    socket.close(4001, 'enough');
    const [event] = (await closed) as [CloseEvent];
    assert.deepEqual([event.code, event.reason, event.wasClean], [4001, 'enough', true]);
    assert.deepEqual(upstream.socket.closeCodes, [4001]);

    const other = await openWebSocket(httpPort);
    const otherClosed = once(other, 'close', { signal: AbortSignal.timeout(BOUND_MS) });
    upstream.socket.closeAll(4002, 'going');
    const [otherEvent] = (await otherClosed) as [CloseEvent];
    assert.deepEqual([otherEvent.code, otherEvent.reason, otherEvent.wasClean], [4002, 'going', true]);
  });

  const metrics = await sluice.metrics();
  assert.equal(metrics.sum('sluice_active_requests'), 0);
  assert.equal(metrics.sum('sluice_requests_total', { status: '5xx' }), 0);
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /"level":"(?:error|fatal)"/);
});

async function openWebSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`);
  socket.binaryType = 'arraybuffer';
  await once(socket, 'open', { signal: AbortSignal.timeout(BOUND_MS) });
  return socket;
}

/** Texts and bytes in turn; each comes back as it was, in order. */
async function exchangeMessages(socket: WebSocket): Promise<void> {
  const messages = Array.from({ length: MESSAGES }, (_, index) => {
    const size = Math.round((index / MESSAGES) ** 4 * MAX_MESSAGE_BYTES);
    return index % 2 === 0 ? 'é'.repeat(size / 2) : new Uint8Array(randomBytes(size));
  });
  let sent = 0;
  let received = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const send = (): void => {
    while (sent < MESSAGES && sent - received < MESSAGE_WINDOW) socket.send(messages[sent++] ?? '');
  };
  socket.addEventListener('message', (event) => {
    const data = event.data as string | ArrayBuffer;
    try {
      assert.deepEqual(typeof data === 'string' ? data : new Uint8Array(data), messages[received++]);
      if (received === MESSAGES) resolve();
      else send();
    } catch (error) {
      reject(error);
    }
  });
  socket.addEventListener('close', () => reject(new Error(`closed after ${received} messages`)));
  send();
  await promise;
}
