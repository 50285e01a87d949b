// Judges what the gateway made of a byte stream: what the upstream got must be canonical, must be read alike by both referees, must be
// what the client's stream says to a strict reader, and the client must have exactly one final answer for each request.
import assert from 'node:assert/strict';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { quote, readAlike, readResponsesAlike } from '../../harness/referees.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Target } from '../../harness/http1-attack.ts';
import type { Message } from '../../harness/http1-message.ts';

/** One stream of bytes to send; `pieces` where they are not to be sent at once. */
export interface Attempt {
  readonly bytes: Buffer;
  readonly pieces?: readonly Buffer[];
}

export interface Outcome {
  /** Final answers, in order: `200` from the upstream, `!400` from the gateway itself. */
  readonly answers: readonly string[];
  /** What the upstream got, complete. */
  readonly requests: readonly Message[];
  readonly unfinished: Message | undefined;
}

export interface Tally {
  attempts: number;
  forwarded: number;
  refused: number;
  cut: number;
}

/**
 * Follows every attempt: no reader takes it for the beginning of a request or for a chunk, so each stream ends in a refusal and the
 * close, and nothing has to be waited for. A body that is longer than what was sent swallows it and runs into a timeout instead.
 */
const POISON = Buffer.from(`${'\0'.repeat(40)}\r\n\r\n`, 'latin1');

/** Engine timeouts for attempts that wait for what never comes. */
export const PATIENCE = { headMs: 400, bodyIdleMs: 400, keepAliveIdleMs: 400, lingerMs: 200 } as const;

export async function attempt(target: Target, { bytes, pieces }: Attempt): Promise<Outcome> {
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
    const context = { methods: requests.map(({ startLine }) => startLine[0]), closed: client.end === 'closed' };
    const { messages, rest } = readResponsesAlike(received, context);
    assert.equal(rest, 'nothing', 'the answers are complete');
    const answers = messages.map((message) =>
      valueOf(message, 'x-upstream') === undefined ? `!${statusOf(message)}` : `${statusOf(message)}`,
    );
    judge(bytes, answers, requests, messages.at(-1));
    return { answers, requests, unfinished: unfinished[0] };
  } catch (error) {
    target.upstream.forget();
    throw new Error(`${quote(bytes)}: ${(error as Error).message}; answered ${quote(received)}`, { cause: error });
  } finally {
    client.destroy();
  }
}

function judge(
  bytes: Buffer,
  answers: readonly string[],
  requests: readonly Message[],
  last: Message | undefined,
): void {
  const own = answers.filter((answer) => answer.startsWith('!'));
  assert.equal(
    answers.length - own.length,
    requests.length,
    `a final answer for each complete request, not ${answers.join()}`,
  );
  assert.ok(
    own.length <= 1 && (own.length === 0 || answers.at(-1) === own[0]),
    `at most one refusal, the last: ${answers.join()}`,
  );
  if (own.length === 1)
    assert.equal(last === undefined ? undefined : valueOf(last, 'connection')?.toLowerCase(), 'close');
  const meant = readAlike(Buffer.concat([withoutLeadingEmptyLines(bytes), POISON])).messages;
  assert.ok(
    requests.length <= meant.length,
    `a strict reader finds ${meant.length} requests, the upstream got ${requests.length}`,
  );
  for (const [index, request] of requests.entries()) assertSame(request, meant[index] as Message);
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
  for (const [name, value] of meant.headers) {
    // Fields that begin with `y` are nobody's but the test's own.
    if (/^y/i.test(name))
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

/** RFC 9112 section 2.2 lets a server skip them, so the referees are spared them. */
function withoutLeadingEmptyLines(bytes: Buffer): Buffer {
  let start = 0;
  while (bytes[start] === 0x0d && bytes[start + 1] === 0x0a) start += 2;
  return bytes.subarray(start);
}

/** Runs all attempts, one at a time on each target. @throws with the first ten failures. */
export async function attemptAll(
  targets: readonly Target[],
  attempts: Iterable<Attempt>,
  note: string,
): Promise<Tally> {
  const tally: Tally = { attempts: 0, forwarded: 0, refused: 0, cut: 0 };
  const failures: string[] = [];
  const iterator = attempts[Symbol.iterator]();
  const work = async (target: Target): Promise<void> => {
    for (let next = iterator.next(); next.done !== true && failures.length < 10; next = iterator.next()) {
      tally.attempts++;
      try {
        const { requests, unfinished } = await attempt(target, next.value);
        if (unfinished !== undefined) tally.cut++;
        else if (requests.length > 0) tally.forwarded++;
        else tally.refused++;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
  };
  await Promise.all(targets.map(work));
  assert.deepEqual(failures, [], note);
  return tally;
}
