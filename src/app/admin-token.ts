// The token that whoever changes something through the admin API must know.
import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { SecretText } from '../lib/secret-text.ts';
import { StartError, startError } from './start-error.ts';

/** Undefined where the configuration names no file. @throws StartError */
export function readAdminToken({ tokenFile }: Config['admin']): SecretText | undefined {
  if (tokenFile === undefined) return undefined;
  try {
    const token = readFileSync(tokenFile, 'utf8').trim();
    if (token !== '') return new SecretText(token);
  } catch (error) {
    throw startError(`the admin token can't be read from ${tokenFile}`, error);
  }
  throw new StartError(`the admin token in ${tokenFile} is empty`);
}
