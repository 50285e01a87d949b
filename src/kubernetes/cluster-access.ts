// Where an API server is and how to get in: what a kubeconfig or a pod's service account say, in one form.
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { SecretText } from '../lib/secret-text.ts';
import type { Clock } from './clock.ts';
import { FILE_REFRESH_MS } from './credentials.ts';
import type { Credentials, CredentialSource } from './credentials.ts';

export interface ClusterAccess {
  /** http: or https:, perhaps with a path below which the API is. */
  readonly server: URL;
  /** The name in the server's certificate, where it is not the host of the URL. */
  readonly tlsServerName: string | undefined;
  readonly skipTlsVerify: boolean;
  /** The namespace of the context, or of the pod. */
  readonly namespace: string;
  readonly credentialSource: CredentialSource;
  /** Where this was read, for people: `context "dev" of /home/me/.kube/config`. */
  readonly origin: string;
}

export const DEFAULT_NAMESPACE = 'default';
const MAX_SECRET_FILE_CHARACTERS = 1_048_576;

/** Credentials that files hold: read again after a minute, good for as long as nothing newer can be read. */
export function fileCredentials(read: () => Promise<Credentials>, clock: Clock): CredentialSource {
  return async () => ({
    credentials: await read(),
    refreshAtMs: clock.dateMs() + FILE_REFRESH_MS,
    expiresAtMs: Infinity,
  });
}

/** @throws Error that names the file and says what is wrong, without any of its text. */
export async function readSecretFile(path: string): Promise<string> {
  let text = '';
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`, {
      cause: error,
    });
  }
  if (text.length > MAX_SECRET_FILE_CHARACTERS) throw new Error(`${path} is larger than a certificate or token can be`);
  return text;
}

/** The header field's value; undefined where the text can't be a token: it would break the header. */
export function bearer(token: string): SecretText | undefined {
  const trimmed = token.trim();
  return /^[\x21-\x7e]+$/.test(trimmed) ? new SecretText(`Bearer ${trimmed}`) : undefined;
}

/** Whether an API server may be reached there without TLS: only where nobody listens in. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
