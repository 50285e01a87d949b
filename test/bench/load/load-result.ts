// What a load generator tells of one run. A run in which anything failed has no result.
export interface LoadResult {
  /** How many units the proxy did: requests, messages, MiB, handshakes. */
  readonly done: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export class VoidRunError extends Error {
  readonly code = 'RUN_VOID';
}

/** The number that a pattern captures in the output of a program. */
export function numberIn(output: string, pattern: RegExp): number {
  const number = pattern.exec(output)?.[1];
  if (number === undefined) throw new Error(`no ${pattern} in\n${output}`);
  return Number(number);
}
