// The log of the supervisor: lines like those of the other processes, without the library that writes theirs. Nothing secret ever comes
// here.
import type { LineSink } from '../../observability/line-sink.ts';
import type { LogFields, LogLevel } from '../../observability/process-log.ts';

const SEVERITY = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const satisfies readonly LogLevel[];

export class PlainLog {
  readonly #sink: LineSink;
  readonly #shown: number;

  constructor(sink: LineSink, level: LogLevel) {
    this.#sink = sink;
    this.#shown = SEVERITY.indexOf(level);
  }

  readonly info = (fields: LogFields, message: string): void => this.#write('info', fields, message);
  readonly warn = (fields: LogFields, message: string): void => this.#write('warn', fields, message);
  readonly error = (fields: LogFields, message: string): void => this.#write('error', fields, message);
  readonly fatal = (fields: LogFields, message: string): void => this.#write('fatal', fields, message);

  #write(level: (typeof SEVERITY)[number], fields: LogFields, message: string): void {
    if (SEVERITY.indexOf(level) > this.#shown) return;
    const { err, ...others } = fields;
    const error = err instanceof Error ? { err: { message: err.message, stack: err.stack } } : {};
    const time = new Date().toISOString();
    this.#sink.write(`${JSON.stringify({ level, time, process: 'supervisor', ...others, ...error, msg: message })}\n`);
  }
}
