// What a child writes, handed on line by line, so that lines of several children never mix. It is read as fast as it comes: the sink
// behind drops and counts what a slow reader leaves, and no child ever waits.
import type { Readable } from 'node:stream';
import type { LineSink } from '../../observability/line-sink.ts';

/** What has no newline for so long is cut there. */
const MAX_LINE_LENGTH = 1_024 * 1_024;

export function relayLines(from: Readable, to: LineSink): void {
  let rest = '';
  from.setEncoding('utf8');
  from.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) to.write(`${line}\n`);
    if (rest.length > MAX_LINE_LENGTH) flush();
  });
  from.on('end', () => {
    if (rest !== '') flush();
  });
  // The child is gone; what it wrote was read before.
  from.on('error', () => {});

  function flush(): void {
    to.write(`${rest}\n`);
    rest = '';
  }
}
