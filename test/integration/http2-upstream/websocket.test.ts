// WebSockets of HTTP/1.1 clients to HTTP/2 endpoints: by extended CONNECT (RFC 8441) where the endpoint allows it.
import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { FRAME } from '../../harness/http2-frames.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';
import { FrameUpstream } from './frame-upstream.ts';
import { ask, gatewayTo, metric } from './http2-gateway.ts';
import { echo, Http2Upstream } from './http2-upstream.ts';

/** The example of RFC 6455 section 1.3. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

const UPGRADE = request('GET /chat?a=1', [
  'Connection: Upgrade',
  'Upgrade: WebSocket',
  `Sec-WebSocket-Key: ${KEY}`,
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: chat',
]);

function accept(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
}

async function opened(bed: TestBed, script = accept): Promise<{ client: WireClient; upstream: Http2Upstream }> {
  const upstream = await Http2Upstream.listen(bed, script, { settings: { enableConnectProtocol: true } });
  const gateway = await gatewayTo(bed, upstream.port);
  return { client: (await bed.client(gateway)).send(UPGRADE), upstream };
}

describe('WebSocket to HTTP/2', { timeout: 30_000 }, () => {
  test('extended CONNECT, and 101 with the right proof', async (t) => {
    const bed = new TestBed(t);
    const { client, upstream } = await opened(bed);
    await client.untilText('\r\n\r\n');
    const head = client.received.toString('latin1');
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.ok(head.includes(`\r\nsec-websocket-accept: ${ACCEPT}\r\n`));
    assert.ok(head.includes('\r\nsec-websocket-protocol: chat\r\n'));
    assert.match(head, /\r\nupgrade: websocket\r\n/);
    const { headers } = upstream.requests[0] ?? assert.fail();
    const names = [
      ':method',
      ':protocol',
      ':scheme',
      ':path',
      ':authority',
      'sec-websocket-version',
      'sec-websocket-protocol',
    ];
    assert.deepEqual(
      names.map((name) => headers[name]),
      ['CONNECT', 'websocket', 'http', '/chat?a=1', 'example.com', '13', 'chat'],
    );
    for (const name of ['sec-websocket-key', 'upgrade', 'connection', 'content-length'])
      assert.equal(headers[name], undefined, name);
  });

  test('bytes both ways, and each way ends by itself', async (t) => {
    const bed = new TestBed(t);
    const { client, upstream } = await opened(bed);
    const received = await upstream.request(0);
    await client.untilText('\r\n\r\n');
    client.send('hello');
    await upstream.until('the bytes', () => received.body === 'hello' || undefined);
    received.stream.write('world');
    await client.untilText('world');
    client.finish();
    await upstream.until('the end', () => received.isComplete || undefined);
    received.stream.end('and more');
    await client.untilText('and more');
    await client.untilClosed();
    assert.equal(client.end, 'closed');
    await upstream.until('the stream is closed', () => received.stream.closed || undefined);
  });

  test('the endpoint ends first', async (t) => {
    const bed = new TestBed(t);
    const { client, upstream } = await opened(bed, (stream) => {
      accept(stream);
      stream.end('bye');
    });
    await client.untilText('bye');
    await client.untilClosed();
    client.send('last').finish();
    const received = await upstream.request(0);
    await upstream.until('the rest', () => received.body === 'last' || undefined);
  });

  test('a client that breaks off resets the stream, an endpoint that does cuts the client', async (t) => {
    const bed = new TestBed(t);
    const { client, upstream } = await opened(bed);
    const received = await upstream.request(0);
    await client.untilText('\r\n\r\n');
    client.reset();
    await upstream.until('the reset', () => received.stream.closed || undefined);
    const other = await opened(bed);
    const { stream } = await other.upstream.request(0);
    await other.client.untilText('\r\n\r\n');
    stream.destroy(new Error('broken'));
    await other.client.untilClosed();
    assert.equal(other.client.end, 'reset');
  });

  test('a refusal is an answer', async (t) => {
    const bed = new TestBed(t);
    const { client } = await opened(bed, (stream) => {
      stream.respond({ ':status': 403 });
      stream.end('no');
    });
    const [response = assert.fail()] = await client.untilResponses(1);
    assert.deepEqual([statusOf(response), response.body.toString()], [403, 'no']);
    assert.equal(valueOf(response, 'sec-websocket-accept'), undefined);
  });

  test('an endpoint that does not allow it: 502, and other requests go on', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => connection.answer(stream),
    });
    const gateway = await gatewayTo(bed, upstream.port);
    assert.equal(await ask(await bed.client(gateway), UPGRADE), 502);
    assert.equal((await gateway.logged()).flag, 'UPE');
    assert.equal((await upstream.connection(0)).of(FRAME.headers).length, 0);
    assert.equal(await ask(await bed.client(gateway)), 200);
    assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
  });

  test('another protocol is not switched to: the request is an ordinary one', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, echo);
    const gateway = await gatewayTo(bed, upstream.port);
    const text = request('GET /', ['Connection: Upgrade', 'Upgrade: other']);
    assert.equal(await ask(await bed.client(gateway), text), 200);
    assert.equal(upstream.requests[0]?.headers['upgrade'], undefined);
  });
});
