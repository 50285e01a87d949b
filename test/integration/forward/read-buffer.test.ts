// Buffers that are read into again and again: whatever is still on its way to a client is never written over.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { get as getTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { digest, distinctBody, slowDigest } from './distinct-body.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const CERTIFICATE = certificate('a', authority.issue('a.example'));
const BODY_BYTES = 8 * 1024 * 1024;
const BODIES = [1, 2, 3].map((seed) => distinctBody(seed, BODY_BYTES));
const DIGESTS = BODIES.map(digest);

async function upstreamPort(bed: TestBed, isChunked: boolean): Promise<number> {
  const server = createServer((request, response) => {
    const bytes = BODIES[Number(request.url?.slice(1))] ?? assert.fail();
    if (!isChunked) response.setHeader('content-length', bytes.length);
    response.flushHeaders();
    // Chunks that are no multiple of anything.
    for (let start = 0; start < bytes.length; start += 50_021) response.write(bytes.subarray(start, start + 50_021));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  bed.atEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

type Fetch = (path: string) => Promise<Readable>;

describe('large bodies come as they were sent', { timeout: 60_000 }, () => {
  for (const isChunked of [false, true]) {
    for (const protocol of ['HTTP/1.1', 'HTTP/1.1 over TLS', 'HTTP/2'] as const) {
      test(`${protocol}, ${isChunked ? 'in chunks' : 'with a length'}, several at a time, to slow readers`, async (t) => {
        const bed = new TestBed(t);
        const isTls = protocol !== 'HTTP/1.1';
        const gateway = await bed.engine([
          CERTIFICATE,
          isTls
            ? listener({ protocol: 'TLS', virtualHosts: [virtualHost({ certificates: [CERTIFICATE.key] })] })
            : listener(),
          cluster('a', [await upstreamPort(bed, isChunked)]),
          route('r', [{ backends: ['a'] }]),
        ]);
        const fetch = fetcher(bed, gateway.address().port, protocol);
        for (let round = 0; round < 2; round++) {
          const digests = await Promise.all(BODIES.map(async (_, index) => slowDigest(await fetch(`/${index}`))));
          assert.deepEqual(digests, DIGESTS);
        }
      });
    }
  }
});

function fetcher(bed: TestBed, port: number, protocol: string): Fetch {
  const options = { host: '127.0.0.1', port, agent: false } as const;
  if (protocol === 'HTTP/1.1')
    return async (path) => ((await once(get({ ...options, path }), 'response')) as [Readable])[0];
  const secure = { ca: authority.pem, servername: 'a.example', headers: { host: 'a.example' } };
  if (protocol === 'HTTP/1.1 over TLS')
    return async (path) => ((await once(getTls({ ...options, ...secure, path }), 'response')) as [Readable])[0];
  const session: ClientHttp2Session = connectHttp2(`https://a.example:${port}`, {
    ...secure,
    host: '127.0.0.1',
    lookup: (_name, _options, done) => (done as (e: null, a: string, f: number) => void)(null, '127.0.0.1', 4),
  });
  bed.atEnd(() => session.destroy());
  return (path) => Promise.resolve(session.request({ ':path': path, ':authority': 'a.example' }));
}
