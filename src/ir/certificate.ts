// A certificate chain with its private key, as a listener presents it.
import type { SecretText } from '../lib/secret-text.ts';

export interface Certificate {
  readonly kind: 'certificate';
  /** `certificate/<namespace>/<secret name>` */
  readonly key: string;
  /** PEM, leaf first. */
  readonly chainPem: string;
  readonly privateKeyPem: SecretText;
}

export function certificateKey(namespace: string, name: string): string {
  return `certificate/${namespace}/${name}`;
}
