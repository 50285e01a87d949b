// Judges what the gateway made of a byte stream: what the upstream got must be canonical, must be read alike by both referees, must be
// what the client's stream says to a strict reader, and the client must have exactly one final answer for each request.
import assert from 'node:assert/strict';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { quote, readAlike, readResponsesAlike } from '../../harness/referees.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Verdict } from './attempts.ts';
import type { Target } from '../../harness/http1-attack.ts';
import type { Message } from '../../harness/http1-message.ts';

export interface Outcome {
  /** Final answers, in order: `200` from the upstream, `!400` from the gateway itself. */
  readonly answers: readonly string[];
  /** What the upstream got, complete. */
  readonly requests: readonly Message[];
  readonly unfinished: Message | undefined;
}

/**
 * Follows every attempt: no reader takes it for the beginning of a request or for a chunk, so each stream ends in a refusal and the
 * close, and nothing has to be waited for. A body that is longer than what was sent swallows it and runs into a timeout instead.
 */
const POISON = Buffer.from(`${'\0'.repeat(40)}\r\n\r\n`, 'latin1');

/** Engine timeouts for attempts that wait for what never comes. */
export const PATIENCE = { headMs: 3_000, bodyIdleMs: 500, keepAliveIdleMs: 1_500, lingerMs: 200 } as const;

/** @param pieces the bytes in pieces, where they are not to be sent at once. */
export async function attemptRequest(target: Target, bytes: Buffer, pieces?: readonly Buffer[]): Promise<Outcome> {
  const client = await WireClient.open(target);
  let received: Buffer = Buffer.alloc(0);
  try {
    if (pieces !== undefined) await client.sendPieces(pieces);
    received = await client.send(pieces === undefined ? Buffer.concat([bytes, POISON]) : POISON).untilClosed();
    await target.upstream.untilUnfinishedClosed();
    const readings = target.upstream.take();
    const requests = readings.flatMap(({ messages }) => messages);
    const unfinished = readings.map((reading) => reading.unfinished).filter((message) => message !== undefined);
    assert.ok(
      readings.every(({ rest, unfinished }) => rest === 'nothing' || unfinished !== undefined),
      'heads are forwarded whole',
    );
    assert.ok(unfinished.length <= 1, 'at most one unfinished request');
    const meant = readAlike(Buffer.concat([bytes, POISON]), { skipsEmptyLines: true }).messages;
    const messages = answersIn(
      received,
      bytes,
      meant.map(({ startLine }) => startLine[0]),
      client.end === 'closed',
    );
    const answers = messages.map((message) =>
      valueOf(message, 'x-upstream') === undefined ? `!${statusOf(message)}` : `${statusOf(message)}`,
    );
    judge(answers, requests, meant);
    const last = messages.at(-1) ?? assert.fail('no answer');
    const isRefusal = valueOf(last, 'x-upstream') === undefined && statusOf(last) !== 404;
    if (isRefusal) assert.equal(valueOf(last, 'connection')?.toLowerCase(), 'close');
    return { answers, requests, unfinished: unfinished[0] };
  } catch (error) {
    target.upstream.forget();
    throw new Error(`${quote(bytes)}: ${(error as Error).message}; answered ${quote(received)}`, { cause: error });
  } finally {
    client.destroy();
  }
}

export async function judgeRequest(target: Target, bytes: Buffer, pieces?: readonly Buffer[]): Promise<Verdict> {
  const { requests, unfinished } = await attemptRequest(target, bytes, pieces);
  return unfinished !== undefined ? 'cut' : requests.length > 0 ? 'forwarded' : 'refused';
}

/** All answers, complete. @throws where they are not. */
function answersIn(received: Buffer, sent: Buffer, methods: readonly string[], closed: boolean): readonly Message[] {
  // Whether the refusal has a body depends on whether the gateway could tell that it refuses a HEAD; which one it refuses is open.
  const guesses = [methods];
  for (let refused = 0; refused <= methods.length; refused++) {
    guesses.push([...methods.slice(0, refused), 'GET']);
    if (sent.includes('HEAD ')) guesses.push([...methods.slice(0, refused), 'HEAD']);
  }
  for (const guess of guesses) {
    const { messages, rest } = readResponsesAlike(received, { methods: guess, closed });
    if (rest === 'nothing') return messages;
  }
  return assert.fail('the answers are not complete');
}

/** Each answer belongs to a request that a strict reader finds too; only the last may be the refusal of what is none. */
function judge(answers: readonly string[], requests: readonly Message[], meant: readonly Message[]): void {
  let forwarded = 0;
  for (const [index, answer] of answers.entries()) {
    if (answer.startsWith('!')) {
      // `OPTIONS *` and the like have no route.
      assert.ok(
        index === answers.length - 1 || (answer === '!404' && index < meant.length),
        `a refusal is the last answer: ${answers.join()}`,
      );
    } else {
      assertSame(
        requests[forwarded++] ?? assert.fail('more answers than requests'),
        meant[index] ?? assert.fail('more requests than a strict reader finds'),
      );
    }
  }
  assert.equal(forwarded, requests.length, `a final answer for each complete request, not ${answers.join()}`);
}

/** That the forwarded request says what the client's said. */
function assertSame(seen: Message, meant: Message): void {
  assert.equal(seen.startLine[0], meant.startLine[0], 'method');
  assert.equal(
    seen.startLine[1].split('?').slice(1).join('?'),
    meant.startLine[1].split('?').slice(1).join('?'),
    'query',
  );
  if (/^\/[A-Za-z0-9?&=]*$/.test(meant.startLine[1])) assert.equal(seen.startLine[1], meant.startLine[1], 'target');
  assert.deepEqual(seen.body, meant.body, 'body');
  const hopByHop = (valueOf(meant, 'connection') ?? '').toLowerCase();
  for (const [name, value] of meant.headers) {
    // Fields that begin with `y` are nobody's but the test's own.
    if (/^y/i.test(name) && !hopByHop.includes(name.toLowerCase()))
      assert.ok(
        seen.headers.some(([n, v]) => n.toLowerCase() === name.toLowerCase() && v === value),
        `field ${name}`,
      );
  }
  for (const [name, value] of seen.trailers) {
    assert.ok(
      meant.trailers.some(([n, v]) => n.toLowerCase() === name.toLowerCase() && v === value),
      `trailer ${name}`,
    );
  }
}
