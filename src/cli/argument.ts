// Reads arguments that several commands take. What can't be read is a usage error, told by commander or by CommandError.
import { existsSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { CommandError, EXIT_USAGE } from './command.ts';

export const MAX_PORT = 65_535;

export function parsePortOffset(text: string): number {
  return parseWholeNumber(text, MAX_PORT);
}

export function parseWholeNumber(text: string, max: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= max)) throw new InvalidArgumentError(`It must be a whole number from 0 to ${max}.`);
  return number;
}

/** @throws CommandError unless there is something at each path. */
export function checkPaths(paths: readonly string[]): void {
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) throw new CommandError(`${missing}: no such file or directory`, EXIT_USAGE);
}
