// Streams that are broken in the ways attackers break them: random edits, and every pair of framing fields in many spellings.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startGateways } from '../../harness/engine.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { attemptAll } from './attempts.ts';
import { PATIENCE, judgeRequest } from './request-differential.ts';
import type { Target } from '../../harness/http1-attack.ts';
import type { Verdict } from './attempts.ts';
import type { Gateways } from '../../harness/engine.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';

interface Attempt {
  readonly bytes: Buffer;
  readonly pieces?: readonly Buffer[];
}

const RANDOM_ATTEMPTS = process.env['SLUICE_TEST_DEPTH'] === 'full' ? 60_000 : 5_000;

// oxfmt-ignore
const SEEDS = [
  'GET /a?b=c HTTP/1.1\r\nHost: a\r\nY: z\r\nConnection: keep-alive\r\n\r\n',
  'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nY: z\r\n\r\nhello',
  'POST /c HTTP/1.1\r\nY: z\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n3;e=f\r\nabc\r\nA\r\n0123456789\r\n0\r\nYt: v\r\n\r\n',
  'DELETE /d HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\nGET /x HTTP/1.1\r\nHost: b\r\n\r\n1234',
  'GET http://a/e HTTP/1.1\r\nHost: a\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'HEAD /g HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /h HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx',
  'PUT /i HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok',
  'GET /j HTTP/1.1\r\nHost: a\r\nConnection: close, Y\r\n\r\n',
];

// oxfmt-ignore
const FIELDS = [
  'Content-Length: 0', 'Content-Length: 5', 'Content-Length: 3', 'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity', 'Transfer-Encoding: ', ': ', ' ', 'Host: b', 'Host:', 'Expect: 100-continue',
  'Connection: content-length', 'Connection: transfer-encoding', 'Connection: host', 'Upgrade: h2c',
  'Upgrade: websocket\r\nConnection: upgrade', 'TE: chunked', 'Trailer: Content-Length', 'Y: 1',
];
// oxfmt-ignore
const SPECIAL = [
  '\r', '\n', '\0', ':', '\t', ' ', '\r\n', '\r\n\r\n', '\n\n', ',', ';', '0', '1', 'F', 'x', '\x0b', '\x0c', '\x85',
  '\xa0', '\xff', '\r\n ', '\r\n\t', '/', '?', '%', '#', '"', '=',
];

/** One edit at a random place. */
function edited(stream: string, random: SeededRandom): string {
  const at = random.below(stream.length + 1);
  const insert = (text: string): string => stream.slice(0, at) + text + stream.slice(at);
  const lines = stream.split('\r\n');
  const line = random.below(lines.length);
  switch (random.below(14)) {
    case 0:
      return stream.slice(0, at) + stream.slice(at + 1 + random.below(3));
    case 1:
      return stream.slice(0, at) + String.fromCharCode(random.below(256)) + stream.slice(at + 1);
    case 2:
      return insert(String.fromCharCode(random.below(256)));
    case 3:
    case 4:
    case 5:
      return insert(random.pick(SPECIAL));
    case 6:
      return stream + random.pick(SEEDS);
    case 7:
      return insert(random.pick(SEEDS));
    case 8:
      return lines.toSpliced(line, 0, random.pick(lines)).join('\r\n');
    case 9:
      return lines.toSpliced(line, 1).join('\r\n');
    case 10:
      return lines.toSpliced(line, 1, random.pick(FIELDS)).join('\r\n');
    case 11:
    case 12:
      return lines.toSpliced(line, 0, random.pick(FIELDS)).join('\r\n');
    default:
      return (
        stream.slice(0, at) +
        stream.slice(at).replace(/[a-z]/i, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()))
      );
  }
}

function* randomAttempts(random: SeededRandom): Generator<Attempt> {
  for (let round = 0; round < RANDOM_ATTEMPTS; round++) {
    let stream = random.pick(SEEDS);
    for (let edits = 1 + random.below(3); edits > 0; edits--) stream = edited(stream, random);
    const bytes = Buffer.from(stream, 'latin1');
    yield random.below(4) === 0 ? { bytes, pieces: random.split(bytes, 2 + random.below(4)) } : { bytes };
  }
}

/** Spellings of a name and a value that one parser or another takes for the plain ones. */
function spellings(name: string, values: readonly string[]): string[] {
  const blanks = ['\t', ' ', '\x0b', '\x0c', '\0', '\xa0', '\x85', '\xff', ',', ';', '"', "'", '\r', '\n'];
  const plain = values[0] ?? '';
  return [
    ...values.map((value) => `${name}: ${value}`),
    ...blanks.flatMap((blank) => [
      `${name}:${blank}${plain}`,
      `${name}: ${plain}${blank}`,
      `${name}${blank}: ${plain}`,
      `${blank}${name}: ${plain}`,
      `${name}:${blank}`,
    ]),
    `${name.toUpperCase()}: ${plain}`,
    `${name.toLowerCase()}:${plain}`,
    `${name.replaceAll('-', '_')}: ${plain}`,
    `${name.replaceAll('-', '')}: ${plain}`,
    `${name}:\r\n ${plain}`,
    `${name}\r\n : ${plain}`,
    `Y: z\n${name}: ${plain}`,
    `Y: z\r${name}: ${plain}`,
    `Y: z\r\n ${name}: ${plain}`,
    `Y: z\r\n\t${name}: ${plain}`,
    `: z\r\n${name}: ${plain}`,
    `Y\r\n${name}: ${plain}`,
    `Connection: ${name}\r\n${name}: ${plain}`,
    `${name}: ${plain}\r\n${name}: ${plain}`,
    'Y: z',
  ];
}

function* framingAttempts(random: SeededRandom): Generator<Attempt> {
  // oxfmt-ignore
  const lengths = spellings('Content-Length', [
    '5', '05', '+5', '-5', '5,5', '5, 6', '0x5', '5e0', '5.0', '5_0', '18446744073709551621', '',
  ]);
  // oxfmt-ignore
  const codings = spellings('Transfer-Encoding', [
    'chunked', 'CHUNKED', 'xchunked', 'identity', 'gzip, chunked', 'chunked, identity', ', chunked',
    'chunked, chunked', '"chunked"', 'chunked;q=1', '',
  ]);
  const bodies = ['5\r\na\0b\0c\r\n0\r\n\r\n', 'hello', '0\r\n\r\n', '', '0\r\n\r\nGET /x HTTP/1.1\r\nHost: b\r\n\r\n'];
  for (const length of lengths) {
    for (const coding of codings) {
      const fields = random.below(2) === 0 ? [length, coding] : [coding, length];
      yield {
        bytes: Buffer.from(
          `POST /f HTTP/1.1\r\nHost: a\r\n${fields.join('\r\n')}\r\n\r\n${random.pick(bodies)}`,
          'latin1',
        ),
      };
    }
  }
}

describe('mutations', () => {
  let gateways: Gateways;
  before(async () => {
    gateways = await startGateways(64, { timeouts: PATIENCE });
  });
  after(() => gateways[Symbol.asyncDispose]());

  const judge = (target: Target, { bytes, pieces }: Attempt): Promise<Verdict> => judgeRequest(target, bytes, pieces);

  test(`${RANDOM_ATTEMPTS} random edits`, async (t) => {
    const random = seededRandom();
    const tally = await attemptAll(gateways.targets, randomAttempts(random), judge, random.seed);
    t.diagnostic(`${random.seed} ${JSON.stringify(tally)}`);
    assert.ok(
      tally.forwarded > tally.attempts / 20 && tally.refused > tally.attempts / 4 && tally.cut > 0,
      JSON.stringify(tally),
    );
  });

  test('pairs of Content-Length and Transfer-Encoding in many spellings', async (t) => {
    const random = seededRandom();
    const tally = await attemptAll(gateways.targets, framingAttempts(random), judge, random.seed);
    t.diagnostic(`${random.seed} ${JSON.stringify(tally)}`);
    assert.ok(tally.refused > tally.attempts / 2, JSON.stringify(tally));
  });
});
