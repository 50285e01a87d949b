// H16, H20: endpoints that break HTTP/2 or bend it. Each costs the requests that met it, never the gateway: its memory stays bounded, its
// other requests are served, and the connection goes.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import {
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  FRAME,
  headerBlock,
  headers,
  rstStream,
  settings,
  uint32,
  windowUpdate,
} from '../../harness/http2-frames.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { FrameUpstream, INITIAL_WINDOW_SIZE, PUSH_PROMISE } from './frame-upstream.ts';
import type { FrameConnection, FrameScript } from './frame-upstream.ts';
import { ask, gatewayTo, metric } from './http2-gateway.ts';
import { Http2Upstream } from './http2-upstream.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());
const pair = authority.issue('up.example');

const ORIGIN = 0xc;
const ALTSVC = 0xa;
const OK = [[':status', '200']] as const;

const BURST_BYTES = 65_536;

/** Sends pieces until the gateway has had enough, or so many bytes, and leaves it turns of the event loop in between. */
function flood(
  connection: FrameConnection,
  maxBytes: number,
  piece: (round: number) => Uint8Array,
  onDone: () => void = () => {},
): void {
  let sent = 0;
  let round = 0;
  const write = (): void => {
    if (sent >= maxBytes || connection.isClosed || connection.socket.destroyed) return onDone();
    const pieces: Uint8Array[] = [];
    for (const end = sent + BURST_BYTES; sent < end; round++)
      sent += pieces[pieces.push(piece(round)) - 1]?.length ?? 0;
    connection.socket.write(Buffer.concat(pieces), () => setImmediate(write));
  };
  write();
}

function pushPromise(stream: number, promised: number): Buffer {
  const block = headerBlock([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'example.com'],
    [':path', '/pushed'],
  ]);
  return frame(PUSH_PROMISE, END_HEADERS, stream, Buffer.concat([uint32(promised), block]));
}

const CONTINUATION = frame(FRAME.continuation, 0, 1, headerBlock([['x-a', 'x'.repeat(1_000)]]));
const MEBIBYTE = 1024 * 1024;

/** What comes of the request that meets it: an answer of the gateway's own, or a connection that is cut. */
const FATAL: readonly (readonly [string, FrameScript['onRequest'] & object])[] = [
  [
    '1xx without end',
    (connection, stream) => flood(connection, 64 * MEBIBYTE, () => headers(stream, [[':status', '103']], 0)),
  ],
  [
    'CONTINUATION without end',
    (connection, stream) => {
      connection.send(frame(FRAME.headers, 0, stream, headerBlock(OK)));
      flood(connection, 64 * MEBIBYTE, () => CONTINUATION);
    },
  ],
  [
    'empty CONTINUATION without end',
    (connection, stream) => {
      connection.send(frame(FRAME.headers, 0, stream, headerBlock(OK)));
      flood(connection, 8 * MEBIBYTE, () => frame(FRAME.continuation, 0, stream));
    },
  ],
  [
    'empty DATA without end',
    (connection, stream) => {
      connection.send(headers(stream, OK, 0));
      flood(connection, 8 * MEBIBYTE, () => data(stream, ''));
    },
  ],
  ['PUSH_PROMISE', (connection, stream) => connection.send(pushPromise(stream, 2))],
  ['HEADERS of a stream of its own', (connection) => connection.send(headers(2, OK))],
  ['a frame larger than allowed', (connection, stream) => connection.send(data(stream, 'x'.repeat(16_385)))],
  [
    'a bad block of fields',
    (connection, stream) =>
      connection.send(frame(FRAME.headers, END_HEADERS, stream, Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff))),
  ],
  ['a window of zero added', (connection, stream) => connection.send(windowUpdate(stream, 0))],
  ['a window that overflows', (connection) => connection.send(windowUpdate(0, 0x7fffffff))],
  ['DATA before the head', (connection, stream) => connection.send(data(stream, 'x', END_STREAM))],
  [
    'trailers that are none',
    (connection, stream) => connection.send(headers(stream, OK, 0), headers(stream, [['x-a', '1']], 0)),
  ],
  ['an acknowledgement too many', (connection) => flood(connection, MEBIBYTE, () => frame(FRAME.settings, 1, 0))],
  ['bytes that are no frames', (connection) => connection.send(Buffer.alloc(4_096, 0xff))],
];

describe('H20 an endpoint sends', { timeout: 120_000 }, () => {
  for (const [what, act] of FATAL) {
    test(`${what}: the request fails, and the next is served`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await FrameUpstream.listen(bed, {
        onRequest: (connection, stream) => {
          if (connection === upstream.connections[0] && stream === 1) act(connection, stream);
          else connection.answer(stream);
        },
      });
      const gateway = await gatewayTo(bed, upstream.port);
      const client = (await bed.client(gateway)).send(request('POST /'));
      // A connection that never became ready, or was cut: both are failures that the client sees.
      await client.until('an end', () => client.end !== 'open' || client.responses().length > 0 || undefined);
      const { status, flag } = await gateway.logged();
      assert.ok(status === 502 || status === 503 || client.end === 'reset', `${status} ${flag}, ${client.end}`);
      assert.equal(await ask(await bed.client(gateway)), 200);
      assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
    });
  }

  for (const [what, piece, maxBytes] of [
    ['SETTINGS', () => settings([INITIAL_WINDOW_SIZE, 65_535]), 4 * MEBIBYTE],
    ['PING', () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)), 4 * MEBIBYTE],
    ['ORIGIN', (round) => frame(ORIGIN, 0, 0, originEntry(`https://${round}.example`)), 4 * MEBIBYTE],
    ['ALTSVC', () => frame(ALTSVC, 0, 0, Buffer.concat([Buffer.of(0, 1, 0x61), Buffer.from('h2=":1"')])), 4 * MEBIBYTE],
    ['PRIORITY', () => frame(FRAME.priority, 0, 1, Buffer.alloc(5)), 4 * MEBIBYTE],
    ['frames of an unknown type', () => frame(0xee, 0, 0, Buffer.alloc(100)), 16 * MEBIBYTE],
    ['RST_STREAM of streams that are closed', () => rstStream(1, 8), 4 * MEBIBYTE],
    ['WINDOW_UPDATE of streams that are closed', () => windowUpdate(1, 1), 4 * MEBIBYTE],
    ['GOAWAY', () => frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(0x7fffffff), uint32(0)])), 4 * MEBIBYTE],
  ] satisfies [string, (round: number) => Buffer, number][]) {
    test(`${what} without end, on an idle connection: memory is bounded, and others are served`, async (t) => {
      const bed = new TestBed(t);
      const { promise: done, resolve } = Promise.withResolvers<void>();
      const tls = { cert: pair.chain, key: pair.key, ALPNProtocols: ['h2'] };
      const script: FrameScript = {
        onRequest: (connection, stream) => {
          connection.answer(stream);
          if (connection === upstream.connections[0] && stream === 1) flood(connection, maxBytes, piece, resolve);
        },
      };
      const upstream = await FrameUpstream.listen(bed, script, tls);
      const gateway = await gatewayTo(bed, upstream.port, {
        cluster: { tls: { serverName: 'up.example', caPem: authority.pem } },
      });
      assert.equal(await ask(await bed.client(gateway)), 200);
      const { heapUsed } = process.memoryUsage();
      await done;
      for (let i = 0; i < 5; i++) assert.equal(await ask(await bed.client(gateway)), 200);
      assert.ok(process.memoryUsage().heapUsed - heapUsed < 64 * MEBIBYTE);
    });
  }

  test('H16 PUSH_PROMISE beside an answer: refused, nothing of it is served', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => {
        connection.send(
          headers(stream, OK, 0),
          pushPromise(stream, 2),
          headers(2, OK, 0),
          data(2, 'pushed', END_STREAM),
        );
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = (await bed.client(gateway)).send(request('GET /pushed'));
    await client.until('an end', () => client.end !== 'open' || client.responses().length > 0 || undefined);
    assert.equal((await gateway.logged()).flag, 'UPE');
    assert.ok(!client.received.includes('pushed\r\n'));
    const connection = await upstream.connection(0);
    await upstream.until('the close', () => connection.isClosed || undefined);
    const sent = connection.of(FRAME.settings).find(({ flags }) => flags === 0)?.payload ?? assert.fail();
    const pushAt = Array.from({ length: sent.length / 6 }, (_, i) => i * 6).find((at) => sent.readUInt16BE(at) === 2);
    assert.equal(sent.readUInt32BE((pushAt ?? assert.fail()) + 2), 0);
  });
});

describe('H20 an endpoint', { timeout: 60_000 }, () => {
  test('whose window stays at zero: the upload fails in time, memory is bounded', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, { settings: [[INITIAL_WINDOW_SIZE, 0]] });
    const gateway = await gatewayTo(bed, upstream.port, { engine: { timeouts: { writeStallMs: 200 } } });
    const client = await bed.client(gateway);
    client.send(request('POST /', ['Content-Length: 10000000'], 'x'.repeat(10_000_000)));
    const [response] = await client.untilResponses(1);
    assert.equal(statusOf(response ?? assert.fail()), 504);
    assert.equal((await gateway.logged()).flag, 'UT');
    const connection = await upstream.connection(0);
    await upstream.until('the reset', () => connection.of(FRAME.rstStream, 1)[0]);
    assert.equal(connection.of(FRAME.data).length, 0);
  });

  test('that took its time for an upload may take its time for the answer', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, (stream) => {
      stream.on('end', () => setTimeout(() => stream.respond({ ':status': 204 }, { endStream: true }), 400));
    });
    const gateway = await gatewayTo(bed, upstream.port, { engine: { timeouts: { writeStallMs: 150 } } });
    const text = request('POST /', ['Content-Length: 65536'], 'x'.repeat(65_536));
    // All of it waits for the connection, so that the last write finds no room and no drain follows it.
    assert.equal(await ask(await bed.client(gateway), text), 204);
  });

  test('that takes the connection window alone: others that need none are served', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => {
        if (stream > 1) connection.answer(stream);
      },
    });
    const gateway = await gatewayTo(bed, upstream.port, { engine: { timeouts: { writeStallMs: 300 } } });
    const uploader = (await bed.client(gateway)).send(
      request('POST /', ['Content-Length: 1000000'], 'x'.repeat(1_000_000)),
    );
    const connection = await upstream.connection(0);
    await upstream.until('the window is full', () => {
      const bytes = connection.of(FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0);
      return bytes === 65_535 || undefined;
    });
    assert.equal(await ask(await bed.client(gateway)), 200);
    assert.deepEqual((await uploader.untilResponses(1)).map(statusOf), [504]);
  });

  test('whose answer nobody reads holds up no other answer of its session', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => {
        if (stream > 1 && stream % 2 === 1 && connection.of(FRAME.headers).length > 30) connection.answer(stream);
        else
          connection.send(headers(stream, OK, 0), ...Array.from({ length: 3 }, () => data(stream, 'x'.repeat(16_384))));
      },
      onFrame: (connection, { type, stream }) => {
        if (type === FRAME.windowUpdate && stream > 0) connection.send(data(stream, 'x'.repeat(16_384)));
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    for (let i = 0; i < 30; i++) {
      const reader = await bed.client(gateway);
      reader.socket.pause();
      reader.send(request('GET /'));
    }
    const connection = await upstream.connection(0);
    await upstream.until('all have begun', () => connection.of(FRAME.headers).length >= 30 || undefined);
    for (let i = 0; i < 20; i++) assert.equal(await ask(await bed.client(gateway)), 200);
    assert.equal(upstream.connections.length, 1);
  });

  test('that sends beyond its window to a client that does not read: cut, and memory is bounded', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => {
        connection.send(headers(stream, OK, 0));
        flood(connection, 64 * MEBIBYTE, () => data(stream, 'x'.repeat(16_384)));
      },
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = await bed.client(gateway);
    client.socket.pause();
    client.send(request('GET /'));
    const { flag, bytesSent } = await gateway.logged();
    assert.equal(flag, 'UPE');
    assert.ok(bytesSent < 32 * MEBIBYTE, `${bytesSent} bytes`);
    const connection = await upstream.connection(0);
    await upstream.until(
      'the end',
      () => connection.isClosed || connection.of(FRAME.rstStream, 1).length > 0 || undefined,
    );
  });

  test('that never ends an answer is left when the client leaves', async (t) => {
    const bed = new TestBed(t);
    const upstream = await FrameUpstream.listen(bed, {
      onRequest: (connection, stream) => connection.send(headers(stream, OK, 0), data(stream, 'begun')),
    });
    const gateway = await gatewayTo(bed, upstream.port);
    const client = (await bed.client(gateway)).send(request('GET /'));
    await client.untilText('begun');
    client.reset();
    const connection = await upstream.connection(0);
    await upstream.until('the reset', () => connection.of(FRAME.rstStream, 1)[0]);
    assert.equal((await gateway.logged()).flag, 'DC');
    assert.equal(metric(gateway, 'upstreamActiveStreams'), 0);
  });
});

function originEntry(origin: string): Buffer {
  const bytes = Buffer.alloc(2 + origin.length);
  bytes.writeUInt16BE(origin.length);
  bytes.write(origin, 2);
  return bytes;
}
