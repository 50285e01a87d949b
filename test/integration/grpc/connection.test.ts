// Connections to a gRPC server that come and go, fill up and refuse: no call is lost by it, and there are never more than allowed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { listener } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { Http2Upstream } from '../http2-upstream/http2-upstream.ts';
import { GrpcClient } from './grpc-client.ts';
import type { Outcome } from './grpc-client.ts';
import { connectsOf, grpcCluster, grpcRoute, startStage } from './grpc-gateway.ts';
import { framed } from './raw-call.ts';
import { paddedRequest, payload, sizes } from './test-service.ts';

const WORKERS = 16;
const STREAMS_PER_SESSION = 50;

/** So many calls, a few at a time; the statuses other than OK. */
async function makeCalls(client: GrpcClient, count: number, message: Buffer): Promise<string[]> {
  const failed: string[] = [];
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const { status: ended }: Outcome = await client.unary(message);
      if (ended.code !== status.OK) failed.push(`${ended.code} ${ended.details}`);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return failed;
}

/** When the request is complete: one small message and OK. */
function answer(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.resume();
  stream.on('end', () => stream.end(framed(sizes(1))));
}

describe('no call is lost', { timeout: 40_000 }, () => {
  test('to a server that sends GOAWAY over and over', async (t) => {
    const stage = await startStage(new TestBed(t), {
      server: { options: { 'grpc.max_connection_age_ms': 60, 'grpc.max_connection_age_grace_ms': 20_000 } },
    });
    const failed = await makeCalls(stage.client, 2_000, paddedRequest(2_000, 500));
    t.diagnostic(
      `2000 calls attempted, ${2_000 - failed.length} completed, ${failed.length} failed, on ${connectsOf(stage.gateway)} connections`,
    );
    assert.deepEqual(failed, []);
    assert.ok(connectsOf(stage.gateway) >= 5, 'GOAWAY came often enough to prove something');
  });

  test('to a server whose GOAWAY leaves out what was sent already', async (t) => {
    const bed = new TestBed(t);
    const counts = new Map<unknown, number>();
    const upstream = await Http2Upstream.listen(bed, (stream, { session }) => {
      const count = (counts.get(session) ?? 0) + 1;
      counts.set(session, count);
      if (count === STREAMS_PER_SESSION) session.goaway(constants.NGHTTP2_NO_ERROR, (stream.id ?? 0) - 2);
      if (count < STREAMS_PER_SESSION) answer(stream);
    });
    const gateway = await bed.engine([
      listener(),
      grpcCluster('a', [upstream.port]),
      grpcRoute('r', [{ backends: ['a'] }]),
    ]);
    const failed = await makeCalls(new GrpcClient(bed, gateway.address()), 600, paddedRequest(1_000, 1));
    assert.deepEqual(failed, []);
    assert.ok(counts.size >= 10, `${counts.size} connections`);
  });

  test('to a server that refuses every call unseen when it first comes', async (t) => {
    const bed = new TestBed(t);
    const seen = new Set<unknown>();
    const upstream = await Http2Upstream.listen(bed, (stream, { headers }) => {
      const id = headers['x-request-id'];
      if (!seen.has(id)) {
        seen.add(id);
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      answer(stream);
    });
    const gateway = await bed.engine([
      listener(),
      grpcCluster('a', [upstream.port]),
      grpcRoute('r', [{ backends: ['a'] }]),
    ]);
    const failed = await makeCalls(new GrpcClient(bed, gateway.address()), 300, paddedRequest(1_000, 1));
    assert.deepEqual(failed, []);
    assert.equal(seen.size, 300);
    assert.equal((await gateway.logged()).attempts, 2);
  });

  test('to a server that is stopped in order while another goes on', async (t) => {
    const bed = new TestBed(t);
    const stage = await startStage(bed);
    const other = await startStage(bed);
    const { gateway, client, upstream } = stage;
    await gateway.apply(
      listener(),
      grpcCluster('a', [upstream.port, other.upstream.port]),
      grpcRoute('r', [{ backends: ['a'] }]),
    );
    const calls = makeCalls(client, 1_000, paddedRequest(1_000, 500));
    await upstream.call(100);
    const stopped = new Promise((resolve) => upstream.server.tryShutdown(resolve));
    assert.deepEqual(await calls, []);
    await stopped;
  });
});

describe('connections', { timeout: 30_000 }, () => {
  test('a server that takes one call at a time gets as many connections as allowed, and the rest wait', async (t) => {
    let open = 0;
    let peak = 0;
    const stage = await startStage(new TestBed(t), {
      server: {
        options: { 'grpc.max_concurrent_streams': 1 },
        handlers: {
          UnaryCall: (_call, callback) => {
            peak = Math.max(peak, ++open);
            setImmediate(() => {
              open--;
              callback(null, sizes(1));
            });
          },
        },
      },
      cluster: { maxConnections: 3 },
    });
    const outcomes = await Promise.all(Array.from({ length: 60 }, () => stage.client.unary(sizes(1))));
    assert.ok(outcomes.every(({ status: { code } }) => code === status.OK));
    assert.equal(connectsOf(stage.gateway), 3);
    assert.ok(peak <= 3, `${peak} calls at a time`);
  });

  test('a server whose protocol the TLS handshake settles is spoken to by HTTP/2', async (t) => {
    const { client, gateway } = await startStage(new TestBed(t), {
      upstream: 'TLS',
      cluster: { protocol: 'negotiated' },
    });
    assert.deepEqual(await makeCalls(client, 100, paddedRequest(1_000, 500)), []);
    assert.equal(connectsOf(gateway), 1);
  });

  test('a stream that stays open holds one of them and no other call', async (t) => {
    const stage = await startStage(new TestBed(t));
    const { call, outcome } = stage.client.openDuplex();
    call.write(sizes(1));
    await once(call, 'data');
    assert.deepEqual(await makeCalls(stage.client, 200, sizes(1)), []);
    call.end(sizes(2));
    const { status: ended, messages } = await outcome;
    assert.deepEqual([ended.code, messages], [status.OK, [payload(1), payload(2)]]);
    assert.equal(connectsOf(stage.gateway), 1);
  });

  test('calls that are cancelled harm no other on the same connections', async (t) => {
    const stage = await startStage(new TestBed(t), { server: { handlers: { UnaryCall: () => {} } } });
    const { call, outcome } = stage.client.openDuplex();
    call.write(sizes(1));
    await once(call, 'data');
    for (let i = 0; i < 80; i++) {
      const cancelled = stage.client.openUnary(sizes(1));
      await stage.upstream.call(1 + i);
      cancelled.call.cancel();
      assert.equal((await cancelled.outcome).status.code, status.CANCELLED);
    }
    call.end(sizes(2));
    const { status: ended, messages } = await outcome;
    assert.deepEqual([ended.code, messages.length], [status.OK, 2]);
    assert.equal(connectsOf(stage.gateway), 1);
  });

  test('a gateway that goes out of service finishes the calls it has', async (t) => {
    const bed = new TestBed(t);
    const { client, gateway } = await startStage(bed);
    const { call, outcome } = client.openDuplex();
    call.write(sizes(1));
    await once(call, 'data');
    const drained = gateway.engine.drain(10_000);
    call.write(sizes(2));
    await once(call, 'data');
    call.end(sizes(3));
    const { status: ended, messages } = await outcome;
    assert.deepEqual([ended.code, messages], [status.OK, [payload(1), payload(2), payload(3)]]);
    await drained;
  });
});
