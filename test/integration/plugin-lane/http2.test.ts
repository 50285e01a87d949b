// The same lane behind the HTTP/2 codec: an Exchange is an Exchange, whatever brought it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http2';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import { Http2Endpoint } from '../../harness/http2-endpoint.ts';
import { compressing, load, TEXT } from './lane-bed.ts';
import { MemoryUpstream } from './memory-upstream.ts';

async function laneEndpoint(
  t: TestContext,
  upstream: MemoryUpstream,
  register: Parameters<typeof load>[1] = compressing,
): Promise<Http2Endpoint> {
  const lane = await load(t, register);
  return await Http2Endpoint.start(t, { script: ({ exchange }) => lane.handle(exchange, upstream.take) });
}

describe('over HTTP/2', { timeout: 30_000 }, () => {
  test('bodies and trailers go both ways, the answer compressed', async (t) => {
    const text = 'the same words again and again. '.repeat(20_000);
    const upstream = new MemoryUpstream();
    const endpoint = await laneEndpoint(t, upstream);
    const stream = endpoint
      .client()
      .request(
        { ':method': 'POST', ':path': '/a?b', 'accept-encoding': 'gzip', te: 'trailers' },
        { waitForTrailers: true },
      );
    stream.on('wantTrailers', () => stream.sendTrailers({ checksum: 'a' }));
    stream.end('hello');
    await upstream.until('the request', () => upstream.requestEnd === 'ended' || undefined);
    assert.equal(Buffer.concat(upstream.received).toString(), 'hello');
    assert.deepEqual(upstream.requestTrailers?.fields, ['checksum', 'a']);
    upstream.answer(200, TEXT, text, new HeaderList(['checksum', 'b']));
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.deepEqual([headers[':status'], headers['content-encoding']], [200, 'gzip']);
    assert.equal(headers['content-length'], undefined);
    const trailers = once(stream, 'trailers');
    assert.equal(gunzipSync(Buffer.concat(await stream.toArray())).toString(), text);
    assert.equal(((await trailers) as [IncomingHttpHeaders])[0]['checksum'], 'b');
  });

  test('a stream that the client resets takes the upstream with it', async (t) => {
    const upstream = new MemoryUpstream((each, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, 'chunked');
      each.stream(
        (function* () {
          for (;;) yield Buffer.alloc(64 * 1024);
        })(),
      );
    });
    const endpoint = await laneEndpoint(t, upstream);
    const stream = endpoint.client().request({ ':path': '/' });
    stream.on('error', () => {});
    await once(stream, 'response');
    await upstream.until('the window is full', () => upstream.isPaused || undefined);
    assert.ok(upstream.sentBytes < 1024 * 1024, `${upstream.sentBytes} bytes sent to nobody`);
    stream.close(constants.NGHTTP2_CANCEL);
    await upstream.until('the upstream is let go', () => upstream.aborted);
  });

  // The codec's abort() ends the stream as if the answer were whole: node:http2's close() does, destroy(error) does not.
  test('an answer that breaks off resets the stream', async (t) => {
    const upstream = new MemoryUpstream((_, exchange) => {
      exchange.respond({ status: 200, headers: new HeaderList([...TEXT]) }, 'chunked');
      exchange.writeResponse(Buffer.from('half'));
    });
    const endpoint = await laneEndpoint(t, upstream);
    const stream = endpoint.client().request({ ':path': '/' });
    stream.on('error', () => {});
    await once(stream, 'data');
    upstream.exchange.abort();
    await new Promise((resolve) => stream.once('close', resolve));
    assert.equal(stream.rstCode, constants.NGHTTP2_INTERNAL_ERROR);
  });

  test('a large answer of a plugin itself comes whole', async (t) => {
    const endpoint = await laneEndpoint(t, new MemoryUpstream(), (app) => app.get('/own', () => 'x'.repeat(2_000_000)));
    const stream = endpoint.client().request({ ':path': '/own' });
    assert.equal(Buffer.concat(await stream.toArray()).length, 2_000_000);
  });
});
