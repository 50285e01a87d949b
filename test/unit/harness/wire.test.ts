// The client and the recorder against each other, without a gateway between: what they report must be what was on the wire.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, summaryOf } from '../../harness/http1-message.ts';
import { Recorder, answering, okResponse } from '../../harness/recorder.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { RecordedConnection } from '../../harness/recorder.ts';

describe('wire', () => {
  let upstream: Recorder;
  let client: WireClient;
  beforeEach(async () => {
    upstream = await Recorder.listen();
    client = await WireClient.open({ address: '127.0.0.1', port: upstream.port });
  });
  afterEach(async () => {
    client.destroy();
    await upstream.close();
  });

  test('requests are recorded and answered in order, in whatever pieces they come', async () => {
    const stream = Buffer.from(
      request('GET /a') + request('POST /b', ['Content-Length: 2'], 'hi') + request('HEAD /c'),
    );
    await client.sendPieces(Array.from(stream, (byte) => Buffer.of(byte)));
    const responses = await client.untilResponses(3, ['GET', 'POST', 'HEAD']);
    assert.deepEqual(responses.map(statusOf), [200, 200, 200]);
    assert.deepEqual(upstream.takeRequests().map(summaryOf), ['GET /a', 'POST /b hi', 'HEAD /c']);
    assert.deepEqual(upstream.take(), []);
  });

  test('each hook of a script is called once, the head before the body', async () => {
    const calls: string[] = [];
    upstream.script = {
      onHead: () => void calls.push('head'),
      onRequest: (connection, { startLine }) => {
        calls.push(startLine[1]);
        connection.write(okResponse(1));
      },
    };
    client.send(request('POST /b', ['Content-Length: 2'], 'h'));
    await upstream.until('the head', () => calls.length > 0 || undefined);
    await client.send(`i${request('GET /c')}`).untilResponses(2);
    assert.deepEqual(calls, ['head', '/b', 'head', '/c']);
  });

  test('an unfinished request stays until it is finished or cut', async () => {
    client.send(request('POST /b', ['Content-Length: 9'], 'half'));
    await upstream.until('some of it', () => upstream.untakenBytes > 60 || undefined);
    const [open] = upstream.take();
    assert.equal(summaryOf(open?.unfinished ?? assert.fail()), 'POST /b half');
    client.finish();
    await upstream.untilUnfinishedClosed();
    assert.equal(upstream.take().length, 1);
    assert.equal(upstream.connections.size, 0);
  });

  test('bytes that are no canonical request are an error', async () => {
    for (const stream of [
      '\0\r\n\r\n',
      request('GET /', ['Keep-Alive: 1']),
      request('POST /', ['Content-Length: 01'], 'x'),
      request('GET http://a/'),
      request('POST /', ['Transfer-Encoding: chunked'], '1;x\r\na\r\n0\r\n\r\n'),
    ]) {
      const sender = await WireClient.open({ address: '127.0.0.1', port: upstream.port });
      const before = upstream.untakenBytes;
      sender.send(stream);
      await upstream.until('the bytes', () => upstream.untakenBytes === before + stream.length || undefined);
      assert.throws(() => upstream.takeRequests());
      sender.destroy();
    }
  });

  test('a close and a reset are told apart', async () => {
    const closing = async (close: (connection: RecordedConnection) => void): Promise<string> => {
      upstream.script = { onRequest: close };
      const to = await WireClient.open({ address: '127.0.0.1', port: upstream.port });
      await to.send(request('GET /')).untilClosed();
      to.destroy();
      return to.end;
    };
    assert.equal(await closing((connection) => connection.finish()), 'closed');
    assert.equal(await closing((connection) => connection.reset()), 'reset');
  });

  test('what does not come is an error that shows what came', async () => {
    upstream.script = answering('HTTP/1.1 100 Continue\r\n\r\n');
    await assert.rejects(
      client.send(request('GET /')).untilResponses(1, undefined, 100),
      /not within 100 ms: 1 responses; it is open and got .*100 Continue/,
    );
    await assert.rejects(
      upstream.until('never', () => undefined, 50),
      /not within 50 ms: never/,
    );
  });

  test('an error in a script fails the test that closes the recorder', async () => {
    const broken = await Recorder.listen();
    broken.script = { onConnection: () => Promise.reject(new Error('script')) };
    const to = await WireClient.open({ address: '127.0.0.1', port: broken.port });
    await broken.until('the connection', () => broken.connections.size > 0 || undefined);
    to.destroy();
    await assert.rejects(broken.close(), /script/);
  });
});
