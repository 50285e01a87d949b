// Run by line-sink.test.ts: writes numbered lines to a sink on its stdout, closes it, and reports on stderr what was dropped.
import { openLineSink } from '../../../src/observability/line-sink.ts';

const [lines = '', maxBufferedBytes = '', closeTimeoutMs = ''] = process.argv.slice(2);
const errors: string[] = [];
const sink = openLineSink({
  target: 'stdout',
  maxBufferedBytes: Number(maxBufferedBytes),
  onError: (error) => errors.push((error as NodeJS.ErrnoException).code ?? error.message),
});
const started = performance.now();
for (let i = 0; i < Number(lines); i++) sink.write(`{"line":${i},"text":"${'x'.repeat(i % 300)}"}\n`);
const writeMs = performance.now() - started;
await sink.close(Number(closeTimeoutMs));
sink.write('{"late":true}\n');
console.error(JSON.stringify({ dropped: sink.droppedLines, errors, writeMs }));
process.exit(0);
