// What fails between client and server, and how a gRPC client is told: by a status with HTTP 200 as long as no answer has begun, and by a
// reset stream from there on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { StatusObject } from '@grpc/grpc-js';
import type { Resource } from '../../../src/ir/ir.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import { ADDRESS, backend, listener, virtualHost } from '../../harness/resources.ts';
import type { RuleSetup } from '../../harness/resources.ts';
import type { LoggedRequest } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { Http2Upstream } from '../http2-upstream/http2-upstream.ts';
import { GrpcClient, pathOf } from './grpc-client.ts';
import { grpcCluster, grpcRoute, startStage } from './grpc-gateway.ts';
import { GrpcUpstream } from './grpc-upstream.ts';
import { framed, rawCall } from './raw-call.ts';
import { paddedRequest, sizes } from './test-service.ts';

const CANCEL = 8;
const INTERNAL_ERROR = 2;

/** What the log says of the next call. */
function summary({ status: http, grpcStatus, flag }: LoggedRequest): readonly unknown[] {
  return [http, grpcStatus, flag];
}

describe('deadlines that the server ignores', { timeout: 20_000 }, () => {
  for (const [what, timeout, rule] of [
    ["the client's", '150m', {}],
    ["the client's, shorter than the route's", '150000u', { requestTimeoutMs: 10_000 }],
    ["the route's, shorter than the client's", '1H', { requestTimeoutMs: 150 }],
    ["the route's, where the client's is none", '150', { requestTimeoutMs: 150 }],
    ["the client's, already over", '0m', { requestTimeoutMs: 10_000 }],
  ] as const) {
    test(`${what} ends the call and resets the stream to the server`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await Http2Upstream.listen(bed, (stream, { headers }) => {
        stream.resume();
        if (headers[':path'] === pathOf('EmptyCall')) stream.respond({ 'grpc-status': '0' }, { endStream: true });
      });
      const gateway = await bed.engine([
        listener(),
        grpcCluster('a', [upstream.port]),
        grpcRoute('r', [{ backends: ['a'], ...rule }]),
      ]);
      // So that there is a connection, and the next call gets to the server however short its time.
      await rawCall(bed, gateway.address(), { ':path': pathOf('EmptyCall') });
      await gateway.logged();
      const answer = await rawCall(bed, gateway.address(), { 'grpc-timeout': timeout });
      assert.deepEqual([answer.headers[':status'], answer.headers['grpc-status']], [200, '4']);
      assert.ok(answer.isTrailersOnly);
      const { stream, headers } = await upstream.request(1);
      assert.equal(headers['grpc-timeout'], timeout, 'the server may know of it too');
      await upstream.until('the stream is reset', () => stream.destroyed || undefined);
      assert.equal(stream.rstCode, CANCEL);
      assert.deepEqual(summary(await gateway.logged()), [200, '4', 'DT']);
    });
  }

  test('one that ends in the middle of an answer', async (t) => {
    const bed = new TestBed(t);
    const upstream = await Http2Upstream.listen(bed, (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.write(framed(Buffer.from('begun')));
    });
    const gateway = await bed.engine([
      listener(),
      grpcCluster('a', [upstream.port]),
      grpcRoute('r', [{ backends: ['a'] }]),
    ]);
    const answer = await rawCall(bed, gateway.address(), { 'grpc-timeout': '300m' });
    assert.deepEqual([answer.body, answer.resetCode], [framed(Buffer.from('begun')), INTERNAL_ERROR]);
    const { stream } = await upstream.request(0);
    await upstream.until('the stream is reset', () => stream.destroyed || undefined);
    assert.deepEqual(summary(await gateway.logged()), [200, undefined, 'DT']);
  });
});

/** In front of a server: connections that can be cut. */
async function startRelay(bed: TestBed, port: number): Promise<{ readonly port: number; readonly cut: () => void }> {
  const sockets: Socket[] = [];
  const relay = createServer((socket) => {
    const onward = connect(port, ADDRESS);
    sockets.push(socket);
    for (const each of [socket, onward]) each.on('error', () => {});
    socket.pipe(onward).pipe(socket);
    socket.on('close', () => onward.destroy());
  });
  relay.listen(0, ADDRESS);
  await once(relay, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  bed.atEnd(() => {
    cut();
    relay.close();
  });
  return { port: (relay.address() as AddressInfo).port, cut };
}

describe('a server that is lost', { timeout: 20_000 }, () => {
  for (const [how, kill] of [
    ['its connection is cut', (_upstream: GrpcUpstream, cut: () => void) => cut()],
    ['it shuts down by force', (upstream: GrpcUpstream) => upstream.server.forceShutdown()],
  ] as const) {
    for (const [when, opened, expected, logged] of [
      ['before it answers', 'StreamingInputCall', status.UNAVAILABLE, [200, '14', 'UC']],
      // PROTOCOL-HTTP2 of gRPC: what INTERNAL_ERROR is for the one whose stream was reset by it.
      ['in the middle of its answer', 'FullDuplexCall', status.INTERNAL, [200, undefined, 'UC']],
    ] as const) {
      test(`${how} ${when}`, async (t) => {
        const bed = new TestBed(t);
        const upstream = await GrpcUpstream.listen(bed);
        const relay = await startRelay(bed, upstream.port);
        const gateway = await bed.engine([
          listener(),
          grpcCluster('a', [relay.port]),
          grpcRoute('r', [{ backends: ['a'] }]),
        ]);
        const client = new GrpcClient(bed, gateway.address());
        const isDuplex = opened === 'FullDuplexCall';
        const { call, outcome } = isDuplex ? client.openDuplex() : client.openInputs();
        call.write(sizes(3));
        await (isDuplex ? once(call, 'data') : upstream.call(0));
        kill(upstream, relay.cut);
        assert.equal((await outcome).status.code, expected);
        assert.deepEqual(summary(await gateway.logged()), logged);
      });
    }
  }
});

describe('a call that comes to no server', { timeout: 20_000 }, () => {
  interface Case {
    readonly what: string;
    readonly resources: (bed: TestBed) => Promise<readonly Resource[]>;
    readonly code?: number;
    readonly logged: readonly unknown[];
    readonly message?: Buffer;
  }
  const rule = (setup: RuleSetup): readonly Resource[] => [grpcRoute('r', [setup])];
  const CASES: readonly Case[] = [
    {
      what: 'no endpoint',
      resources: async () => [grpcCluster('a', []), ...rule({ backends: ['a'] })],
      logged: [200, '14', 'UH'],
    },
    {
      what: 'a broken reference',
      resources: async () => rule({ backends: [backend(undefined)] }),
      logged: [200, '14', 'NC'],
    },
    { what: 'no backend', resources: async () => rule({}), logged: [200, '14', 'NC'] },
    {
      what: 'a port that refuses connections',
      resources: async (bed) => [grpcCluster('a', [await bed.closedPort()]), ...rule({ backends: ['a'] })],
      logged: [200, '14', 'UF'],
    },
    {
      what: 'an endpoint that speaks HTTP/1.1 only',
      resources: async (bed) => {
        const port = await bed.server((socket) => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'));
        return [grpcCluster('a', [port]), ...rule({ backends: ['a'] })];
      },
      logged: [200, '14', 'UF'],
    },
    { what: 'no route at all', resources: async () => [], code: status.UNIMPLEMENTED, logged: [200, '12', 'NR'] },
    {
      what: 'another host than the one that is served',
      resources: async () => [listener({ virtualHosts: [virtualHost({ hostname: 'a.example' })] })],
      code: status.UNIMPLEMENTED,
      logged: [200, '12', 'NR'],
    },
    {
      what: 'a message that is larger than a body may be',
      resources: async (bed) => [
        grpcCluster('a', [(await GrpcUpstream.listen(bed)).port]),
        ...rule({ backends: ['a'] }),
      ],
      message: paddedRequest(100_001, 1),
      code: status.RESOURCE_EXHAUSTED,
      logged: [200, '8', 'DPE'],
    },
  ];
  for (const { what, resources, code = status.UNAVAILABLE, logged, message = sizes(1) } of CASES) {
    test(what, async (t) => {
      const bed = new TestBed(t);
      const gateway = await bed.engine([listener(), ...(await resources(bed))], { limits: { maxBodyBytes: 100_000 } });
      const { status: ended } = await new GrpcClient(bed, gateway.address()).unary(message);
      assert.equal(ended.code, code, ended.details);
      assert.equal(ended.metadata.get('x-request-id').length, 1);
      assert.deepEqual(summary(await gateway.logged()), logged);
    });
  }

  test('more calls than the backend may have at a time', async (t) => {
    const bed = new TestBed(t);
    const { client, gateway, upstream } = await startStage(bed, {
      server: { handlers: { UnaryCall: () => {} } },
      cluster: { maxConnections: 1, maxStreamsPerConnection: 1, maxPendingRequests: 1 },
    });
    const calls = [client.openUnary(sizes(1))];
    await upstream.call(0);
    calls.push(client.openUnary(sizes(1)));
    const { status: ended } = await client.unary(sizes(1));
    assert.deepEqual([ended.code, ended.details], [status.UNAVAILABLE, 'The backend is overloaded.']);
    assert.deepEqual(summary(await gateway.logged()), [200, '14', 'UO']);
    for (const { call, outcome } of calls) {
      call.cancel();
      await outcome;
    }
  });
});

describe('an answer that is not of gRPC', { timeout: 20_000 }, () => {
  for (const [http, code] of [
    [503, status.UNAVAILABLE],
    [404, status.UNIMPLEMENTED],
    [403, status.PERMISSION_DENIED],
  ] as const) {
    test(`${http} is passed on as it is`, async (t) => {
      const bed = new TestBed(t);
      const upstream = await Http2Upstream.listen(bed, (stream) => {
        stream.respond({ ':status': http, 'content-type': 'text/html' });
        stream.end('<html>');
      });
      const gateway = await bed.engine([
        listener(),
        grpcCluster('a', [upstream.port]),
        grpcRoute('r', [{ backends: ['a'] }]),
      ]);
      const ended: StatusObject = (await new GrpcClient(bed, gateway.address()).unary(sizes(1))).status;
      assert.equal(ended.code, code, ended.details);
      assert.deepEqual(summary(await gateway.logged()), [http, undefined, undefined]);
    });
  }
});

test('gRPC by HTTP/1.1 is refused where it would come to a GRPCRoute', { timeout: 20_000 }, async (t) => {
  const bed = new TestBed(t);
  const { gateway, upstream } = await startStage(bed);
  const client = await bed.client(gateway);
  const call = request(
    'POST /grpc.testing.TestService/UnaryCall',
    ['Content-Type: application/grpc', 'TE: trailers', 'Content-Length: 9'],
    framed(sizes(1)).toString('latin1'),
  );
  const [answer] = await client.send(call).untilResponses(1);
  assert.equal(statusOf(answer ?? assert.fail()), 505);
  assert.deepEqual(summary(await gateway.logged()), [505, undefined, 'DPE']);
  assert.equal(upstream.calls.length, 0);
});
