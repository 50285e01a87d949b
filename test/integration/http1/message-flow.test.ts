// F19–F21 and F23: who speaks when. Expectations, upgrades, pipelining and answers that come before the request is complete.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startGateway } from '../../harness/engine.ts';
import { assertCut, forwarded, forwardedAll, lastAnswer, refused, request } from '../../harness/http1-attack.ts';
import { statusOf, summaryOf, valueOf } from '../../harness/http1-message.ts';
import { okResponse } from '../../harness/recorder.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Gateway } from '../../harness/engine.ts';
import type { RecordedConnection } from '../../harness/recorder.ts';

describe('message flow', () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.upstream.useDefaultScript());
  after(() => gateway.close());

  const EXPECT = 'Expect: 100-continue';
  const FIVE = 'Content-Length: 5';
  const CHUNKED = 'Transfer-Encoding: chunked';
  const CHUNKS = '5\r\nhello\r\n0\r\n\r\n';

  const statuses = (client: WireClient): number[] => client.responses().map(statusOf);

  describe('F19 Expect: 100-continue', () => {
    for (const [fields, body] of [
      [[EXPECT, FIVE], 'hello'],
      [['expect: 100-Continue', CHUNKED], CHUNKS],
    ] as const) {
      test(`the body follows the upstream's 100 (${fields.join(', ')})`, async () => {
        gateway.upstream.script = {
          onHead: (connection) => connection.write('HTTP/1.1 100 Continue\r\n\r\n'),
          onRequest: (connection) => connection.write(okResponse(1)),
        };
        const client = await WireClient.open(gateway);
        await client.send(request('POST /f', fields)).untilText('100 Continue\r\n\r\n');
        assert.equal(
          gateway.upstream.take().every(({ messages }) => messages.length === 0),
          true,
        );
        await client.send(body).untilResponses(1);
        assert.deepEqual(statuses(client), [100, 200]);
        assert.deepEqual(gateway.upstream.takeRequests().map(summaryOf), ['POST /f hello']);
        client.destroy();
      });
    }

    test('a client that does not wait is served', async () => {
      gateway.upstream.script = {
        onHead: (connection) => connection.write('HTTP/1.1 100 Continue\r\n\r\n'),
        onRequest: (connection) => connection.write(okResponse(1)),
      };
      const client = await WireClient.open(gateway);
      const responses = await client.send(request('POST /f', [EXPECT, FIVE], 'hello')).untilResponses(1);
      assert.equal(statusOf(responses.at(-1) ?? assert.fail()), 200);
      assert.deepEqual(gateway.upstream.takeRequests().map(summaryOf), ['POST /f hello']);
      client.destroy();
    });

    for (const status of [200, 302, 401, 413, 417, 500]) {
      for (const sent of ['', 'he', 'hello', request('GET /smuggled')]) {
        test(`an early ${status} is relayed and both connections end (${JSON.stringify(sent)} sent)`, async () => {
          gateway.upstream.script = {
            onHead: (connection) => connection.write(`HTTP/1.1 ${status} Early\r\nContent-Length: 2\r\n\r\nno`),
          };
          const client = await WireClient.open(gateway);
          await client.send(request('POST /f', [EXPECT, 'Content-Length: 500'], sent)).untilClosed();
          const [response] = client.responses();
          assert.deepEqual(statuses(client), [status]);
          assert.equal(valueOf(response ?? assert.fail(), 'connection'), 'close');
          await assertCut(gateway.upstream);
          client.destroy();
        });
      }
    }

    test('an early answer does not free the connection for a second request', async () => {
      gateway.upstream.script = {
        onHead: (connection) => connection.write('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n'),
      };
      const client = await WireClient.open(gateway);
      const smuggled = request('GET /smuggled');
      await client.send(request('POST /f', [EXPECT, `Content-Length: ${smuggled.length}`])).untilText('403');
      await client.send(smuggled + smuggled).untilClosed();
      assert.deepEqual(statuses(client), [403]);
      await assertCut(gateway.upstream);
      client.destroy();
    });

    for (const expectation of [
      '200-ok',
      '100-continue, x',
      '100-continue, 100-continue',
      '100-continue;q=1',
      'x',
      '',
    ]) {
      test(`${JSON.stringify(expectation)} is refused with 417`, async () => {
        await lastAnswer(gateway, request('POST /f', [`Expect: ${expectation}`, FIVE], 'hello'), [400, 417], 1);
        assert.equal(gateway.upstream.untakenBytes, 0);
      });
    }
    test('a repeated Expect is refused', () =>
      refused(gateway, request('POST /f', [EXPECT, EXPECT, FIVE], 'hello'), [400, 417]));
    test('an obfuscated Expect is not an expectation that anybody else might honour', async () => {
      await refused(gateway, request('POST /f', ['Expect : 100-continue', FIVE], 'hello'));
      await refused(gateway, request('POST /f', ['Expect: x\r\n 100-continue', FIVE], 'hello'));
    });
    test('HTTP/1.0 has no expectations', async () => {
      const seen = await forwarded(gateway, request('POST /f HTTP/1.0', ['Host: h', EXPECT, FIVE], 'hello'));
      assert.equal(valueOf(seen, 'expect'), undefined);
    });
    for (const fields of [[EXPECT], [EXPECT, 'Content-Length: 0']]) {
      test(`without a body it does not stall (${fields.join(', ')})`, async () => {
        const { requests } = await forwardedAll(gateway, request('GET /f', fields) + request('GET /g'), ['GET', 'GET']);
        assert.deepEqual(requests.map(summaryOf), ['GET /f', 'GET /g']);
      });
    }
  });

  describe('1xx are relayed', () => {
    test('103 and other interim responses come before the final one', async () => {
      const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n';
      gateway.upstream.script = {
        onRequest: (connection) => connection.write(`${early}HTTP/1.1 102 Processing\r\n\r\n${early}${okResponse(1)}`),
      };
      const client = await WireClient.open(gateway);
      const responses = await client.send(request('GET /f')).untilResponses(1);
      assert.deepEqual(responses.map(statusOf), [103, 102, 103, 200]);
      assert.equal(valueOf(responses[0] ?? assert.fail(), 'link'), '</a>; rel=preload');
      gateway.upstream.takeRequests();
      client.destroy();
    });
    test('an HTTP/1.0 client gets none', async () => {
      gateway.upstream.script = {
        onRequest: (connection) => connection.write(`HTTP/1.1 103 E\r\n\r\n${okResponse(1)}`),
      };
      const { responses } = await forwardedAll(gateway, request('GET /f HTTP/1.0', ['Host: h']), ['GET']);
      assert.deepEqual(responses.map(statusOf), [200]);
    });
  });

  describe('F20 Upgrade', () => {
    for (const fields of [
      ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'],
      ['Connection: upgrade', 'Upgrade: h2c'],
      ['Upgrade: h2c'],
      ['Upgrade: H2C', 'Connection: UPGRADE'],
      ['Connection: Upgrade', 'Upgrade: h2c', FIVE],
      ['Upgrade: websocket'],
    ]) {
      test(`${JSON.stringify(fields)} is processed as HTTP/1.1`, async () => {
        const seen = await forwarded(gateway, request('POST /f', fields, fields.includes(FIVE) ? 'hello' : ''));
        assert.deepEqual([valueOf(seen, 'upgrade'), valueOf(seen, 'http2-settings')], [undefined, undefined]);
      });
    }
    test('a tunnel to h2c never begins, even if the upstream agrees', async () => {
      gateway.upstream.script = {
        onRequest: (connection) =>
          connection.write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'),
      };
      const client = await WireClient.open(gateway);
      const responses = await client.send(request('GET /f', ['Connection: upgrade', 'Upgrade: h2c'])).untilResponses(1);
      assert.deepEqual(responses.map(statusOf), [502]);
      gateway.upstream.takeRequests();
      client.destroy();
    });

    const WEBSOCKET = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==',
    ];
    for (const [fields, body] of [
      [[...WEBSOCKET, FIVE], 'hello'],
      [[...WEBSOCKET, CHUNKED], CHUNKS],
      [[...WEBSOCKET, EXPECT, FIVE], 'hello'],
    ] as const) {
      test(`an upgrade with a body is refused (${fields.at(-1)})`, () =>
        refused(gateway, request('GET /f', fields, body)));
    }
    test('mixed with h2c it is refused or served without either', async () => {
      const client = await WireClient.open(gateway);
      const responses = await client
        .send(request('GET /f', ['Connection: Upgrade', 'Upgrade: websocket, h2c']))
        .untilResponses(1);
      assert.ok([200, 400].includes(statusOf(responses[0] ?? assert.fail())));
      gateway.upstream.takeRequests();
      client.destroy();
    });
    test('a WebSocket is a raw tunnel both ways, and its end is passed on', async () => {
      let tunnel: RecordedConnection | undefined;
      gateway.upstream.script = {
        onRequest: (connection) => {
          tunnel = connection;
          connection.write(
            'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-A: b\r\n\r\n\x00early',
          );
        },
      };
      const client = await WireClient.open(gateway);
      await client.send(request('GET /f', WEBSOCKET)).untilText('\x00early');
      assert.match(client.received.toString('latin1'), /^HTTP\/1\.1 101 [^]*\r\nupgrade: websocket\r\n/i);
      client.send('\x81\r\n\r\nraw');
      await gateway.upstream.until('raw bytes', () => tunnel?.bytes.includes('raw') || undefined);
      tunnel?.write('\xffback');
      await client.untilText('\xffback');
      tunnel?.finish();
      await client.untilClosed();
      client.destroy();
      await gateway.upstream.until('the end of the tunnel', () => tunnel?.end !== 'open' || undefined);
      gateway.upstream.forget();
    });
    test('the protocol that the upstream chose is the one that the client is told', async () => {
      gateway.upstream.script = {
        onRequest: (connection) =>
          connection.write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x00early'),
      };
      const client = await WireClient.open(gateway);
      await client.send(request('GET /f', ['Connection: Upgrade', 'Upgrade: chat/2, websocket'])).untilText('early');
      assert.match(client.received.toString('latin1'), /\r\nupgrade: websocket\r\n/i);
      gateway.upstream.forget();
      client.destroy();
    });
    test('a protocol that the client did not offer is 502', async () => {
      gateway.upstream.script = {
        onRequest: (connection) =>
          connection.write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n'),
      };
      const client = await WireClient.open(gateway);
      const responses = await client.send(request('GET /f', WEBSOCKET)).untilResponses(1);
      assert.deepEqual(responses.map(statusOf), [502]);
      gateway.upstream.forget();
      client.destroy();
    });
    test("bytes behind an upgrade request that is not granted are the next request, not the upstream's", async () => {
      const { requests } = await forwardedAll(gateway, request('GET /f', WEBSOCKET) + request('GET /g'), [
        'GET',
        'GET',
      ]);
      assert.deepEqual(requests.map(summaryOf), ['GET /f', 'GET /g']);
    });
  });

  describe('a reused upstream connection that dies', () => {
    /** Every connection answers one request and closes on the second, as a server does whose idle timeout just ended. */
    const dying = {
      onRequest: (connection: RecordedConnection) => {
        if (connection.requestCount > 1) connection.finish();
        else connection.write(okResponse(1));
      },
    };
    for (const [stream, statuses, sent] of [
      [request('GET /b'), [200], 2],
      [request('PUT /b'), [200], 2],
      [request('POST /b'), [502, 503], 1],
      [request('POST /b', [FIVE], 'hello'), [502, 503], 1],
      [request('PATCH /b', [CHUNKED], CHUNKS), [502, 503], 1],
    ] as const) {
      test(`${stream.slice(0, 7)} is sent ${sent === 1 ? 'once' : 'once more'}`, async () => {
        gateway.upstream.forget();
        gateway.upstream.script = dying;
        const client = await WireClient.open(gateway);
        await client.send(request('GET /a')).untilResponses(1);
        const responses = await client.send(stream).untilResponses(2);
        assert.ok((statuses as readonly number[]).includes(statusOf(responses[1] ?? assert.fail())));
        const seen = gateway.upstream.takeRequests().map(summaryOf);
        assert.deepEqual(seen, ['GET /a', ...Array.from({ length: sent }, () => seen[1])]);
        client.destroy();
      });
    }
    test('one that dies within its answer is not asked again', async () => {
      gateway.upstream.forget();
      gateway.upstream.script = {
        onRequest: (connection) => {
          connection.write(connection.requestCount > 1 ? 'HTTP/1.1 2' : okResponse(1));
          if (connection.requestCount > 1) connection.finish();
        },
      };
      const client = await WireClient.open(gateway);
      await client.send(request('GET /a')).untilResponses(1);
      const responses = await client.send(request('GET /b')).untilResponses(2);
      assert.ok([502, 503].includes(statusOf(responses[1] ?? assert.fail())));
      assert.equal(gateway.upstream.takeRequests().length, 2);
      client.destroy();
    });
  });

  describe('F21 pipelining', () => {
    const malformed = [
      'GET /x HTTP/1.1\nHost: h\n\n',
      '\x00\r\n\r\n',
      request('GET /x', ['Content-Length: 1', 'Content-Length: 2']),
      'GET / HTTP/2.0\r\n\r\n',
      request('GET /%zz'),
    ];
    for (const second of malformed) {
      test(`the first is answered, then 400, then the close: ${JSON.stringify(second)}`, async () => {
        const response = await lastAnswer(gateway, request('GET /a') + second + request('GET /never'), [400, 505], 2);
        assert.ok(statusOf(response) >= 400);
        assert.deepEqual(gateway.upstream.takeRequests().map(summaryOf), ['GET /a']);
      });
    }
    test('a malformed chunk after a good request', async () => {
      await lastAnswer(gateway, request('GET /a') + request('POST /b', [CHUNKED], 'zz\r\n'), [400], 2);
      await gateway.upstream.untilUnfinishedClosed();
      assert.deepEqual(
        gateway.upstream.take().flatMap(({ messages }) => messages.map(summaryOf)),
        ['GET /a'],
      );
    });
    test('twenty requests at once are answered in order, slow ones included', async () => {
      let release = (): void => {};
      const gate = new Promise<void>((resolve) => (release = resolve));
      gateway.upstream.script = {
        onRequest: async (connection, seen) => {
          if (seen.startLine[1] === '/0') await gate;
          connection.write(
            `HTTP/1.1 200 OK\r\nContent-Length: ${seen.startLine[1].length}\r\nX-Upstream: 1\r\n\r\n${seen.startLine[1]}`,
          );
        },
      };
      const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);
      const client = await WireClient.open(gateway);
      client.send(
        paths
          .map((path) => (path.endsWith('3') ? request(`POST ${path}`, [FIVE], 'hello') : request(`GET ${path}`)))
          .join(''),
      );
      await gateway.upstream.until('the first request', () => gateway.upstream.untakenBytes > 0 || undefined);
      release();
      const responses = await client.untilResponses(20);
      assert.deepEqual(
        responses.map((response) => response.body.toString()),
        paths,
      );
      assert.equal(gateway.upstream.takeRequests().length, 20);
      client.destroy();
    });
    test('Connection: close ends it; what follows is not served', async () => {
      const client = await WireClient.open(gateway);
      await client.send(request('GET /a', ['Connection: close']) + request('GET /never')).untilClosed();
      assert.deepEqual(statuses(client), [200]);
      assert.deepEqual(gateway.upstream.takeRequests().map(summaryOf), ['GET /a']);
      client.destroy();
    });
    test('HTTP/1.0 closes unless it asks for keep-alive', async () => {
      const one = request('GET /a HTTP/1.0', ['Host: h']);
      const client = await WireClient.open(gateway);
      await client.send(one + one).untilClosed();
      assert.deepEqual(statuses(client), [200]);
      client.destroy();
      const kept = request('GET /a HTTP/1.0', ['Host: h', 'Connection: keep-alive']);
      const second = await WireClient.open(gateway);
      const responses = await second.send(kept + kept).untilResponses(2);
      assert.deepEqual(
        responses.map((response) => valueOf(response, 'connection')?.toLowerCase()),
        ['keep-alive', 'keep-alive'],
      );
      second.destroy();
      assert.equal(gateway.upstream.takeRequests().length, 3);
    });
    test('an HTTP/1.0 client gets a body of unknown length by the close, never chunked', async () => {
      gateway.upstream.script = {
        onRequest: (connection) =>
          connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n'),
      };
      const client = await WireClient.open(gateway);
      const received = await client
        .send(request('GET /a HTTP/1.0', ['Host: h', 'Connection: keep-alive']))
        .untilClosed();
      const [head = '', body] = received.toString('latin1').split('\r\n\r\n');
      assert.doesNotMatch(head, /transfer-encoding/i);
      assert.equal(body, 'hello');
      gateway.upstream.takeRequests();
      client.destroy();
    });
  });

  describe('F23 an answer while the request body still arrives', () => {
    for (const [fields, part] of [
      [['Content-Length: 1000000'], 'x'.repeat(1_000)],
      [[CHUNKED], '5\r\nhello\r\n'],
      [[CHUNKED], '5\r\nhel'],
    ] as const) {
      test(`it is relayed, then both connections end (${fields.join()})`, async () => {
        gateway.upstream.script = {
          onHead: (connection) => connection.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'),
        };
        const client = await WireClient.open(gateway);
        await client.send(request('POST /f', fields, part)).untilClosed();
        const response = client.responses()[0] ?? assert.fail();
        assert.equal(statusOf(response), 413);
        assert.equal(valueOf(response, 'connection'), 'close');
        assert.equal(response.body.toString(), 'no');
        await assertCut(gateway.upstream);
        client.destroy();
      });
    }
    test('the rest of the body is never a request', async () => {
      gateway.upstream.script = {
        onHead: (connection) => connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno'),
      };
      const client = await WireClient.open(gateway);
      client.send(request('POST /f', ['Content-Length: 1000'], 'x'));
      await client.untilText('no');
      await client.send(request('GET /smuggled').repeat(30)).untilClosed();
      assert.deepEqual(statuses(client), [200]);
      await assertCut(gateway.upstream);
      client.destroy();
    });
    test('a client that keeps sending gets the whole answer', async () => {
      gateway.upstream.script = {
        onHead: (connection) =>
          connection.write(`HTTP/1.1 413 Too Large\r\nContent-Length: 50000\r\n\r\n${'n'.repeat(50_000)}`),
      };
      const client = await WireClient.open(gateway);
      client.send(request('POST /f', ['Content-Length: 4000000'], 'x'.repeat(4_000_000)));
      const received = await client.untilClosed();
      assert.ok(received.includes('n'.repeat(50_000)));
      await assertCut(gateway.upstream);
      client.destroy();
    });
    test('a client that goes away takes the upstream request with it', async () => {
      gateway.upstream.script = {};
      for (const leave of [
        (client: WireClient) => client.reset(),
        (client: WireClient) => client.destroy(),
        (client: WireClient) => client.finish(),
      ]) {
        const client = await WireClient.open(gateway);
        client.send(request('GET /wait'));
        const connection = await gateway.upstream.until('the request', () =>
          [...gateway.upstream.connections].find(({ bytes }) => bytes.includes('/wait')),
        );
        leave(client);
        await gateway.upstream.until('the cut', () => connection.end !== 'open' || undefined);
        gateway.upstream.take();
        client.destroy();
      }
    });
  });
});
