// Streams of messages: who goes on, who ends first, who waits for whom.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { Metadata } from '@grpc/grpc-js';
import { TestBed } from '../../harness/test-bed.ts';
import { startStage } from './grpc-gateway.ts';
import { rawCall } from './raw-call.ts';
import { metadata, payload, sizes } from './test-service.ts';

const MESSAGE_BYTES = 64 * 1024;
const MESSAGES = 512;
/** Windows of two connections, and what streams of Node and sockets hold besides; of 32 MiB that wait. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;

/** What a count comes to when nothing happens any more. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1; last !== count();) {
    last = count();
    await delay(150);
  }
  return count();
}

describe('back-pressure', { timeout: 30_000 }, () => {
  test('a client that reads nothing stops the server', async (t) => {
    const message = payload(MESSAGE_BYTES);
    let sent = 0;
    const { client } = await startStage(new TestBed(t), {
      server: {
        handlers: {
          StreamingOutputCall: (call) => {
            const send = (): void => {
              while (sent < MESSAGES) {
                sent++;
                if (!call.write(message)) return;
              }
              call.end();
            };
            call.on('drain', send);
            send();
          },
        },
      },
    });
    const { call, outcome } = client.openOutputs(sizes(1));
    call.pause();
    const held = (await settled(() => sent)) * MESSAGE_BYTES;
    t.diagnostic(`${held} bytes sent that nobody read`);
    assert.ok(held > 0 && held < MAX_HELD_BYTES, `${held} bytes`);
    call.resume();
    const { status: ended, messages } = await outcome;
    assert.deepEqual([ended.code, messages.length], [status.OK, MESSAGES]);
    assert.ok(messages.every((each) => each.equals(message)));
  });

  test('a server that reads nothing stops the client', async (t) => {
    const message = payload(MESSAGE_BYTES);
    let received = 0;
    let resume: (() => void) | undefined;
    const { client, upstream } = await startStage(new TestBed(t), {
      server: {
        handlers: {
          FullDuplexCall: (call) => {
            call.on('data', () => received++);
            call.on('end', () => call.end());
            call.pause();
            resume = () => call.resume();
          },
        },
      },
    });
    const { call, outcome } = client.openDuplex();
    let sent = 0;
    const send = (): void => {
      while (sent < MESSAGES) {
        sent++;
        if (!call.write(message)) return;
      }
      call.end();
    };
    call.on('drain', send);
    send();
    await upstream.call(0);
    const held = (await settled(() => sent)) * MESSAGE_BYTES;
    t.diagnostic(`${held} bytes sent that nobody read`);
    assert.ok(held < MAX_HELD_BYTES, `${held} bytes`);
    resume?.();
    assert.equal((await outcome).status.code, status.OK);
    assert.equal(received, MESSAGES);
  });
});

describe('half-close', { timeout: 20_000 }, () => {
  test('the server goes on after the client has ended', async (t) => {
    const { client } = await startStage(new TestBed(t), {
      server: {
        handlers: {
          FullDuplexCall: (call) => {
            call.resume();
            call.on('end', () => {
              call.write(payload(1));
              setImmediate(() => {
                call.write(payload(2));
                call.end(metadata(['x-last', 'yes']));
              });
            });
          },
        },
      },
    });
    const { call, outcome } = client.openDuplex();
    call.write(sizes(1));
    call.end();
    const { status: ended, messages } = await outcome;
    assert.deepEqual([ended.code, messages], [status.OK, [payload(1), payload(2)]]);
    assert.deepEqual(ended.metadata.get('x-last'), ['yes']);
  });

  test('the client goes on after the first answers, and ends last', async (t) => {
    const { client } = await startStage(new TestBed(t));
    const { call, outcome } = client.openDuplex();
    for (let size = 1; size <= 3; size++) {
      call.write(sizes(size));
      await once(call, 'data');
    }
    call.end();
    const { status: ended, messages } = await outcome;
    assert.deepEqual([ended.code, messages], [status.OK, [payload(1), payload(2), payload(3)]]);
  });

  test('the server ends first: the client has its status at once, whatever it was about to send', async (t) => {
    const { client, gateway } = await startStage(new TestBed(t), {
      server: {
        handlers: {
          FullDuplexCall: (call) => {
            call.once('data', () => {
              call.write(payload(7));
              call.emit('error', { code: status.OUT_OF_RANGE, details: 'enough' });
            });
          },
        },
      },
    });
    const { call, outcome } = client.openDuplex();
    call.write(sizes(1));
    const { status: ended, messages } = await outcome;
    assert.deepEqual([ended.code, ended.details, messages], [status.OUT_OF_RANGE, 'enough', [payload(7)]]);
    const { status: http, grpcStatus, flag } = await gateway.logged();
    assert.deepEqual([http, grpcStatus, flag], [200, '11', undefined]);
    assert.equal((await client.unary(sizes(1))).status.code, status.OK, 'the connection serves on');
  });

  test('metadata go out before the first message', async (t) => {
    const { client } = await startStage(new TestBed(t), {
      server: {
        handlers: {
          FullDuplexCall: (call) => {
            call.sendMetadata(metadata(['x-first', 'yes']));
            call.on('data', () => call.end());
          },
        },
      },
    });
    const { call, outcome } = client.openDuplex();
    const [initial] = (await once(call, 'metadata')) as [Metadata];
    assert.deepEqual(initial.get('x-first'), ['yes']);
    call.write(sizes(1));
    assert.equal((await outcome).status.code, status.OK);
  });
});

describe('quiet streams', { timeout: 20_000 }, () => {
  for (const [what, first] of [
    ['before anything was answered', []],
    ['after an answer', [3]],
  ] as const) {
    test(`a client may say nothing for longer than the body of a request may rest, ${what}`, async (t) => {
      const { client } = await startStage(new TestBed(t), {
        engine: { timeouts: { bodyIdleMs: 60 } },
        client: { options: { 'grpc.keepalive_time_ms': 20 } },
      });
      const { call, outcome } = client.openDuplex();
      for (const size of first) {
        call.write(sizes(size));
        await once(call, 'data');
      }
      await delay(300);
      call.end(sizes(4));
      const { status: ended, messages } = await outcome;
      assert.deepEqual([ended.code, ended.details, messages], [status.OK, 'OK', [...first, 4].map(payload)]);
    });
  }

  test('one in which nobody says anything for too long ends', async (t) => {
    const { client, gateway, upstream } = await startStage(new TestBed(t), {
      engine: { timeouts: { streamIdleMs: 300 } },
    });
    const { outcome } = client.openDuplex();
    assert.equal((await outcome).status.code, status.UNAVAILABLE);
    await upstream.untilCancelled(0);
    const { grpcStatus, flag } = await gateway.logged();
    assert.deepEqual([grpcStatus, flag], ['14', 'SI']);
  });
});

describe('framing of answers', { timeout: 20_000 }, () => {
  test('a status behind messages stays behind them, one without messages stays in the head', async (t) => {
    const bed = new TestBed(t);
    const { gateway } = await startStage(bed, {
      server: { handlers: { EmptyCall: (_call, callback) => callback({ code: status.NOT_FOUND, details: 'gone' }) } },
    });
    const answered = await rawCall(bed, gateway.address());
    assert.equal(answered.isTrailersOnly, false);
    assert.equal(answered.headers['grpc-status'], undefined);
    assert.deepEqual([answered.body.length, answered.trailers?.['grpc-status'], answered.resetCode], [5, '0', 0]);
    const failed = await rawCall(bed, gateway.address(), { ':path': '/grpc.testing.TestService/EmptyCall' });
    assert.deepEqual([failed.isTrailersOnly, failed.trailers, failed.resetCode], [true, undefined, 0]);
    assert.deepEqual([failed.headers['grpc-status'], failed.headers['grpc-message']], ['5', 'gone']);
  });
});
