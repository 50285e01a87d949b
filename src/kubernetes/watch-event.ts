// The events of a watch: one JSON object per line. A line that can't be read is an event too, so that whoever follows the watch knows
// that he missed something.
import type { ResourceKind } from '../api/schema.ts';
import { isRecord, watchError } from './api-error.ts';
import type { ApiError } from './api-error.ts';
import { LineCutter, OVERSIZED } from './json-lines.ts';
import { readStoredObject } from './object-reading.ts';
import type { StoredObject } from './object-reading.ts';

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: StoredObject }
  /** All up to this version has been sent. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }
  /** The server ends the watch. */
  | { readonly type: 'ERROR'; readonly error: ApiError }
  | { readonly type: 'UNREADABLE'; readonly problem: string };

/** The events of each chunk that completes any. A line that the stream cuts short is no event. */
export async function* readWatchEvents(
  chunks: AsyncIterable<Buffer>,
  kind: ResourceKind,
): AsyncGenerator<readonly WatchEvent[], void, undefined> {
  const cutter = new LineCutter();
  for await (const chunk of chunks) {
    const lines = cutter.push(chunk).filter((line) => line !== '');
    yield lines.map((line) => (line === OVERSIZED ? unreadable('a line is too long') : readEvent(line, kind)));
  }
}

function readEvent(line: string, kind: ResourceKind): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return unreadable('a line is not JSON');
  }
  if (!isRecord(event)) return unreadable('a line is no event');
  const { type, object } = event;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const stored = readStoredObject(object, kind);
      return stored === undefined ? unreadable(`an event holds no ${kind.kind}`) : { type, object: stored };
    }
    case 'BOOKMARK': {
      const metadata = isRecord(object) ? object['metadata'] : undefined;
      const resourceVersion = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
      return typeof resourceVersion === 'string' && resourceVersion !== ''
        ? { type, resourceVersion }
        : unreadable('a bookmark has no version');
    }
    case 'ERROR':
      return { type, error: watchError(object) };
    default:
      return unreadable('an event has no known type');
  }
}

function unreadable(problem: string): WatchEvent {
  return { type: 'UNREADABLE', problem };
}
