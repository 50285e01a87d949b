// Both referees against the same hand-made streams, and against each other on random ones: what they agree on is believed elsewhere.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { grammarReferee } from '../../harness/grammar-referee.ts';
import { summaryOf } from '../../harness/http1-message.ts';
import { readAlike } from '../../harness/referees.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { StateMachineReader, stateMachineReferee } from '../../harness/state-machine-referee.ts';
import type { Reading } from '../../harness/http1-message.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';
const POST = 'POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc';
const CHUNKED =
  'PUT /c HTTP/1.1\r\nhost:h\r\ntransfer-encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n00\r\nT: v \r\n\r\n';

function head(...fields: string[]): string {
  return `POST / HTTP/1.1\r\nHost: h\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

/** stream → complete messages, then what the rest is */
const REQUESTS: [string, string[], Reading['rest']][] = [
  ['', [], 'nothing'],
  [GET, ['GET /a'], 'nothing'],
  [GET + POST + CHUNKED, ['GET /a', 'POST /b abc', 'PUT /c abc0123456789'], 'nothing'],
  [`${GET}G`, ['GET /a'], 'prefix'],
  [GET.slice(0, -1), [], 'prefix'],
  [POST.slice(0, -1), [], 'prefix'],
  [CHUNKED.slice(0, -1), [], 'prefix'],
  [CHUNKED.slice(0, -4), [], 'prefix'],
  ['GET / HTTP/1.0\r\n\r\n', ['GET /'], 'nothing'],
  ['OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n', ['OPTIONS *'], 'nothing'],
  ['GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n', ['GET http://h/x'], 'nothing'],
  [`\r\n${GET}`, [], 'invalid'],
  [`${GET}\r\n${GET}`, ['GET /a'], 'invalid'],
  ['GET * HTTP/1.1\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET  / HTTP/1.1\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET /  HTTP/1.1\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1 \r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET /#f HTTP/1.1\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET /\x80 HTTP/1.1\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.2\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET /\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['G@T / HTTP/1.1\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\nHost: h\n\n', [], 'prefix'],
  ['GET / HTTP/1.1\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\n Host: h\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost : h\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost: h\r\nX: a\x7fb\r\n\r\n', [], 'invalid'],
  ['GET / HTTP/1.1\r\nHost: h\r\nX:\t\xffa \xa0\t\r\n\r\n', ['GET /'], 'nothing'],
  [head('Content-Length: 3', 'Content-Length: 3'), [], 'invalid'],
  [head('Content-Length: 3, 3'), [], 'invalid'],
  [head('Content-Length: +3'), [], 'invalid'],
  [head('Content-Length:'), [], 'invalid'],
  [head('Content-Length: 0x1'), [], 'invalid'],
  [head('Content-Length: 1234567890123456'), [], 'invalid'],
  [`${head('Content-Length: 003')}abc`, ['POST / abc'], 'nothing'],
  [head('Content-Length: 0'), ['POST /'], 'nothing'],
  [head('Content-Length: 0', 'Transfer-Encoding: chunked'), [], 'invalid'],
  [head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), [], 'invalid'],
  [head('Transfer-Encoding: gzip, chunked'), [], 'invalid'],
  [head('Transfer-Encoding: \x0bchunked'), [], 'invalid'],
  ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}0\r\n\r\n`, ['POST /'], 'nothing'],
  [`${head('Transfer-Encoding: chunked')}0\r\n\r\nG`, ['POST /'], 'prefix'],
  [`${head('Transfer-Encoding: chunked')}\r\n`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')} 3\r\nabc`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}3 \r\nabc`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}3\nabc`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}0x3\r\nabc`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}3\r\nabcd`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}3\r\nabc\n`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}3\r\nabc\rx`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}3\r\nabc\r`, [], 'prefix'],
  [`${head('Transfer-Encoding: chunked')}3\r\nabc\r\n`, [], 'prefix'],
  [`${head('Transfer-Encoding: chunked')}3\r\nab`, [], 'prefix'],
  [`${head('Transfer-Encoding: chunked')}3;a\nb`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}3;a\r\r\n`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}ffffffffffffffff\r\n`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}0\r\nA b: c\r\n\r\n`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}0\r\nA: b\nC: d\r\n\r\n`, [], 'invalid'],
  [`${head('Transfer-Encoding: chunked')}0\r\nA: b\r\n`, [], 'prefix'],
];

/** stream, methods, closed → `status body` of the complete messages, then what the rest is */
const RESPONSES: [string, string[], boolean, string[], Reading['rest']][] = [
  ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', [], false, ['200 ok'], 'nothing'],
  ['HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok', [], false, ['200 ok'], 'nothing'],
  ['HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', [], false, [], 'invalid'],
  ['HTTP/1.1 20 OK\r\n\r\n', [], false, [], 'invalid'],
  ['HTTP/1.1 999 OK\r\n\r\n', [], false, [], 'invalid'],
  ['HTTP/2 200 OK\r\n\r\n', [], false, [], 'invalid'],
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 N\r\n\r\n', [], false, ['100 ', '204 '], 'nothing'],
  ['HTTP/1.1 204 N\r\nContent-Length: 0\r\n\r\n', [], false, [], 'invalid'],
  ['HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n', [], false, ['304 '], 'nothing'],
  [
    'HTTP/1.1 200 O\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 O\r\nContent-Length: 1\r\n\r\na',
    ['HEAD', 'GET'],
    false,
    ['200 ', '200 a'],
    'nothing',
  ],
  ['HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 O\r\nContent-Length: 5\r\n\r\n', ['HEAD'], false, ['103 ', '200 '], 'nothing'],
  ['HTTP/1.1 200 OK\r\n\r\nall', [], false, [], 'prefix'],
  ['HTTP/1.1 200 OK\r\n\r\nall', [], true, ['200 all'], 'nothing'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no', [], true, [], 'prefix'],
  ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', [], true, [], 'invalid'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n', [], false, ['200 a'], 'nothing'],
  ['HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n\0\r\n', [], true, ['101 \0\r\n'], 'nothing'],
];

for (const referee of [stateMachineReferee, grammarReferee]) {
  describe(`${referee.name} referee`, () => {
    for (const [stream, messages, rest] of REQUESTS) {
      test(`request stream ${JSON.stringify(stream)}`, () => {
        const reading = referee.readRequests(Buffer.from(stream, 'latin1'));
        assert.deepEqual([reading.messages.map(summaryOf), reading.rest], [messages, rest], reading.reason);
      });
    }
    for (const [stream, methods, closed, messages, rest] of RESPONSES) {
      test(`response stream ${JSON.stringify(stream)}`, () => {
        const reading = referee.readResponses(Buffer.from(stream, 'latin1'), { methods, closed });
        const seen = reading.messages.map((message) => `${message.startLine[1]} ${message.body.toString('latin1')}`);
        assert.deepEqual([seen, reading.rest], [messages, rest], reading.reason);
      });
    }
    test('empty lines before a request are skipped on demand', () => {
      const read = (stream: string): unknown[] => {
        const { messages, rest } = referee.readRequests(Buffer.from(stream, 'latin1'), { skipsEmptyLines: true });
        return [messages.map(summaryOf), rest];
      };
      assert.deepEqual(read(`\r\n${GET}\r\n\r\n${POST}\r\n`), [['GET /a', 'POST /b abc'], 'nothing']);
      assert.deepEqual(read(`${GET}\r`), [['GET /a'], 'prefix']);
      assert.deepEqual(read(`\r\r\n\r\n`), [[], 'invalid']);
      assert.deepEqual(read(`\n${GET}`), [[], 'invalid']);
    });
    test('every part of a message is read', () => {
      const [message] = referee.readRequests(Buffer.from(CHUNKED, 'latin1')).messages;
      assert.deepEqual(message, {
        startLine: ['PUT', '/c', 'HTTP/1.1'],
        headers: [
          ['host', 'h'],
          ['transfer-encoding', 'Chunked'],
        ],
        framing: 'chunked',
        body: Buffer.from('abc0123456789'),
        trailers: [['T', 'v']],
        chunkExtensions: [';x=y'],
      });
    });
    test('an unfinished message is given as far as it goes', () => {
      const { unfinished } = referee.readRequests(Buffer.from(CHUNKED.slice(0, 72), 'latin1'));
      assert.equal(unfinished === undefined ? undefined : summaryOf(unfinished), 'PUT /c abc0');
    });
  });
}

test('the referees agree on 20 000 mutated streams', () => {
  const random = seededRandom();
  const bytes = Buffer.from('\0\t\n\r !#(,-./019:;=AZ_afxz\x7f\x80\xff', 'latin1');
  const ends = { nothing: 0, prefix: 0, invalid: 0 };
  for (let round = 0; round < 20_000; round++) {
    let stream = Buffer.from(random.pick([GET, POST, CHUNKED, GET + POST, CHUNKED + GET, POST + CHUNKED]), 'latin1');
    for (let edits = random.below(3); edits > 0; edits--) {
      const at = random.below(stream.length);
      const kept = random.below(2);
      const byte = bytes.subarray(random.below(bytes.length)).subarray(0, random.below(2));
      stream = Buffer.concat([stream.subarray(0, at), byte, stream.subarray(at + kept)]);
    }
    ends[readAlike(stream).rest]++;
  }
  assert.ok(
    Math.min(...Object.values(ends)) > 500,
    `${random.seed}: every kind of end occurs often: ${JSON.stringify(ends)}`,
  );
});

test('the state machine reads any split as it reads the whole', () => {
  const random = seededRandom();
  const stream = Buffer.from(GET + POST + CHUNKED + POST, 'latin1');
  const whole = stateMachineReferee.readRequests(stream);
  for (let round = 0; round < 500; round++) {
    const reader = new StateMachineReader('request');
    for (const piece of random.split(stream, 1 + random.below(20))) reader.push(piece);
    assert.deepEqual(reader.read(), whole, random.seed);
  }
});
