// What the commands have in common: what they are given, how they fail, and the end of their help.
import type { Terminal } from './terminal.ts';

export interface CommandContext {
  readonly terminal: Terminal;
  /** Set by the command. */
  exitCode: number;
}

export const EXIT_OK = 0;
/** The command ran, and what it found or tried is not good. */
export const EXIT_FAILED = 1;
/** The command can't be run like this. */
export const EXIT_USAGE = 2;

/** What a command tells the user instead of its result, in one line. */
export class CommandError extends Error {
  readonly code = 'COMMAND_FAILED';
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export interface HelpEnding {
  readonly examples: readonly string[];
  /** What each exit code means here. */
  readonly exitCodes: Readonly<Record<string, string>>;
}

export function helpEnding({ examples, exitCodes }: HelpEnding): string {
  return [
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
    'Exit codes:',
    ...Object.entries(exitCodes).map(([code, meaning]) => `  ${code}  ${meaning}`),
  ].join('\n');
}
