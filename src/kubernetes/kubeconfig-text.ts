// Certificates, keys and tokens of a kubeconfig, written in it or in files that it names. Files are read whenever the text is asked for,
// and checked each time: what does not parse is refused with the place of the field.
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { SecretText } from '../lib/secret-text.ts';
import { readSecretFile } from './cluster-access.ts';
import type { ClientCertificate } from './credentials.ts';
import type { KubeconfigField } from './kubeconfig-field.ts';

export interface FieldText {
  readonly field: KubeconfigField;
  readonly read: () => Promise<string>;
}

/** The text that is written here, or else that of a file. */
export function textOf(data: KubeconfigField, file: KubeconfigField): FieldText | undefined {
  const text = data.decoded();
  if (text !== undefined) return { field: data, read: () => Promise.resolve(text) };
  const path = file.path();
  return path === undefined ? undefined : { field: file, read: () => readFileOf(file, path) };
}

/** @throws KubeconfigError */
export async function readFileOf(field: KubeconfigField, path: string): Promise<string> {
  try {
    return await readSecretFile(path);
  } catch (error) {
    return field.fail(`names a file: ${(error as Error).message}`);
  }
}

/** @throws KubeconfigError */
export async function readCertificates(text: FieldText | undefined): Promise<string | undefined> {
  const pem = await text?.read();
  if (text !== undefined && !isCertificate(pem ?? '')) text.field.fail('holds no certificate in PEM');
  return pem;
}

/** @throws KubeconfigError, also where the key is of another certificate. */
export async function readKeyPair(certificate: FieldText, key: FieldText): Promise<ClientCertificate> {
  const chainPem = (await readCertificates(certificate)) ?? '';
  const keyPem = await key.read();
  if (!isKeyPair(chainPem, keyPem)) key.field.fail('holds no private key in PEM that belongs to the certificate');
  return { chainPem, keyPem: new SecretText(keyPem) };
}

export function isKeyPair(chainPem: string, keyPem: string): boolean {
  try {
    createSecureContext({ cert: chainPem, key: keyPem });
    return true;
  } catch {
    return false;
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
