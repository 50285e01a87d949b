// What must hold of the HTTP/1.1 codec for any bytes, without a socket: what it takes for a message is what two strict readers take
// for the same message, it writes that message again so that they read it alike, and it does not matter how the bytes were cut.
import assert from 'node:assert/strict';
import { BodyDecoder } from '../../src/dataplane/codec/http1/body-decoder.ts';
import {
  chunkHeadText,
  lastChunkText,
  requestHeadText,
  responseHeadText,
} from '../../src/dataplane/codec/http1/head-text.ts';
import { RequestHeadParser } from '../../src/dataplane/codec/http1/request-head.ts';
import { parseResponseHead } from '../../src/dataplane/codec/http1/response-head.ts';
import type { BodyLength } from '../../src/dataplane/exchange.ts';
import { HeaderList } from '../../src/dataplane/header-list.ts';
import type { Message } from '../harness/http1-message.ts';
import { readAlike, readResponsesAlike } from '../harness/referees.ts';
import type { SeededRandom } from '../harness/seeded-random.ts';

const LIMITS = { maxUriBytes: 8 * 1024, maxHeaderCount: 100, maxBodyBytes: 0, allowUnderscore: false };

interface Body {
  readonly state: 'complete' | 'incomplete' | 'malformed';
  readonly bytes: Buffer;
  readonly trailers: readonly string[];
  /** Where the next message begins. */
  readonly end: number;
}

export function checkRequest(bytes: Buffer, random: SeededRandom): undefined {
  const cut = cutHead(bytes);
  if (cut === undefined) return;
  const parser = new RequestHeadParser('http', LIMITS);
  if (parser.parse(cut.head) !== undefined) return;
  const { method, path, query, authority, host, section, bodyLength, upgrade } = parser;
  const body = decodeBody(bodyLength, cut.rest, random);
  if (body.state !== 'complete') return;

  const message = bytes.subarray(0, cut.head.length + body.end);
  const meant = only(readAlike(message).messages);
  assert.equal(meant.startLine[0], method);
  assert.deepEqual(meant.body, body.bytes);

  const options = { upgrade, expectsContinue: section.expect !== undefined, acceptsTrailers: section.acceptsTrailers };
  const request = {
    method,
    path,
    query,
    scheme: 'http' as const,
    authority,
    host,
    headers: new HeaderList(section.fields),
  };
  const written = only(readAlike(framed(requestHeadText(request, bodyLength, options), bodyLength, body)).messages);
  assert.deepEqual(written.startLine, [method, query === undefined ? path : `${path}?${query}`, 'HTTP/1.1']);
  assert.deepEqual(written.body, body.bytes);
  assert.deepEqual(written.trailers.flat(), body.trailers);
}

export function checkResponse(bytes: Buffer, random: SeededRandom): undefined {
  const cut = cutHead(bytes);
  if (cut === undefined) return;
  const method = random.pick(['GET', 'HEAD']);
  const parsed = parseResponseHead(cut.head, method, LIMITS.maxHeaderCount);
  if ('code' in parsed) return;
  const { status, section, bodyLength } = parsed;
  const body = decodeBody(bodyLength, cut.rest, random);
  if (body.state !== 'complete') return;
  // A length where none may be is passed over, as nothing follows it either way; the strict readers refuse it.
  if ((status < 200 || status === 204) && (section.contentLength !== -1 || section.isChunked)) return;

  // A blank that many servers leave out.
  const head = cut.head.replace(/^(.{12})\r/, '$1 \r');
  const message = Buffer.concat([Buffer.from(head, 'latin1'), cut.rest.subarray(0, body.end)]);
  const meant = only(readResponsesAlike(message, { methods: [method], closed: true }).messages);
  assert.equal(meant.startLine[1], String(status));
  assert.deepEqual(meant.body, body.bytes);

  const framing = bodyLength === 'chunked' ? 'transfer-encoding: chunked\r\n' : '';
  const text = responseHeadText(status, new HeaderList(section.fields), framing);
  const context = { methods: [method], closed: true };
  const written = only(readResponsesAlike(framed(text, bodyLength, body), context).messages);
  assert.equal(written.startLine[1], String(status));
  if (body.bytes.length > 0) assert.deepEqual(written.body, body.bytes);
}

function cutHead(bytes: Buffer): { readonly head: string; readonly rest: Buffer } | undefined {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  return end === 3 ? undefined : { head: bytes.toString('latin1', 0, end), rest: bytes.subarray(end) };
}

/** @throws AssertionError where pieces give something else than the whole. */
function decodeBody(length: BodyLength | 'untilClose', bytes: Buffer, random: SeededRandom): Body {
  const whole = decodePieces(length, [bytes]);
  const pieces = decodePieces(length, random.split(bytes, 1 + random.below(6)));
  // Where it breaks off, more or less may have been delivered.
  if (whole.state === 'malformed') assert.equal(pieces.state, 'malformed');
  else assert.deepEqual(pieces, whole);
  return whole;
}

function decodePieces(length: BodyLength | 'untilClose', pieces: readonly Buffer[]): Body {
  const chunks: Buffer[] = [];
  const decoder = new BodyDecoder(
    { onBodyChunk: (chunk) => void chunks.push(Buffer.from(chunk)) },
    LIMITS.maxBodyBytes,
  );
  decoder.start(length);
  let end = 0;
  for (const piece of pieces) {
    if (decoder.isDone || decoder.problem !== undefined) break;
    end += decoder.decode(piece, 0);
  }
  const isComplete = decoder.isDone || decoder.endsWithConnection;
  const state = decoder.problem !== undefined ? 'malformed' : isComplete ? 'complete' : 'incomplete';
  return { state, bytes: Buffer.concat(chunks), trailers: decoder.trailers?.fields ?? [], end };
}

function framed(head: string, length: BodyLength | 'untilClose', { bytes, trailers }: Body): Buffer {
  if (length !== 'chunked') return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
  const last = lastChunkText(trailers.length === 0 ? undefined : new HeaderList([...trailers]));
  const chunk = bytes.length === 0 ? [] : [Buffer.from(chunkHeadText(bytes.length)), bytes, Buffer.from('\r\n')];
  return Buffer.concat([Buffer.from(head, 'latin1'), ...chunk, Buffer.from(last, 'latin1')]);
}

function only(messages: readonly Message[]): Message {
  assert.equal(messages.length, 1, 'two strict readers find one message');
  return messages[0] as Message;
}
