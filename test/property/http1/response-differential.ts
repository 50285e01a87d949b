// Judges what the gateway made of an upstream's bytes: the client gets what a strict reader finds in them, or 502, or a connection that
// is cut; and the next request gets its own answer.
import assert from 'node:assert/strict';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, summaryOf, valueOf } from '../../harness/http1-message.ts';
import { quote, readResponsesAlike } from '../../harness/referees.ts';
import { okResponse } from '../../harness/recorder.ts';
import { WireClient } from '../../harness/wire-client.ts';
import type { Target } from '../../harness/http1-attack.ts';
import type { Message, Reading } from '../../harness/http1-message.ts';
import type { Verdict } from './attempts.ts';

const GATEWAY_ERRORS = [502, 503];

export async function judgeResponse(target: Target, bytes: Buffer): Promise<Verdict> {
  const { upstream } = target;
  const open = readResponsesAlike(bytes);
  const isWhole = open.rest === 'nothing' && open.messages.filter(isFinal).length === 1;
  // Bytes that are no whole answer are followed by the close, so that nothing has to be waited for.
  const meant = isWhole ? open : readResponsesAlike(bytes, { closed: true });
  upstream.script = {
    onRequest: (connection, { startLine }) => {
      connection.write(startLine[1] === '/next' ? okResponse(2) : bytes);
      if (startLine[1] !== '/next' && !isWhole) connection.finish();
    },
  };
  const client = await WireClient.open(target);
  const next = await WireClient.open(target);
  try {
    const probe = (): true | undefined =>
      client.end !== 'open' || client.responses().some(isFinal) ? true : undefined;
    await client.send(request('GET /first')).until('an answer or the close', probe);
    const seen = readResponsesAlike(client.received, { closed: client.end === 'closed' });
    const verdict = judge(seen, meant);
    const answer = (await next.send(request('GET /next')).untilResponses(1))[0] ?? assert.fail();
    assert.deepEqual([valueOf(answer, 'x-upstream'), answer.body.toString()], ['2', 'ok'], 'the next answer');
    const requests = upstream.take().flatMap(({ messages }) => messages.map(summaryOf));
    assert.deepEqual(requests, ['GET /first', 'GET /next'], 'each request is sent once');
    return verdict;
  } catch (error) {
    upstream.forget();
    throw new Error(`${quote(bytes)}: ${(error as Error).message}; answered ${quote(client.received)}`, {
      cause: error,
    });
  } finally {
    client.destroy();
    next.destroy();
  }
}

function isFinal(message: Message): boolean {
  return statusOf(message) >= 200;
}

function judge(seen: Reading, meant: Reading): Verdict {
  assert.notEqual(seen.rest, 'invalid', 'the client gets no nonsense');
  const final = seen.messages.find(isFinal);
  if (final === undefined) return 'cut';
  assert.deepEqual([seen.messages.at(-1), seen.rest], [final, 'nothing'], 'nothing follows the answer');
  const meantFinal = meant.messages.find(isFinal);
  const isOwn =
    GATEWAY_ERRORS.includes(statusOf(final)) &&
    valueOf(final, 'x-request-id') !== undefined &&
    final.body.includes('Request id');
  if (isOwn) return 'refused';
  assert.ok(meantFinal !== undefined, 'a strict reader finds no answer');
  assert.deepEqual(
    [statusOf(final), final.body.toString('latin1')],
    [statusOf(meantFinal), meantFinal.body.toString('latin1')],
  );
  for (const [name, value] of meantFinal.headers) {
    if (/^y/i.test(name))
      assert.ok(
        final.headers.some(([n, v]) => n.toLowerCase() === name.toLowerCase() && v === value),
        `field ${name}`,
      );
  }
  return 'forwarded';
}
