// However TCP cuts a stream, the gateway makes the same of it: requests and responses, good and bad, whole and in random pieces.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startGateways } from '../../harness/engine.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, summaryOf } from '../../harness/http1-message.ts';
import { quote } from '../../harness/referees.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { WireClient } from '../../harness/wire-client.ts';
import { PATIENCE, attemptRequest } from './request-differential.ts';
import type { Gateways } from '../../harness/engine.ts';
import type { Target } from '../../harness/http1-attack.ts';
import type { Outcome } from './request-differential.ts';

const FIVE = 'Content-Length: 5';
const CHUNKED = 'Transfer-Encoding: chunked';

const REQUEST_STREAMS = [
  request('GET /a'),
  `${request('GET /a')}\r\n${request('GET /b')}\r\n\r\n${request('GET /c')}`,
  request('POST /a', [FIVE], 'hello') +
    request('GET /b') +
    request('PUT /c', [CHUNKED], '3;e=f\r\nabc\r\n0A\r\n0123456789\r\n0\r\nYt: v\r\n\r\n') +
    request('GET /d'),
  request('POST /a', [CHUNKED], '1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n') +
    request('POST /b', ['Content-Length: 0']) +
    request('HEAD /c'),
  request('POST /a', [CHUNKED], '0;x\r\n\r\n') + request('GET /b', ['Connection: close']) + request('GET /never'),
  request('GET /a HTTP/1.0', ['Connection: keep-alive', 'Host: a']) + request('GET /b HTTP/1.0', ['Host: a']),
  request('OPTIONS *') + request('GET http://example.com/b'),
  request('GET /a') + request('GET /b', ['X : y']),
  request('POST /a', [CHUNKED], '5\r\nhello\r\n0\r\nA b: c\r\n\r\n'),
  request('POST /a', [CHUNKED], '5\r\nhello\n0\r\n\r\n'),
  request('POST /a', [FIVE, FIVE], 'hello'),
  request('GET /a').replace('\r\n', '\n'),
  request('GET /a', ['X: a\r\n b']),
  request('GET /a', ['X: a\0b']),
  request('GET /%zz'),
  'GET / HTTP/2.0\r\n\r\n',
  '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
];

const RESPONSE_STREAMS = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Upstream: 1\r\n\r\nhello',
  'HTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;e\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: v\r\n\r\n',
  'HTTP/1.1 204 No\r\nX: y\r\n\r\n',
  'HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/9.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
];

describe('splits', () => {
  let gateways: Gateways;
  before(async () => {
    gateways = await startGateways(16, { timeouts: PATIENCE });
  });
  after(() => gateways[Symbol.asyncDispose]());

  const inParallel = async (jobs: readonly ((target: Target) => Promise<void>)[]): Promise<void> => {
    const queue = jobs[Symbol.iterator]();
    await Promise.all(
      gateways.targets.map(async (target) => {
        for (const job of queue) await job(target);
      }),
    );
  };

  /** Of a broken request more or less of a prefix may be forwarded before it breaks; all else is the same for every split. */
  const inBrief = ({ answers, requests }: Outcome): unknown => ({
    answers,
    requests: requests.map((message) => [summaryOf(message), message.trailers]),
  });

  test('requests', async () => {
    const random = seededRandom();
    const whole: unknown[] = [];
    for (const stream of REQUEST_STREAMS) {
      whole.push(inBrief(await attemptRequest(gateways.targets[0] ?? assert.fail(), Buffer.from(stream, 'latin1'))));
    }
    const jobs = REQUEST_STREAMS.flatMap((stream, index) =>
      Array.from({ length: 30 }, (_, round) => async (target: Target): Promise<void> => {
        const bytes = Buffer.from(stream, 'latin1');
        const pieces =
          round === 0 ? Array.from(bytes, (byte) => Buffer.of(byte)) : random.split(bytes, 2 + random.below(12));
        assert.deepEqual(
          inBrief(await attemptRequest(target, bytes, pieces)),
          whole[index],
          `${random.seed} ${pieces.map(quote).join(' ')}`,
        );
      }),
    );
    await inParallel(jobs);
  });

  test('responses', async () => {
    const random = seededRandom();
    const ask = async (target: Target, pieces: readonly Buffer[]): Promise<unknown> => {
      target.upstream.script = {
        onRequest: async (connection) => {
          for (const piece of pieces)
            await new Promise<void>((resolve) => connection.socket.write(piece, () => setImmediate(resolve)));
        },
      };
      const client = await WireClient.open(target);
      const responses = await client.send(request('GET /a')).untilResponses(1);
      client.destroy();
      target.upstream.takeRequests();
      // The gateway's own answers carry an id that is never the same.
      return responses.map((message) => [
        statusOf(message),
        statusOf(message) === 502 || message.body.toString('latin1'),
        message.trailers,
      ]);
    };
    const [first] = gateways.targets;
    const jobs: ((target: Target) => Promise<void>)[] = [];
    for (const stream of RESPONSE_STREAMS) {
      const bytes = Buffer.from(stream, 'latin1');
      const whole = await ask(first ?? assert.fail(), [bytes]);
      for (let round = 0; round < 30; round++) {
        const pieces =
          round === 0 ? Array.from(bytes, (byte) => Buffer.of(byte)) : random.split(bytes, 2 + random.below(12));
        jobs.push(async (target) =>
          assert.deepEqual(await ask(target, pieces), whole, `${random.seed} ${pieces.map(quote).join(' ')}`),
        );
      }
    }
    await inParallel(jobs);
  });
});
