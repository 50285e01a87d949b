// HTTPRoute retries: what is tried again, where, how often, and what never is.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { RetryPolicy } from '../../../src/ir/route.ts';
import type { RecordedConnection } from '../../harness/recorder.ts';
import { okResponse } from '../../harness/recorder.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import type { EngineSetup, RunningEngine } from '../../harness/running-engine.ts';
import { TestBed } from '../../harness/test-bed.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const UNAVAILABLE = 'HTTP/1.1 503 Down\r\nContent-Length: 4\r\n\r\ndown';
const POLICY: RetryPolicy = { attempts: 2, codes: [503], backoffMs: 1 };

type Step = (connection: RecordedConnection) => void;
const FAILS: Step = (connection) => connection.write(UNAVAILABLE);
const RESETS: Step = (connection) => connection.reset();
const SERVES: Step = (connection) => connection.write(okResponse(0));
const HANGS: Step = () => {};

interface Stage {
  readonly gateway: RunningEngine;
  /** Requests that the upstreams got. */
  readonly seen: string[];
  readonly bed: TestBed;
}

/** A gateway before one upstream, whose answers are these, in turn. */
async function start(
  t: TestContext,
  steps: readonly Step[],
  rule: { readonly retry?: RetryPolicy; readonly backendRequestTimeoutMs?: number; readonly requestTimeoutMs?: number },
  setup?: EngineSetup,
): Promise<Stage> {
  const bed = new TestBed(t);
  const seen: string[] = [];
  const upstream = await bed.upstream({
    onRequest: (connection, { startLine, body }) => {
      const step = steps[seen.length] ?? assert.fail('an unexpected request');
      seen.push(`${startLine[0]} ${body.toString('latin1')}`.trim());
      step(connection);
    },
  });
  return { gateway: await bed.gateway(upstream.port, rule, setup), seen, bed };
}

async function answerTo({ bed, gateway }: Stage, request: string): Promise<{ status: string; body: string }> {
  const client = await bed.client(gateway);
  const [answer] = await client.send(request).untilResponses(1);
  return { status: answer?.startLine[1] ?? '', body: answer?.body.toString('latin1') ?? '' };
}

describe('a request is tried again', { timeout: 20_000 }, () => {
  for (const [what, steps, retry, status] of [
    ['after a status that the policy names', [FAILS, FAILS, SERVES], POLICY, '200'],
    ['after a reset connection', [RESETS, RESETS, SERVES], POLICY, '200'],
    ['after a reset, without codes', [RESETS, SERVES], { ...POLICY, codes: [] }, '200'],
  ] as const) {
    test(what, async (t) => {
      const stage = await start(t, steps, { retry });
      assert.equal((await answerTo(stage, GET)).status, status);
      const { attempts, flag } = await stage.gateway.logged();
      assert.deepEqual([attempts, flag], [steps.length, undefined]);
    });
  }

  test('with all of its body', async (t) => {
    const stage = await start(t, [FAILS, RESETS, SERVES], { retry: POLICY });
    const answer = await answerTo(stage, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    assert.equal(answer.status, '200');
    assert.deepEqual(stage.seen, ['PUT hello', 'PUT hello', 'PUT hello']);
  });

  test('while its body still arrives', async (t) => {
    const bed = new TestBed(t);
    const heads: RecordedConnection[] = [];
    const upstream = await bed.upstream({
      onHead: (connection) => {
        if (heads.push(connection) === 1) connection.write(UNAVAILABLE);
      },
      onRequest: (connection, { body }) => {
        assert.equal(body.toString(), 'hello');
        connection.write(okResponse(0));
      },
    });
    const gateway = await bed.gateway(upstream.port, { retry: POLICY });
    const client = await bed.client(gateway);
    client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel');
    await upstream.until('the second try', () => heads.length === 2 || undefined);
    const [answer] = await client.send('lo').untilResponses(1);
    assert.equal(answer?.startLine[1], '200');
  });

  test('after the timeout of one try', async (t) => {
    const stage = await start(t, [HANGS, SERVES], { retry: POLICY, backendRequestTimeoutMs: 40 });
    assert.equal((await answerTo(stage, GET)).status, '200');
  });

  test('on another endpoint', async (t) => {
    const bed = new TestBed(t);
    const asked: string[] = [];
    const failing = await bed.upstream({
      onRequest: (connection) => {
        asked.push('failing');
        connection.write(UNAVAILABLE);
      },
    });
    const good = await bed.upstream({
      onRequest: (connection) => {
        asked.push('good');
        connection.write(okResponse(0));
      },
    });
    const gateway = await bed.engine([
      listener(),
      cluster('a', [failing.port, good.port]),
      route('r', [{ backends: ['a'], retry: POLICY }]),
    ]);
    const client = await bed.client(gateway);
    for (let i = 1; i <= 6; i++) {
      const answers = await client.send(GET).untilResponses(i);
      assert.equal(answers.at(-1)?.startLine[1], '200');
    }
    assert.equal(asked.filter((name) => name === 'good').length, 6);
  });

  test('on the same endpoint, where it is the only one and refuses at first', async (t) => {
    const bed = new TestBed(t);
    const port = await bed.closedPort();
    const gateway = await bed.gateway(port, { retry: { attempts: 8, codes: [], backoffMs: 20 } });
    const client = await bed.client(gateway);
    client.send(GET);
    while (gateway.metrics.upstreamConnectFailures.cell({ cluster: 'test/a' }).value === 0)
      await new Promise(setImmediate);
    await bed.server((socket) => socket.on('data', () => socket.write(okResponse(0))), '127.0.0.1', port);
    const [answer] = await client.untilResponses(1);
    assert.equal(answer?.startLine[1], '200');
  });
});

describe('a request is not tried again', { timeout: 20_000 }, () => {
  for (const [what, steps, rule, request, status] of [
    ['without a policy', [FAILS], {}, GET, '503'],
    ['after a status that is not named', [FAILS], { retry: { ...POLICY, codes: [500] } }, GET, '503'],
    ['when all attempts are used up', [FAILS, FAILS, FAILS], { retry: POLICY }, GET, '503'],
    ['with 0 attempts', [FAILS], { retry: { ...POLICY, attempts: 0 } }, GET, '503'],
    [
      'when doing it twice is not doing it once',
      [FAILS],
      { retry: POLICY },
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi',
      '503',
    ],
    [
      'beyond the timeout of the whole',
      [FAILS],
      { retry: { ...POLICY, backoffMs: 5_000 }, requestTimeoutMs: 60 },
      GET,
      '504',
    ],
  ] as const) {
    test(what, async (t) => {
      const stage = await start(t, steps, rule);
      const answer = await answerTo(stage, request);
      assert.equal(answer.status, status);
      if (status === '503') assert.equal(answer.body, 'down', "the last answer is the upstream's own");
      assert.equal(stage.seen.length, steps.length);
    });
  }

  test('when its body is larger than what is kept of one', async (t) => {
    const stage = await start(t, [FAILS], { retry: POLICY });
    const body = 'x'.repeat(64 * 1024 + 1);
    const head = `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
    assert.equal((await answerTo(stage, head + body)).status, '503');
  });

  test('when the bodies of all requests leave no room', async (t) => {
    const stage = await start(t, [FAILS], { retry: POLICY }, { limits: { maxReplayBytes: 4 } });
    const answer = await answerTo(stage, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    assert.equal(answer.status, '503');
    assert.deepEqual(stage.seen, ['PUT hello']);
  });

  test('after a part of the answer was passed on', async (t) => {
    const stage = await start(
      t,
      [
        (connection) => {
          connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
          connection.finish();
        },
      ],
      { retry: POLICY },
    );
    const client = await stage.bed.client(stage.gateway);
    await client.send(GET).untilClosed();
    assert.equal(stage.seen.length, 1);
  });
});

test('R11: a storm of failures is not made worse', { timeout: 30_000 }, async (t) => {
  const CLIENTS = 100;
  const bed = new TestBed(t);
  const held: RecordedConnection[] = [];
  let requests = 0;
  const upstream = await bed.upstream({
    onRequest: (connection) => {
      requests++;
      held.push(connection);
    },
  });
  const policy = { attempts: 5, codes: [503], backoffMs: 1 };
  const gateway = await bed.engine([
    listener(),
    cluster('a', [upstream.port], { maxConnections: 1_000 }),
    route('r', [{ backends: ['a'], retry: policy }]),
  ]);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => bed.client(gateway)));
  for (const client of clients) client.send(GET);
  await upstream.until('all requests are there', () => held.length === CLIENTS || undefined);
  upstream.script = {
    onRequest: (connection) => {
      requests++;
      connection.write(UNAVAILABLE);
    },
  };
  for (const connection of held) connection.write(UNAVAILABLE);
  for (const client of clients) {
    const [answer] = await client.untilResponses(1);
    assert.equal(answer?.startLine[1], '503');
  }
  t.diagnostic(`${CLIENTS} requests, each failing; tries: ${requests}`);
  // Each of the fifth that may be retried at a time can use all of its attempts; nobody else gets any.
  assert.ok(requests <= CLIENTS + CLIENTS * 0.2 * policy.attempts, `${requests} tries`);
});
