// Objects as JSON with nothing in it that is secret. SecretText redacts itself; header modifiers hold credentials as plain text.
import { REDACTED } from '../lib/secret-text.ts';
import { isSensitiveName } from './redaction.ts';

/** For JSON.stringify: hides the value of `{ name: 'authorization', value: 'Bearer …' }`. */
export function redactHeaderValue(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('value' in value)) return value;
  return typeof value.name === 'string' && isSensitiveName(value.name) ? { ...value, value: REDACTED } : value;
}
