// gRPC-Web on a listener that translates it: known bytes in and out, over HTTP/1.1 and HTTP/2, in the binary and the text form.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { Route } from '../../../src/ir/route.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { ADDRESS, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';

const MESSAGE = frame(0, 'hello');
const TRAILERS = frame(0x80, 'grpc-status: 0\r\ngrpc-message: fine\r\n');

function frame(flags: number, payload: string): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, Buffer.from(payload)]);
}

interface Call {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

type Answer = (stream: ServerHttp2Stream, call: Call) => void;

const ECHO: Answer = (stream, { body }) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
  stream.end(body);
};

interface Setting {
  readonly gateway: RunningEngine;
  readonly calls: Call[];
}

async function start(bed: TestBed, answer: Answer = ECHO, grpcWeb = true): Promise<Setting> {
  const calls: Call[] = [];
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const call = { headers: headers as Record<string, string>, body: Buffer.concat(chunks) };
      calls.push(call);
      answer(stream, call);
    });
  });
  server.listen(0, ADDRESS);
  await once(server, 'listening');
  bed.atEnd(() => new Promise((resolve) => server.close(resolve)));
  const grpcRoute: Route = { ...route('r', [{ backends: ['a'] }]), protocol: 'grpc' };
  const gateway = await bed.engine([
    listener({
      virtualHosts: [virtualHost({ grpcWeb }), virtualHost({ name: 'off', hostname: 'off.example', grpcWeb: false })],
    }),
    cluster('a', [(server.address() as AddressInfo).port], { protocol: 'http2' }),
    grpcRoute,
    route('http', [{ backends: ['a'] }]),
    route('off', [{ backends: ['a'] }], { virtualHost: 'off' }),
  ]);
  return { gateway, calls };
}

interface Received {
  readonly status: number;
  readonly type: string | undefined;
  readonly grpcStatus: string | undefined;
  readonly body: Buffer;
}

async function askHttp1(
  bed: TestBed,
  { gateway }: Setting,
  fields: readonly string[],
  body: Buffer,
): Promise<Received> {
  const client = await bed.client(gateway);
  const head = request('POST /a.B/C', [...fields, `Content-Length: ${body.length}`]);
  const [answer = assert.fail()] = await client.send(Buffer.concat([Buffer.from(head), body])).untilResponses(1);
  return {
    status: statusOf(answer),
    type: valueOf(answer, 'content-type'),
    grpcStatus: valueOf(answer, 'grpc-status'),
    body: answer.body,
  };
}

async function askHttp2(
  bed: TestBed,
  { gateway }: Setting,
  fields: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<Received> {
  const { address, port } = gateway.address();
  const session = connect(`http://${address}:${port}`);
  bed.atEnd(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/a.B/C', ...fields });
  stream.end(body);
  const [head] = (await once(stream, 'response')) as [Record<string, string | number | undefined>];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return {
    status: Number(head[':status']),
    type: head['content-type'] as string | undefined,
    grpcStatus: head['grpc-status'] as string | undefined,
    body: Buffer.concat(chunks),
  };
}

/** Group by group, as padding may end any of them. */
function decoded(text: Buffer): Buffer {
  assert.equal(text.length % 4, 0);
  return Buffer.concat((text.toString('latin1').match(/.{4}/gs) ?? []).map((group) => Buffer.from(group, 'base64')));
}

describe('gRPC-Web', { timeout: 20_000 }, () => {
  const plain = ['Content-Type: application/grpc-web+proto', 'X-Grpc-Web: 1'];

  test('binary over HTTP/1.1: gRPC towards the backend, trailers as the last frame', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed);
    const received = await askHttp1(bed, setting, plain, MESSAGE);
    assert.deepEqual([received.status, received.type], [200, 'application/grpc-web+proto']);
    assert.deepEqual(received.body, Buffer.concat([MESSAGE, TRAILERS]));
    const [call = assert.fail()] = setting.calls;
    assert.equal(call.headers['content-type'], 'application/grpc+proto');
    assert.equal(call.headers['te'], 'trailers');
    assert.equal(call.headers['x-grpc-web'], undefined);
    assert.deepEqual(call.body, MESSAGE);
    const { status, grpcStatus, flag } = await setting.gateway.logged();
    assert.deepEqual([status, grpcStatus, flag], [200, '0', undefined]);
  });

  test('text over HTTP/1.1, padded in the middle', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed);
    const body = Buffer.from(MESSAGE.subarray(0, 4).toString('base64') + MESSAGE.subarray(4).toString('base64'));
    const received = await askHttp1(bed, setting, ['Content-Type: application/grpc-web-text'], body);
    assert.deepEqual([received.status, received.type], [200, 'application/grpc-web-text+proto']);
    assert.deepEqual(decoded(received.body), Buffer.concat([MESSAGE, TRAILERS]));
    assert.deepEqual(setting.calls[0]?.body, MESSAGE);
    assert.equal(setting.calls[0]?.headers['content-type'], 'application/grpc');
  });

  test('over HTTP/2; Accept chooses the form of the answer', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed);
    const type = 'application/grpc-web+proto';
    const binary = await askHttp2(bed, setting, { 'content-type': type }, MESSAGE);
    assert.deepEqual(binary.body, Buffer.concat([MESSAGE, TRAILERS]));
    const accept = 'application/grpc-web-text';
    const text = await askHttp2(bed, setting, { 'content-type': type, accept }, MESSAGE);
    assert.equal(text.type, 'application/grpc-web-text+proto');
    assert.deepEqual(decoded(text.body), Buffer.concat([MESSAGE, TRAILERS]));
  });

  test('messages of a stream arrive one by one, in the text form too', async (t) => {
    const bed = new TestBed(t);
    const { promise: first, resolve: sendSecond } = Promise.withResolvers<void>();
    const setting = await start(bed, (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.write(frame(0, 'one'));
      void first.then(() => stream.end(frame(0, 'second')));
    });
    const client = await bed.client(setting.gateway);
    client.send(request('POST /a.B/C', ['Content-Type: application/grpc-web-text', 'Content-Length: 0']));
    // The end of the first message, padded, as nothing follows yet.
    await client.untilText('bmU=');
    sendSecond();
    const [answer = assert.fail()] = await client.untilResponses(1);
    const expected = [frame(0, 'one'), frame(0, 'second'), frame(0x80, 'grpc-status: 0\r\n')];
    assert.deepEqual(decoded(answer.body), Buffer.concat(expected));
  });

  test('an answer that is all head stays one', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, (stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'gone' },
        { endStream: true },
      ),
    );
    const received = await askHttp1(bed, setting, plain, MESSAGE);
    assert.deepEqual([received.type, received.grpcStatus, received.body.length], ['application/grpc-web', '5', 0]);
  });

  test('what is no answer of gRPC passes as it is', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, (stream) => {
      stream.respond({ ':status': 503, 'content-type': 'text/plain', 'content-length': 4 });
      stream.end('down');
    });
    const received = await askHttp1(bed, setting, ['Content-Type: application/grpc-web-text'], Buffer.alloc(0));
    assert.deepEqual([received.status, received.type, String(received.body)], [503, 'text/plain', 'down']);
  });

  test('failures of the gateway are told in gRPC', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed);
    await setting.gateway.apply(listener({ virtualHosts: [virtualHost({ grpcWeb: true })] }));
    const received = await askHttp1(bed, setting, plain, MESSAGE);
    assert.deepEqual([received.status, received.type, received.grpcStatus], [200, 'application/grpc-web', '12']);
  });

  for (const text of ['!!!!', 'QUJ', 'QUJD=QUI', 'AAAAAAVo\r\n']) {
    test(`text that is not base64 (${JSON.stringify(text)}): an error, and the backend sees no complete call`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed);
      const fields = ['Content-Type: application/grpc-web-text'];
      const received = await askHttp1(bed, setting, fields, Buffer.from(text));
      assert.deepEqual([received.status, received.grpcStatus], [200, '13']);
      assert.deepEqual(setting.calls, []);
    });
  }

  test('an answer that declares its length gets the frame of its trailers all the same', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, (stream) => {
      const fields = { ':status': 200, 'content-type': 'application/grpc', 'content-length': MESSAGE.length };
      stream.respond(fields, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
      stream.end(MESSAGE);
    });
    const { body } = await askHttp1(bed, setting, plain, MESSAGE);
    assert.deepEqual(body, Buffer.concat([MESSAGE, TRAILERS]));
  });

  for (const [what, host, line, type] of [
    ['another host of the listener does not translate', 'off.example', 'POST /a.B/C', 'application/grpc-web+proto'],
    ['another content type', 'example.com', 'POST /a.B/C', 'application/grpc-webfoo'],
    ['another method', 'example.com', 'PUT /a.B/C', 'application/grpc-web+proto'],
  ] as const) {
    test(`${what}: a request like any other`, async (t) => {
      const bed = new TestBed(t);
      const setting = await start(bed);
      const fields = [`Host: ${host}`, `Content-Type: ${type}`, 'Content-Length: 0'];
      const client = await bed.client(setting.gateway);
      const [answer = assert.fail()] = await client.send(request(line, fields)).untilResponses(1);
      assert.equal(statusOf(answer), 200);
      assert.equal(setting.calls[0]?.headers['content-type'], type);
    });
  }

  test('not even a listener without any such host', async (t) => {
    const bed = new TestBed(t);
    const setting = await start(bed, ECHO, false);
    await askHttp1(bed, setting, plain, Buffer.alloc(0));
    assert.equal(setting.calls[0]?.headers['content-type'], 'application/grpc-web+proto');
  });
});
