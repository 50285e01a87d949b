// The cases of gRPC's interop tests that concern a proxy, between grpc-js on both sides, with and without TLS on either.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { status } from '@grpc/grpc-js';
import { TestBed } from '../../harness/test-bed.ts';
import { pathOf } from './grpc-client.ts';
import { COMBINATIONS, connectsOf, startStage } from './grpc-gateway.ts';
import type { Stage, StageSetup } from './grpc-gateway.ts';
import type { TestHandlers } from './test-service.ts';
import { ECHO_INITIAL, ECHO_TRAILING, metadata, paddedRequest, payload, sizes } from './test-service.ts';

const LARGE_REQUEST_BYTES = 271_828;
const LARGE_RESPONSE_BYTES = 314_159;
const REQUEST_BYTES = [27_182, 8, 1_828, 45_904];
const RESPONSE_BYTES = [31_415, 9, 2_653, 58_979];
const SOAK_CALLS = 1_000;
const SOAK_WORKERS = 4;

const STATUS = { code: status.UNKNOWN, details: 'test status message' };
const SPECIAL_DETAILS = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

const NEVER_ANSWERS: Partial<TestHandlers> = {
  UnaryCall: () => {},
  StreamingInputCall: () => {},
  FullDuplexCall: (call) => call.resume(),
};

/** Every call of the test service ends with this status. */
function failing(failure: typeof STATUS): Partial<TestHandlers> {
  return {
    UnaryCall: (_call, callback) => callback(failure),
    FullDuplexCall: (call) => {
      call.on('data', () => {});
      call.on('end', () => call.emit('error', failure));
    },
  };
}

for (const combination of COMBINATIONS) {
  const { downstream, upstream } = combination;
  describe(`interop, ${downstream} to the gateway, ${upstream} to the server`, { timeout: 60_000 }, () => {
    const start = (t: TestContext, setup: StageSetup = {}): Promise<Stage> =>
      startStage(new TestBed(t), { ...setup, ...combination });

    test('empty_unary', async (t) => {
      const { client, gateway } = await start(t);
      const { status: ended, messages } = await client.unary(Buffer.alloc(0), { path: pathOf('EmptyCall') });
      assert.deepEqual([ended.code, messages], [status.OK, [Buffer.alloc(0)]]);
      const { path, status: http, grpcStatus, flag, backend } = await gateway.logged();
      assert.deepEqual(
        [path, http, grpcStatus, flag, backend],
        ['/grpc.testing.TestService/EmptyCall', 200, '0', undefined, 'test/a'],
      );
    });

    test('large_unary', async (t) => {
      const { client, upstream } = await start(t);
      const request = paddedRequest(LARGE_REQUEST_BYTES, LARGE_RESPONSE_BYTES);
      const { status: ended, messages } = await client.unary(request);
      assert.equal(ended.code, status.OK);
      assert.deepEqual(messages, [payload(LARGE_RESPONSE_BYTES)]);
      assert.deepEqual(upstream.calls[0]?.request, request);
    });

    test('client_streaming', async (t) => {
      const { client } = await start(t);
      const { call, outcome } = client.openInputs();
      for (const bytes of REQUEST_BYTES) call.write(payload(bytes));
      call.end();
      const { status: ended, messages } = await outcome;
      assert.deepEqual([ended.code, messages], [status.OK, [sizes(74_922)]]);
    });

    test('server_streaming', async (t) => {
      const { client } = await start(t);
      const { status: ended, messages } = await client.outputs(sizes(...RESPONSE_BYTES));
      assert.deepEqual([ended.code, messages], [status.OK, RESPONSE_BYTES.map(payload)]);
    });

    test('ping_pong', async (t) => {
      const { client } = await start(t);
      const { call, outcome } = client.openDuplex();
      for (const [index, bytes] of REQUEST_BYTES.entries()) {
        call.write(paddedRequest(bytes, RESPONSE_BYTES[index] ?? 0));
        const [message] = (await once(call, 'data')) as [Buffer];
        assert.deepEqual(message, payload(RESPONSE_BYTES[index] ?? 0));
      }
      call.end();
      const { status: ended, messages } = await outcome;
      assert.deepEqual([ended.code, messages.length], [status.OK, RESPONSE_BYTES.length]);
    });

    test('empty_stream', async (t) => {
      const { client } = await start(t);
      const { call, outcome } = client.openDuplex();
      call.end();
      const { status: ended, messages } = await outcome;
      assert.deepEqual([ended.code, messages], [status.OK, []]);
    });

    for (const [name, expected] of [
      ['status_code_and_message', STATUS],
      ['special_status_message', { ...STATUS, details: SPECIAL_DETAILS }],
    ] as const) {
      test(name, async (t) => {
        const { client, gateway } = await start(t, { server: { handlers: failing(expected) } });
        const duplex = client.openDuplex();
        duplex.call.end(sizes(1));
        for (const { status: ended } of [await client.unary(sizes(1)), await duplex.outcome]) {
          assert.deepEqual([ended.code, ended.details], [expected.code, expected.details]);
          const { status: http, grpcStatus, flag } = await gateway.logged();
          assert.deepEqual([http, grpcStatus, flag], [200, '2', undefined], 'the server failed, not the gateway');
        }
      });
    }

    test('unimplemented_method', async (t) => {
      const { client, gateway } = await start(t);
      const { status: ended } = await client.unary(sizes(1), { path: pathOf('UnimplementedCall') });
      assert.deepEqual([ended.code, ended.metadata.get('x-request-id').length], [status.UNIMPLEMENTED, 1]);
      assert.match(ended.details, /UnimplementedCall/, 'it is the server that says so');
      const { grpcStatus, flag } = await gateway.logged();
      assert.deepEqual([grpcStatus, flag], ['12', undefined]);
    });

    test('unimplemented_service', async (t) => {
      const { client, gateway, upstream } = await start(t);
      const { status: ended } = await client.unary(sizes(1), {
        path: '/grpc.testing.UnimplementedService/UnimplementedCall',
      });
      assert.deepEqual([ended.code, ended.details], [status.UNIMPLEMENTED, 'No route matches the request.']);
      const { status: http, grpcStatus, flag } = await gateway.logged();
      assert.deepEqual([http, grpcStatus, flag], [200, '12', 'NR']);
      assert.equal(upstream.calls.length, 0);
    });

    test('custom_metadata', async (t) => {
      const { client } = await start(t);
      const bytes = Buffer.from('ababab0000ff', 'hex');
      const sent = metadata(
        [ECHO_INITIAL, 'test_initial_metadata_value'],
        [ECHO_INITIAL, 'another'],
        [ECHO_TRAILING, bytes],
        [ECHO_TRAILING, Buffer.alloc(0)],
        [ECHO_TRAILING, Buffer.from([1])],
      );
      const duplex = client.openDuplex({ metadata: sent });
      duplex.call.end(sizes(1));
      for (const { status: ended, initial } of [
        await client.unary(sizes(1), { metadata: sent }),
        await duplex.outcome,
      ]) {
        assert.equal(ended.code, status.OK);
        assert.equal(initial?.get(ECHO_INITIAL).join(', '), 'test_initial_metadata_value, another');
        assert.deepEqual(ended.metadata.get(ECHO_TRAILING), [bytes, Buffer.alloc(0), Buffer.from([1])]);
      }
    });

    test('cancel_after_begin', async (t) => {
      const { client, gateway, upstream } = await start(t, { server: { handlers: NEVER_ANSWERS } });
      const { call, outcome } = client.openInputs();
      await upstream.call(0);
      call.cancel();
      assert.equal((await outcome).status.code, status.CANCELLED);
      await upstream.untilCancelled(0);
      const { status: http, flag } = await gateway.logged();
      assert.deepEqual([http, flag], [499, 'DC']);
    });

    test('cancel_after_first_response', async (t) => {
      const { client, gateway, upstream } = await start(t);
      const { call, outcome } = client.openDuplex();
      call.write(sizes(31_415));
      await once(call, 'data');
      call.cancel();
      assert.equal((await outcome).status.code, status.CANCELLED);
      await upstream.untilCancelled(0);
      const { status: http, flag } = await gateway.logged();
      assert.deepEqual([http, flag], [200, 'DC']);
    });

    test('timeout_on_sleeping_server', async (t) => {
      const { client, upstream } = await start(t, { server: { handlers: NEVER_ANSWERS } });
      const { call, outcome } = client.openDuplex({ deadline: Date.now() + 300 });
      call.write(payload(27_182));
      await upstream.call(0);
      assert.equal((await outcome).status.code, status.DEADLINE_EXCEEDED);
      await upstream.untilCancelled(0);
    });

    test('concurrent_large_unary', async (t) => {
      const { client, gateway } = await start(t);
      const request = paddedRequest(LARGE_REQUEST_BYTES, LARGE_RESPONSE_BYTES);
      const expected = payload(LARGE_RESPONSE_BYTES);
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => client.unary(request)));
      for (const { status: ended, messages } of outcomes) {
        assert.equal(ended.code, status.OK);
        assert.ok(messages[0]?.equals(expected));
      }
      assert.equal(connectsOf(gateway), 1, 'there is room for all of them on one connection');
    });

    test('rpc_soak', async (t) => {
      const { client, gateway } = await start(t);
      const request = paddedRequest(1_000, 2_000);
      const expected = payload(2_000);
      const work = async (): Promise<void> => {
        for (let i = 0; i < SOAK_CALLS / SOAK_WORKERS; i++) {
          const { status: ended, messages } = await client.unary(request);
          assert.equal(ended.code, status.OK);
          assert.ok(messages[0]?.equals(expected));
        }
      };
      await Promise.all(Array.from({ length: SOAK_WORKERS }, work));
      assert.equal(gateway.loggedCount, SOAK_CALLS);
      assert.equal(connectsOf(gateway), 1);
    });
  });
}
