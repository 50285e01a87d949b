import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { it } from 'node:test';
import { relayLines } from '../../../../src/app/supervisor/line-relay.ts';
import { MemorySink } from '../../observability/memory-sink.ts';

it('lines are handed on whole, also those of two children, and the last one without its newline', async () => {
  const sink = new MemorySink();
  const [one, two] = [new PassThrough(), new PassThrough()];
  relayLines(one, sink);
  relayLines(two, sink);
  for (const [stream, bytes] of [
    [one, 'fir'],
    [two, 'other\nhalf '],
    [one, 'st\nsecond €'.slice(0, -1)],
  ] as const)
    stream.write(bytes);
  // A character that is cut between two pieces.
  const euro = Buffer.from('€\nlast');
  one.write(euro.subarray(0, 1));
  one.end(euro.subarray(1));
  two.end('of it\n');
  await Promise.all([once(one, 'end'), once(two, 'end')]);
  assert.deepEqual([...sink.lines].sort(), ['first\n', 'half of it\n', 'last\n', 'other\n', 'second €\n'].sort());
});
