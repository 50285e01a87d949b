// How a user of a kubeconfig proves who it is: token, password, client certificate or a plugin.
import { SecretText } from '../lib/secret-text.ts';
import type { Clock } from './clock.ts';
import { bearer, fileCredentials } from './cluster-access.ts';
import type { Credentials, CredentialSource } from './credentials.ts';
import { execCredentials } from './exec-plugin.ts';
import type { ClusterInfo, Environment } from './exec-plugin.ts';
import { readExecPlugin } from './exec-plugin-config.ts';
import type { KubeconfigField } from './kubeconfig-field.ts';
import { readFileOf, readKeyPair, textOf } from './kubeconfig-text.ts';

export interface UserContext {
  /** What the server's certificate is checked against. */
  readonly authority: () => Promise<string | undefined>;
  readonly cluster: ClusterInfo;
  readonly environment: Environment;
  readonly clock: Clock;
}

const IMPERSONATION = ['as', 'as-uid', 'as-groups', 'as-user-extra'] as const;
const OWN_CREDENTIALS = ['token', 'tokenFile', 'username', 'client-certificate', 'client-certificate-data'] as const;

/** @param user absent: anonymous. @throws KubeconfigError for what is wrong or not supported. */
export function userCredentials(user: KubeconfigField | undefined, context: UserContext): CredentialSource {
  if (user === undefined)
    return fileCredentials(async () => ({ authorityPem: await context.authority() }), context.clock);
  user.child('auth-provider').refuse('is not supported: kubectl has dropped it too; use an exec plugin');
  for (const name of IMPERSONATION) user.child(name).refuse('is not supported: Sluice acts as the user itself');
  const exec = user.child('exec');
  if (exec.isSet) {
    for (const name of OWN_CREDENTIALS) user.child(name).refuse('cannot be beside an exec plugin');
    return execCredentials(readExecPlugin(exec), context);
  }
  return fileCredentials(credentialReader(user, context), context.clock);
}

function credentialReader(user: KubeconfigField, { authority }: UserContext): () => Promise<Credentials> {
  const certificate = textOf(user.child('client-certificate-data'), user.child('client-certificate'));
  const key = textOf(user.child('client-key-data'), user.child('client-key'));
  if (certificate === undefined) key?.field.fail('has no client-certificate beside it');
  if (key === undefined) certificate?.field.fail('has no client-key beside it');
  return async () => ({
    authorization: await readAuthorization(user),
    clientCertificate: certificate === undefined || key === undefined ? undefined : await readKeyPair(certificate, key),
    authorityPem: await authority(),
  });
}

async function readAuthorization(user: KubeconfigField): Promise<SecretText | undefined> {
  const tokenFile = user.child('tokenFile');
  const path = tokenFile.path();
  if (path !== undefined) return tokenOf(tokenFile, await readFileOf(tokenFile, path));
  const token = user.child('token');
  if (token.isSet) return tokenOf(token, token.requiredText());
  const username = user.child('username').text();
  if (username === undefined) return undefined;
  if (username.includes(':')) user.child('username').fail('cannot hold a colon');
  const password = user.child('password').text() ?? '';
  return new SecretText(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
}

function tokenOf(field: KubeconfigField, text: string): SecretText {
  return bearer(text) ?? field.fail('holds no token');
}
