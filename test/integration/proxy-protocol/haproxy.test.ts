// I09: what haproxy, whose protocol it is, sends is read, and what is written is what haproxy reads.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { parseProxyHeader, proxyHeader } from '../../../src/dataplane/codec/proxy-protocol.ts';
import type { ProxyAddress, ProxyHeader } from '../../../src/dataplane/codec/proxy-protocol.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { startHaproxy } from './haproxy.ts';

const LOOPBACK = '127.0.0.1';

/** What haproxy sends to its server, until that is a header and one byte: a byte from the client, unless haproxy speaks for itself. */
async function received(
  bed: TestBed,
  server: string,
  clientAddress: string | undefined,
): Promise<{ header: ProxyHeader; rest: string; client?: Socket }> {
  const connections: Socket[] = [];
  const arrived = Promise.withResolvers<{ header: ProxyHeader; rest: string }>();
  const upstream = await bed.server((socket) => {
    connections.push(socket);
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const header = parseProxyHeader(bytes);
      if (header.kind === 'malformed') arrived.reject(new Error(`${header.reason}: ${bytes.toString('hex')}`));
      if (header.kind !== 'header') return;
      const rest = bytes.subarray(header.length).toString();
      if (clientAddress === undefined || rest !== '') arrived.resolve({ header, rest });
    });
  });
  const port = await bed.closedPort();
  const bind = `${clientAddress === '::1' ? '[::1]' : LOOPBACK}:${port}`;
  await startHaproxy(bed, `listen l\n  mode tcp\n  bind ${bind}\n  server s ${LOOPBACK}:${upstream} ${server}\n`);
  if (clientAddress === undefined) return await arrived.promise;
  const client = connect(port, clientAddress);
  bed.atEnd(() => client.destroy());
  client.on('error', arrived.reject);
  client.write('hello');
  return { ...(await arrived.promise), client };
}

describe('what haproxy sends', { timeout: 30_000 }, () => {
  for (const server of [
    'send-proxy',
    'send-proxy-v2',
    'send-proxy-v2 proxy-v2-options crc32c',
    'send-proxy-v2-ssl-cn proxy-v2-options crc32c,ssl,cert-cn,authority',
  ]) {
    for (const address of [LOOPBACK, '::1']) {
      test(`${server} from ${address}`, async (t) => {
        const { header, rest, client } = await received(new TestBed(t), server, address);
        assert.equal(rest, 'hello');
        assert.deepEqual(header.source, { address, port: client?.localPort });
        assert.deepEqual(header.destination, { address, port: client?.remotePort });
      });
    }
  }

  test('LOCAL, where it checks health', async (t) => {
    const { header } = await received(new TestBed(t), 'send-proxy-v2 check check-send-proxy inter 100ms', undefined);
    assert.equal(header.source, undefined);
  });
});

describe('what haproxy reads', { timeout: 30_000 }, () => {
  const at = (address: string, port: number): ProxyAddress => ({ address, port });

  for (const [source, destination, expected] of [
    [at('192.0.2.1', 1234), at('198.51.100.1', 443), '192.0.2.1 1234 198.51.100.1 443'],
    [at('2001:db8::1', 65535), at('2001:DB8::2', 1), '2001:db8::1 65535 2001:db8::2 1'],
    [at('::ffff:192.0.2.1', 1), at('198.51.100.1', 2), '192.0.2.1 1 198.51.100.1 2'],
    [at('192.0.2.1', 1), at('2001:db8::2', 2), '::ffff:192.0.2.1 1 2001:db8::2 2'],
  ] as const) {
    for (const version of [1, 2] as const) {
      test(`version ${version}: ${expected}`, async (t) => {
        const bed = new TestBed(t);
        const port = await bed.closedPort();
        const answer = 'http-request return status 200 content-type text/plain lf-string "%ci %cp %fi %fp"';
        await startHaproxy(bed, `frontend f\n  mode http\n  bind ${LOOPBACK}:${port} accept-proxy\n  ${answer}\n`);
        const client = connect(port, LOOPBACK);
        bed.atEnd(() => client.destroy());
        client.write(proxyHeader(version, source, destination));
        client.write('GET / HTTP/1.0\r\n\r\n');
        const response = await text(client);
        assert.equal(response.split('\r\n\r\n')[1], expected);
      });
    }
  }
});
