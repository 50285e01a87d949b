// A text that must never be printed: private keys, tokens, passwords. Showing it gives `[redacted]`, or nothing (console, inspect);
// only `reveal()` hands the value out, so that a search for it finds each place where a secret leaves.
import { createHash } from 'node:crypto';

export const REDACTED = '[redacted]';

export class SecretText {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Callers pass it to TLS, a private channel or a store, never to a log. */
  reveal(): string {
    return this.#value;
  }

  /** SHA-256 of the value in hex: tells two secrets apart without showing either. */
  fingerprint(): string {
    return createHash('sha256').update(this.#value).digest('hex');
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }
}
