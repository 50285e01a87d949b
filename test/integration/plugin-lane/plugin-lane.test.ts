// A Fastify instance with a plugin that compresses can stand behind Exchange, in front of an upstream that is an Exchange's handler:
// here with both ends made by hand, so that every byte in between is counted.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliDecompressSync, createGunzip, gunzipSync } from 'node:zlib';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import { MemoryExchange } from './memory-exchange.ts';
import { MemoryUpstream } from './memory-upstream.ts';
import { answering, give, GZIP, load, served, TEXT, untilOver } from './lane-bed.ts';

/** What may be on its way through the lane in one direction: its buffers, Fastify's pipes and the compressor's. */
const MAX_IN_FLIGHT_BYTES = 1024 * 1024;

function* blocks(total: number, hash?: ReturnType<typeof createHash>): Generator<Buffer> {
  for (let sent = 0; sent < total;) {
    const block = randomBytes(Math.min(64 * 1024, total - sent));
    sent += block.length;
    hash?.update(block);
    yield block;
  }
}

describe('a compressing plugin', () => {
  for (const [encoding, decompress] of [
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
  ] as const) {
    test(`compresses with ${encoding} as a stream: same bytes, no length`, async (t) => {
      const body = 'the same words again and again. '.repeat(10_000);
      const upstream = answering(200, [...TEXT, 'etag', '"a"', 'set-cookie', 'a=1', 'set-cookie', 'b=2'], body);
      const exchange = await served(await load(t), { fields: ['accept-encoding', encoding] }, upstream);
      assert.equal(exchange.head?.status, 200);
      assert.equal(exchange.length, 'chunked');
      const { headers } = exchange.head;
      assert.equal(headers.get('content-encoding'), encoding);
      assert.equal(headers.get('vary'), 'accept-encoding');
      assert.equal(headers.get('etag'), '"a"');
      assert.equal(headers.getJoined('set-cookie'), 'a=1,b=2');
      assert.equal(headers.has('content-length'), false);
      assert.equal(headers.has('transfer-encoding'), false);
      assert.ok(exchange.bytesSent < body.length / 10);
      assert.equal(decompress(exchange.received).toString(), body);
    });
  }

  test('leaves alone what the client does not want compressed', async (t) => {
    const exchange = await served(await load(t), {}, answering(200, TEXT, 'x'.repeat(5_000)));
    assert.equal(exchange.length, 5_000);
    assert.equal(exchange.head?.headers.has('content-encoding'), false);
    assert.equal(exchange.received.toString(), 'x'.repeat(5_000));
  });

  test('sends what there is before the upstream has ended', async (t) => {
    const lane = await load(t);
    const upstream = new MemoryUpstream();
    const exchange = give(lane, { fields: GZIP }, upstream);
    let text = '';
    let taken = 0;
    const gunzip = createGunzip().on('data', (chunk: Buffer) => (text += chunk.toString()));
    upstream.exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, 'chunked');
    for (const line of ['first line\n', 'second line\n']) {
      upstream.exchange.writeResponse(Buffer.from(line));
      upstream.exchange.flushResponse();
      // A flush marker ends what one write brought; the client can read all of it.
      await exchange.until(line, () => exchange.received.subarray(-4).equals(FLUSH_MARKER) || undefined);
      await exchange.until(line, () => exchange.received.length > taken || undefined);
      await new Promise((resolve) => gunzip.write(exchange.received.subarray(taken), resolve));
      taken = exchange.received.length;
      assert.ok(text.endsWith(line), text);
    }
    assert.equal(exchange.end, 'open');
    upstream.exchange.endResponse();
    await untilOver(exchange);
  });
});

const FLUSH_MARKER = Buffer.from([0, 0, 0xff, 0xff]);

describe('back-pressure', () => {
  test('a client that reads slowly pauses the upstream: 20 MiB, little of it on the way', async (t) => {
    const lane = await load(t);
    const total = 20 * 1024 * 1024;
    const sent = createHash('sha256');
    const upstream = new MemoryUpstream((each, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, total);
      each.stream(blocks(total, sent));
    });
    const exchange = new MemoryExchange({ fields: GZIP, wantedBytes: 0 });
    let mostInFlight = 0;
    upstream.onSent = () => (mostInFlight = Math.max(mostInFlight, upstream.sentBytes - exchange.takenBytes));
    exchange.give((each) => lane.handle(each, upstream.take));
    // At first for so long that all that may get on the way is on the way.
    for (let last = -1; last !== upstream.sentBytes; await delay(50)) last = upstream.sentBytes;
    let pauses = 0;
    while (upstream.sentBytes < total) {
      await upstream.until('the upstream pauses', () => upstream.isPaused || upstream.sentBytes === total || undefined);
      pauses++;
      exchange.want(512 * 1024);
      await exchange.until('the client is full again', () => exchange.isFull || exchange.isOver || undefined);
    }
    exchange.want(total);
    await untilOver(exchange);
    t.diagnostic(`at most ${(mostInFlight / 1024).toFixed(0)} KiB in flight, ${pauses} pauses`);
    assert.ok(mostInFlight < MAX_IN_FLIGHT_BYTES, `${mostInFlight} bytes in flight`);
    assert.ok(pauses > 30, `${pauses} pauses`);
    const received = createHash('sha256').update(gunzipSync(exchange.received));
    assert.equal(received.digest('hex'), sent.digest('hex'));
  });

  test('an upstream that reads slowly pauses the client: 20 MiB, little of it on the way', async (t) => {
    const lane = await load(t);
    const total = 20 * 1024 * 1024;
    const sent = createHash('sha256');
    const upstream = new MemoryUpstream();
    upstream.wantedBytes = 0;
    const exchange = new MemoryExchange({ method: 'POST', fields: TEXT, length: total });
    exchange.give((each) => lane.handle(each, upstream.take));
    let mostInFlight = 0;
    let pauses = 0;
    for (const block of blocks(total, sent)) {
      while (exchange.isPaused) {
        pauses++;
        upstream.want(512 * 1024);
        await exchange.until('the client goes on', () => !exchange.isPaused || undefined);
      }
      exchange.send(block);
      mostInFlight = Math.max(mostInFlight, exchange.bytesReceived - upstream.receivedBytes);
    }
    exchange.finish(new HeaderList(['checksum', 'abc']));
    upstream.want(total);
    await upstream.until('the end of the request', () => upstream.requestEnd === 'ended' || undefined);
    t.diagnostic(`at most ${(mostInFlight / 1024).toFixed(0)} KiB in flight, ${pauses} pauses`);
    assert.ok(mostInFlight < MAX_IN_FLIGHT_BYTES, `${mostInFlight} bytes in flight`);
    assert.ok(pauses > 30, `${pauses} pauses`);
    assert.ok(upstream.requestFlushes > 0, 'the end of a turn is told');
    assert.deepEqual(upstream.requestTrailers?.fields, ['checksum', 'abc']);
    assert.equal(upstream.exchange.requestBodyLength, total);
    const received = createHash('sha256');
    for (const chunk of upstream.received) received.update(chunk);
    assert.equal(received.digest('hex'), sent.digest('hex'));
    upstream.answer(204, []);
    await untilOver(exchange);
  });
});
