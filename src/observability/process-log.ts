// The process log: pino's JSON lines through a LineSink. Only this file knows pino; all others take a Logger. Every line is redacted
// as a whole, so that no nesting of fields, no error's properties and no URL in a message shows a credential.
import { pino, stdTimeFunctions } from 'pino';
import { REDACTED } from '../lib/secret-text.ts';
import type { LineSink } from './line-sink.ts';
import { isSensitiveName, redactUrls } from './redaction.ts';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Most severe first; each shows itself and those before it. `silent` shows none. */
export const LOG_LEVELS: readonly LogLevel[] = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'];

export type LogFields = Readonly<Record<string, unknown>>;

export interface LogMethod {
  (message: string): void;
  /** An Error goes into the field `err`. */
  (fields: LogFields, message: string): void;
}

export interface Logger {
  readonly fatal: LogMethod;
  readonly error: LogMethod;
  readonly warn: LogMethod;
  readonly info: LogMethod;
  readonly debug: LogMethod;
  readonly trace: LogMethod;
  /** The fields are part of each of its lines. */
  child(fields: LogFields): Logger;
}

export interface ProcessLogOptions {
  readonly level: LogLevel;
  readonly sink: LineSink;
}

/** Control characters of C1 and DEL: pino escapes the others. */
const TERMINAL_CONTROLS = /[\x7f-\x9f]/g;

export function createProcessLog({ level, sink }: ProcessLogOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string): void => sink.write(redactLine(line)) },
  );
}

/** For tests, and for commands that print their own messages. */
export const SILENT_LOGGER: Logger = {
  fatal: ignore,
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  trace: ignore,
  child: () => SILENT_LOGGER,
};

function ignore(): void {}

function redactLine(line: string): string {
  const redacted = JSON.stringify(JSON.parse(line), (name, value: unknown) => {
    if (isSensitiveName(name)) return REDACTED;
    return typeof value === 'string' ? redactUrls(value) : value;
  });
  return `${redacted.replace(TERMINAL_CONTROLS, (control) => `\\u00${control.charCodeAt(0).toString(16)}`)}\n`;
}
