// Tunnels by extended CONNECT (RFC 8441), and back-pressure by stream windows in both directions.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import { describe, test } from 'node:test';
import { headerList, Http2Endpoint } from '../../harness/http2-endpoint.ts';
import {
  data,
  END_STREAM,
  ERROR,
  FRAME,
  headers,
  requestFields,
  rstStream,
  windowUpdate,
} from '../../harness/http2-frames.ts';

async function roundTrip(client: ClientHttp2Session): Promise<void> {
  await new Promise<void>((resolve, reject) => client.ping((error) => (error === null ? resolve() : reject(error))));
}

describe('back-pressure', () => {
  test('a paused request stops the client at the stream window, and only that stream', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: ({ exchange }) => exchange.pauseRequest() });
    const client = endpoint.client();
    const stream = client.request({ ':method': 'POST', ':path': '/' });
    stream.on('error', () => {});
    stream.end(Buffer.alloc(1_000_000, 'x'));
    const recorded = await endpoint.exchange();
    await roundTrip(client);
    await roundTrip(client);
    assert.equal(recorded.chunks.length, 0);
    recorded.onEnd = () => recorded.answer();
    recorded.exchange.resumeRequest();
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.equal(head[':status'], 200);
    assert.equal(recorded.body.length, 1_000_000);
  });

  test('what a paused request lets in is the stream window, not more', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: ({ exchange }) => exchange.pauseRequest() });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('POST', '/'), 0));
    await endpoint.exchange();
    for (let i = 0; i < 4; i++) client.send(data(1, Buffer.alloc(16_000)));
    await client.roundTrip();
    assert.equal(client.first(FRAME.windowUpdate, 1), undefined);
    endpoint.exchanges[0]?.exchange.resumeRequest();
    await client.until('WINDOW_UPDATE', () => client.first(FRAME.windowUpdate, 1));
  });

  test('a client that does not read stops the answer, and gets all of it when it does', async (t) => {
    const chunk = Buffer.alloc(16_384, 'x');
    const total = 100;
    const endpoint = await Http2Endpoint.start(t, {
      script: (recorded) => {
        let sent = 0;
        const { exchange } = recorded;
        const pump = (): void => {
          while (sent < total) {
            sent++;
            if (!exchange.writeResponse(chunk)) return;
          }
          exchange.endResponse();
        };
        recorded.onDrain = pump;
        exchange.respond({ status: 200, headers: headerList() }, 'chunked');
        pump();
      },
    });
    const client = await endpoint.frames();
    client.send(headers(1, requestFields('GET', '/')));
    await client.until('a window full', () => client.body(1).length === 65_535 || undefined);
    await client.roundTrip();
    const { exchange } = await endpoint.exchange();
    assert.ok(exchange.bytesSent < 65_535 + 3 * 65_536, `${exchange.bytesSent} bytes were taken`);
    client.send(windowUpdate(0, 2 ** 22), windowUpdate(1, 2 ** 22));
    await client.until('the whole answer', () => client.body(1).length === total * chunk.length || undefined);
  });
});

describe('WebSockets by extended CONNECT (RFC 8441)', () => {
  const ask = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', 'sec-websocket-version': '13' };

  test('the setting announces it, the exchange is a GET that asks for an upgrade, and bytes flow both ways', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: (recorded) => {
        recorded.onEnd = () => {
          recorded.onData = (chunk) =>
            recorded.exchange.writeResponse(Buffer.from(`echo ${Buffer.from(chunk).toString()}`));
          recorded.onEnd = () => recorded.exchange.endResponse();
          recorded.exchange.respond(
            {
              status: 101,
              upgrade: 'websocket',
              headers: headerList('sec-websocket-accept', 'x', 'sec-websocket-protocol', 'chat'),
            },
            undefined,
          );
        };
      },
    });
    const client = endpoint.client();
    await once(client, 'remoteSettings');
    assert.equal(client.remoteSettings.enableConnectProtocol, true);
    const stream = client.request({ ...ask, 'sec-websocket-key': 'mine' }, { endStream: false });
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.equal(head[':status'], 200);
    assert.equal(head['sec-websocket-protocol'], 'chat');
    assert.equal(head['sec-websocket-accept'], undefined);
    assert.equal(head['content-length'], undefined);
    stream.write('one');
    assert.equal(String((await once(stream, 'data'))[0]), 'echo one');
    stream.end('two');
    assert.equal(String((await once(stream, 'data'))[0]), 'echo two');
    await once(stream, 'end');
    if (!stream.destroyed) await once(stream, 'close');

    const recorded = await endpoint.exchange();
    const { exchange } = recorded;
    assert.equal(exchange.request.method, 'GET');
    assert.equal(exchange.request.path, '/chat');
    assert.equal(exchange.upgrade, 'websocket');
    assert.equal(exchange.requestBodyLength, 0);
    assert.equal(recorded.ends, 2);
    assert.equal(recorded.aborts.length, 0);
    const [key, ...others] = recorded.values('sec-websocket-key');
    assert.equal(Buffer.from(key ?? '', 'base64').length, 16);
    assert.deepEqual(others, []);
    assert.equal(endpoint.connections[0]?.isIdle, true);
  });

  test('half-close: our side ends first, the client goes on', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      timeoutsMs: { writeStall: 50, bodyIdle: 50 },
      script: ({ exchange }) => {
        exchange.respond({ status: 101, upgrade: 'websocket', headers: headerList() }, undefined);
        exchange.writeResponse(Buffer.from('bye'));
        exchange.endResponse();
      },
    });
    const client = await endpoint.frames();
    client.send(headers(1, [...requestFields('CONNECT', '/'), [':protocol', 'websocket']], 0));
    await client.until(
      'the end',
      () => client.of(FRAME.data, 1).some(({ flags }) => (flags & END_STREAM) !== 0) || undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.send(data(1, 'still here'));
    await client.roundTrip();
    const recorded = await endpoint.exchange();
    assert.equal(recorded.body.toString(), 'still here');
    client.send(data(1, '', END_STREAM));
    await endpoint.until('the end', () => recorded.ends === 1 || undefined);
    await client.roundTrip();
    assert.equal(client.first(FRAME.rstStream, 1), undefined);
    assert.equal(recorded.aborts.length, 0);
  });

  test('a tunnel whose client goes away is aborted once', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: ({ exchange }) => exchange.respond({ status: 101, headers: headerList() }, undefined),
    });
    const client = await endpoint.frames();
    client.send(headers(1, [...requestFields('CONNECT', '/'), [':protocol', 'websocket']], 0));
    await client.status(1);
    client.send(rstStream(1, ERROR.cancel));
    const recorded = await endpoint.exchange();
    await endpoint.until('the abort', () => recorded.aborts.length > 0 || undefined);
    recorded.exchange.abort();
    await client.roundTrip();
    assert.equal(recorded.aborts.length, 1);
  });

  test('a reset without an error aborts a tunnel too, while it is paused', async (t) => {
    const endpoint = await Http2Endpoint.start(t, {
      script: ({ exchange }) => {
        exchange.respond({ status: 101, headers: headerList() }, undefined);
        exchange.pauseRequest();
      },
    });
    const client = await endpoint.frames();
    client.send(headers(1, [...requestFields('CONNECT', '/'), [':protocol', 'websocket']], 0), data(1, 'x'));
    await client.roundTrip();
    client.send(rstStream(1, ERROR.none));
    const recorded = await endpoint.exchange();
    await endpoint.until('the abort', () => recorded.aborts.length > 0 || undefined);
    await endpoint.until('the stream is gone', () => endpoint.connections[0]?.isIdle || undefined);
    assert.deepEqual([recorded.ends, recorded.chunks.length], [0, 0]);
  });

  test('what comes before the tunnel is open is part of it, its end too', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: () => {} });
    const client = await endpoint.frames();
    client.send(headers(1, [...requestFields('CONNECT', '/'), [':protocol', 'websocket']], 0));
    client.send(data(1, 'early'), data(1, ' bytes', END_STREAM));
    await client.roundTrip();
    const recorded = await endpoint.exchange();
    const ends = recorded.ends;
    recorded.exchange.respond({ status: 101, headers: headerList() }, undefined);
    assert.deepEqual([recorded.body.toString(), recorded.ends - ends], ['early bytes', 1]);
    recorded.exchange.endResponse();
    await endpoint.until('the stream is gone', () => endpoint.connections[0]?.isIdle || undefined);
    assert.equal(recorded.aborts.length, 0);
  });

  test('an upgrade that is refused is an answer', async (t) => {
    const endpoint = await Http2Endpoint.start(t, { script: (recorded) => recorded.answer(403, 'no') });
    const client = await endpoint.frames();
    client.send(headers(1, [...requestFields('CONNECT', '/'), [':protocol', 'websocket']], 0));
    assert.equal(await client.status(1), 403);
    await client.until('the body', () => client.body(1).toString() === 'no' || undefined);
  });
});
