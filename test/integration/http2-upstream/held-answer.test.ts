// Answers that nobody is ready to read yet: each is handed on whole or reported as broken, once, and none keeps others from theirs.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { data, END_STREAM, ERROR, frame, FRAME, headers, rstStream } from '../../harness/http2-frames.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { ENABLE_CONNECT_PROTOCOL } from './frame-upstream.ts';
import { SessionBench } from './session-bench.ts';

const OK = [[':status', '200']] as const;
/** A stream's window. */
const WINDOW = 'x'.repeat(65_536);

function windowFull(stream: number, flags = 0): Buffer {
  const pieces = [0, 16_384, 32_768, 49_152].map((start) => WINDOW.slice(start, start + 16_384));
  return Buffer.concat(pieces.map((piece, i) => data(stream, piece, i === 3 ? flags : 0)));
}

test('an endpoint that asks for answers and takes none is not read', { timeout: 30_000 }, async (t) => {
  const bench = await SessionBench.start(new TestBed(t));
  bench.ask();
  const { connection } = bench;
  connection.send(headers(1, OK, 0));
  connection.socket.pause();
  // Something of an answer comes as well, so that it is no flood.
  const pings = Array.from({ length: 500 }, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
  const burst = Buffer.concat([...pings, data(1, 'x')]);
  const bursts = 1_000;
  for (let i = 0; i < bursts; i++) {
    connection.send(burst);
    if (i % 10 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  for (let i = 0; i < 100; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  assert.ok(bench.socket.writableLength < 2 ** 20, `${bench.socket.writableLength} bytes are held`);
  connection.socket.resume();
  await bench.until('all answers', () => connection.frames.length >= bursts * pings.length || undefined);
});

describe('an answer that waits for its reader', { timeout: 30_000 }, () => {
  test('is whole when it is read at last', async (t) => {
    const bench = await SessionBench.start(new TestBed(t));
    const answer = bench.ask({ isPaused: true });
    bench.connection.send(headers(1, OK, 0), windowFull(1, END_STREAM));
    await bench.roundTrip();
    assert.deepEqual([answer.status, answer.body, answer.ends], [200, '', 0]);
    answer.stream.resumeResponse();
    assert.deepEqual([answer.body, answer.ends, answer.errors.length], [WINDOW, 1, 0]);
  });

  for (const [what, leave] of [
    ['is given up', true],
    ['is kept', false],
  ] as const) {
    test(`and ${what}, many times: the window of the connection stays open`, async (t) => {
      const bench = await SessionBench.start(new TestBed(t));
      for (let i = 0; i < 200; i++) {
        const answer = bench.ask({ isPaused: true });
        bench.connection.send(headers(2 * i + 1, OK, 0), windowFull(2 * i + 1, END_STREAM));
        await bench.roundTrip();
        assert.equal(bench.connection.isClosed, false, `closed in round ${i}`);
        if (leave) answer.stream.destroy();
      }
      assert.equal(bench.session.streams, 0);
    });
  }

  test('of as many streams as there may be keeps no other from its answer', async (t) => {
    const bench = await SessionBench.start(new TestBed(t));
    for (let i = 0; i < 99; i++) {
      bench.ask({ isPaused: true });
      bench.connection.send(headers(2 * i + 1, OK, 0), windowFull(2 * i + 1));
    }
    const answer = bench.ask();
    bench.connection.send(headers(199, OK, 0), windowFull(199, END_STREAM));
    await bench.until('the answer', () => answer.ends === 1 || undefined);
    assert.equal(answer.body, WINDOW);
    const credit = bench.connection.of(FRAME.windowUpdate, 0)[0]?.payload.readUInt32BE() ?? 0;
    assert.ok(credit + 65_535 >= 100 * WINDOW.length, 'the upstream knows');
  });

  test('is an error when it turns out longer than announced, not an answer', async (t) => {
    const bench = await SessionBench.start(new TestBed(t));
    for (const pieces of [
      ['123456', '123456'],
      ['12', '12', '123456', '12', '12'],
    ]) {
      const answer = bench.ask({ method: 'POST', length: 1, isPaused: true });
      const { id = 0 } = answer.stream;
      const last = pieces.length - 1;
      const frames = pieces.map((piece, i) => data(id, piece.repeat(300), i === last ? END_STREAM : 0));
      bench.connection.send(headers(id, [...OK, ['content-length', '3000']], 0), ...frames);
      await bench.roundTrip();
      answer.stream.resumeResponse();
      assert.deepEqual([answer.ends, answer.errors.map(({ code }) => code)], [0, ['upstream_protocol_error']]);
    }
    assert.deepEqual(bench.defects, []);
  });

  test('is an error when it turns out shorter than announced', async (t) => {
    const bench = await SessionBench.start(new TestBed(t));
    const answer = bench.ask({ isPaused: true });
    bench.connection.send(headers(1, [...OK, ['content-length', '10']], 0), data(1, '123456', END_STREAM));
    await bench.roundTrip();
    answer.stream.resumeResponse();
    assert.deepEqual([answer.ends, answer.errors.map(({ code }) => code)], [0, ['upstream_protocol_error']]);
  });

  for (const pausesAlways of [false, true]) {
    test(`comes whole though the endpoint wants no more of the request, ${pausesAlways ? 'read slowly' : 'at once'}`, async (t) => {
      const bench = await SessionBench.start(new TestBed(t));
      const answer = bench.ask({ method: 'POST', length: 'chunked', isPaused: true });
      answer.pausesAlways = pausesAlways;
      bench.connection.send(headers(1, OK, 0), windowFull(1, END_STREAM), rstStream(1, ERROR.none));
      await bench.roundTrip();
      assert.deepEqual([answer.body.length, answer.ends, answer.errors.length], [WINDOW.length, 1, 0]);
    });
  }

  test('of a tunnel comes whole when our side ends first', async (t) => {
    const bench = await SessionBench.start(new TestBed(t), { settings: [[ENABLE_CONNECT_PROTOCOL, 1]] });
    const answer = bench.ask({ upgrade: 'websocket', isPaused: true });
    bench.connection.send(headers(1, OK, 0), data(1, 'bye', END_STREAM));
    await bench.roundTrip();
    assert.equal(answer.status, 101);
    answer.stream.endRequest(undefined);
    answer.stream.resumeResponse();
    assert.deepEqual([answer.body, answer.ends, answer.errors.length], ['bye', 1, 0]);
    assert.equal(bench.session.streams, 0);
  });

  test('in frames of a byte each costs little more than its bytes', async (t) => {
    const bench = await SessionBench.start(new TestBed(t));
    const answer = bench.ask({ isPaused: true });
    const bytes = Buffer.concat(Array.from({ length: 65_535 }, (_, i) => data(1, String(i % 10))));
    const { heapUsed } = process.memoryUsage();
    bench.connection.send(headers(1, OK, 0), bytes, data(1, '5', END_STREAM));
    await bench.roundTrip();
    assert.ok(process.memoryUsage().heapUsed - heapUsed < 64 * 2 ** 20);
    const startMs = performance.now();
    answer.stream.resumeResponse();
    const tookMs = performance.now() - startMs;
    assert.equal(answer.body, '0123456789'.repeat(6_553) + '012345');
    assert.ok(answer.chunks.length <= 64, `${answer.chunks.length} pieces`);
    assert.ok(tookMs < 100, `${tookMs} ms`);
  });
});
