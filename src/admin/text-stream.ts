// Long answers, made piece by piece: whatever their length, the event loop serves others between two pieces.
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { redactHeaderValue } from '../observability/json-redaction.ts';

const PIECE_CHARACTERS = 64 * 1_024;

export function textStream(texts: Iterable<string>): Readable {
  return Readable.from(pieces(texts), { objectMode: false });
}

/** `{ …fields, [listName]: […items] }` as JSON, with secrets redacted. */
export function jsonStream(fields: object, listName: string, items: Iterable<unknown>): Readable {
  return textStream(jsonTexts(fields, listName, items));
}

async function* pieces(texts: Iterable<string>): AsyncGenerator<string> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
    await nextTurn();
  }
  yield piece;
}

function* jsonTexts(fields: object, listName: string, items: Iterable<unknown>): Generator<string> {
  yield JSON.stringify({ ...fields, [listName]: [] }).slice(0, -2);
  let separator = '';
  for (const item of items) {
    yield separator + JSON.stringify(item, redactHeaderValue);
    separator = ',';
  }
  yield ']}';
}
