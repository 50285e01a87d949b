// The three verdicts on bytes that a test sends to the gateway: refused (nothing forwarded), cut (at most an unfinished prefix
// forwarded) or forwarded. Each asserts all that follows from it, so that a table of inputs needs nothing more.
import assert from 'node:assert/strict';
import { statusOf, valueOf } from './http1-message.ts';
import { quote, readResponsesAlike } from './referees.ts';
import { WireClient } from './wire-client.ts';
import type { Message } from './http1-message.ts';
import type { Recorder } from './recorder.ts';
import type { WireAddress } from './wire-client.ts';

export interface Target extends WireAddress {
  readonly upstream: Recorder;
}

export type Bytes = string | Uint8Array;

/** One answer with one of the statuses and `Connection: close`, then the close; the upstream got not one byte. */
export async function refused(target: Target, bytes: Bytes, statuses: readonly number[] = [400]): Promise<void> {
  await lastAnswer(target, bytes, statuses, 1);
  const { untakenBytes } = target.upstream;
  target.upstream.take();
  assert.equal(untakenBytes, 0, 'nothing is forwarded');
}

/** As `refused`, but the upstream may have got the beginning of the request; then its connection is closed. */
export async function cut(target: Target, bytes: Bytes, statuses: readonly number[] = [400]): Promise<void> {
  await lastAnswer(target, bytes, statuses, 1);
  await assertCut(target.upstream);
}

/** Nothing, or an unfinished request on a connection that the gateway closed. */
export async function assertCut(upstream: Recorder): Promise<void> {
  await upstream.untilUnfinishedClosed();
  for (const { messages } of upstream.take()) assert.equal(messages.length, 0, 'no complete request is forwarded');
}

/** The first requests are answered by the upstream, then comes one answer with one of the statuses and the close. */
export async function lastAnswer(
  target: Target,
  bytes: Bytes,
  statuses: readonly number[],
  answers: number,
): Promise<Message> {
  const client = await WireClient.open(target);
  try {
    const received = await client.send(bytes).untilClosed();
    const { messages, rest } = readResponsesAlike(received, { closed: true });
    assert.equal(rest, 'nothing', quote(received));
    assert.equal(messages.length, answers, `${answers} answers: ${quote(received)}`);
    const last = messages.at(-1) as Message;
    assert.ok(statuses.includes(statusOf(last)), `${statuses.join(' or ')}: ${quote(received)}`);
    assert.equal(valueOf(last, 'connection')?.toLowerCase(), 'close');
    assert.equal(valueOf(last, 'x-upstream'), undefined, 'the gateway answers by itself');
    return last;
  } catch (error) {
    target.upstream.forget();
    throw error;
  } finally {
    client.destroy();
  }
}

export interface Forwarded {
  readonly requests: Message[];
  readonly responses: Message[];
}

/** As many requests as `methods` names are forwarded and answered by the upstream with 200. */
export async function forwardedAll(target: Target, bytes: Bytes, methods: readonly string[]): Promise<Forwarded> {
  const client = await WireClient.open(target);
  try {
    const responses = await client.send(bytes).untilResponses(methods.length, methods);
    readResponsesAlike(client.received, { methods });
    assert.deepEqual(
      responses.map((response) => [statusOf(response), valueOf(response, 'x-upstream') !== undefined]),
      methods.map(() => [200, true]),
      quote(client.received),
    );
    const requests = target.upstream.takeRequests();
    assert.equal(requests.length, methods.length, 'requests that reached the upstream');
    return { requests, responses };
  } catch (error) {
    target.upstream.forget();
    throw error;
  } finally {
    client.destroy();
  }
}

/** One request, forwarded and answered by the upstream with 200; what the upstream saw of it. */
export async function forwarded(target: Target, bytes: Bytes): Promise<Message> {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
  const { requests } = await forwardedAll(target, bytes, [text.trimStart().split(' ', 1)[0] ?? 'GET']);
  return requests[0] as Message;
}

/** A request's text from its first line, fields and body; Host is added unless there is one. */
export function request(line: string, fields: readonly string[] = [], body = ''): string {
  const hosts =
    fields.some((field) => /^host\s*:/i.test(field)) || line.endsWith('HTTP/1.0') ? [] : ['Host: example.com'];
  const version = /HTTP\/[0-9.]+$/.test(line) ? '' : ' HTTP/1.1';
  return `${[`${line}${version}`, ...hosts, ...fields].join('\r\n')}\r\n\r\n${body}`;
}
