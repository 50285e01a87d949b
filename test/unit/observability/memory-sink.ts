// A LineSink that keeps the lines for the test to look at.
import type { LineSink } from '../../../src/observability/line-sink.ts';

export class MemorySink implements LineSink {
  readonly lines: string[] = [];
  readonly droppedLines = 0;

  write(line: string): void {
    this.lines.push(line);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  reopen(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }

  parsed(): readonly Readonly<Record<string, unknown>>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}
