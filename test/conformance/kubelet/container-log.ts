// What a container prints: kept in memory by lines with the times at which they came, the oldest dropped, and written to a file for those who
// look for it after the run.
import { EventEmitter } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';

export interface LogLine {
  readonly atMs: number;
  readonly text: string;
}

export interface LogQuery {
  readonly sinceMs: number;
  readonly tailLines: number;
  readonly limitBytes: number;
  readonly timestamps: boolean;
}

const MAX_LINES = 20_000;
const MAX_FOLLOWERS = 100;

export class ContainerLog {
  readonly #lines: LogLine[] = [];
  readonly #added = new EventEmitter<{ line: [LogLine] }>().setMaxListeners(MAX_FOLLOWERS);
  #file: number | undefined;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  capture(stream: Readable): void {
    createInterface({ input: stream }).on('line', (text) => {
      const line = { atMs: Date.now(), text };
      this.#lines.push(line);
      if (this.#lines.length > MAX_LINES) this.#lines.shift();
      if (this.#file !== undefined) writeSync(this.#file, `${text}\n`);
      this.#added.emit('line', line);
    });
  }

  read(query: LogQuery): string {
    const since = this.#lines.filter(({ atMs }) => atMs >= query.sinceMs);
    const shown = query.tailLines < since.length ? since.slice(since.length - query.tailLines) : since;
    return shown
      .map((line) => formatLine(line, query.timestamps))
      .join('')
      .slice(0, query.limitBytes);
  }

  /** Gives lines that come from now on, until the function that it returns is called. */
  follow(listener: (line: LogLine) => void): () => void {
    this.#added.on('line', listener);
    return () => this.#added.off('line', listener);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

export function formatLine({ atMs, text }: LogLine, timestamps: boolean): string {
  return timestamps ? `${new Date(atMs).toISOString()} ${text}\n` : `${text}\n`;
}

/** Of a request for logs, as the API server passes it on. */
export function readLogQuery(parameters: URLSearchParams, nowMs: number): LogQuery {
  const number = (name: string): number | undefined => {
    const text = parameters.get(name);
    return text === null ? undefined : Number(text);
  };
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = parameters.get('sinceTime');
  const fromTime = sinceTime === null ? 0 : Date.parse(sinceTime);
  return {
    sinceMs: sinceSeconds === undefined ? fromTime : nowMs - sinceSeconds * 1000,
    tailLines: number('tailLines') ?? Number.POSITIVE_INFINITY,
    limitBytes: number('limitBytes') ?? Number.POSITIVE_INFINITY,
    timestamps: parameters.get('timestamps') === 'true',
  };
}
