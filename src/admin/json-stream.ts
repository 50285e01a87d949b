// A JSON object with one long list, made piece by piece: whatever its length, the event loop serves others between two pieces.
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { REDACTED } from '../lib/secret-text.ts';
import { isSensitiveName } from '../observability/redaction.ts';

const PIECE_CHARACTERS = 64 * 1_024;

/** `{ …fields, [listName]: […items] }` with secrets redacted. */
export function jsonStream(fields: object, listName: string, items: Iterable<unknown>): Readable {
  return Readable.from(jsonPieces(fields, listName, items), { objectMode: false });
}

async function* jsonPieces(fields: object, listName: string, items: Iterable<unknown>): AsyncGenerator<string> {
  const start = JSON.stringify({ ...fields, [listName]: [] });
  let piece = start.slice(0, -2);
  let isFirst = true;
  for (const item of items) {
    piece += (isFirst ? '' : ',') + JSON.stringify(item, redactHeaderValue);
    isFirst = false;
    if (piece.length >= PIECE_CHARACTERS) {
      yield piece;
      piece = '';
      await nextTurn();
    }
  }
  yield `${piece}]}`;
}

/** SecretText redacts itself. Header modifiers hold credentials as plain text: `{ name: 'authorization', value: 'Bearer …' }`. */
function redactHeaderValue(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('value' in value)) return value;
  return typeof value.name === 'string' && isSensitiveName(value.name) ? { ...value, value: REDACTED } : value;
}
