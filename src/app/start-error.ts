// Why the gateway did not start, for people: one line that says what was wanted, what the system said, and what to do.
import type { AdminAddress } from '../admin/admin.ts';

export class StartError extends Error {
  readonly code = 'START_FAILED';
}

const SYSTEM_FAILURES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'it is not an address of this machine',
  EISDIR: 'it is a directory',
  ENOENT: 'no such file or directory',
  ENOTFOUND: 'the name is not known',
};

export function startError(what: string, cause: unknown, advice = ''): StartError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return new StartError(`${what}: ${SYSTEM_FAILURES[code] ?? message}${advice}`, { cause });
}

export function adminStartError({ host, port }: AdminAddress, cause: unknown): StartError {
  const shown = host.includes(':') ? `[${host}]` : host;
  return startError(`the admin API can't listen on ${shown}:${port}`, cause, '; --admin chooses another address');
}
