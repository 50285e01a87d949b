// What Secrets and ConfigMaps hold, parsed. Failures are values that say what is wrong with the object.
import { certificateKey, type Certificate } from '../ir/certificate.ts';

/** With a defect and a certificate: the Secret is bad, and what it held before goes on being served. */
export interface ServerCertificate {
  readonly usable?: UsableCertificate;
  readonly defect?: string;
}

export interface UsableCertificate {
  readonly certificate: Certificate;
  readonly dnsNames: readonly string[];
}

export type CaCertificates =
  | { readonly pem: string; readonly defect?: never }
  | { readonly pem?: never; readonly defect: string };

/** The key of the certificate that a Secret, `namespace/name`, becomes. */
export function certificateOfSecret(secret: string): string {
  const [namespace = '', name = ''] = secret.split('/');
  return certificateKey(namespace, name);
}

/** `namespace/name` of the Secret that a certificate was made from. */
export function secretOfCertificate(key: string): string {
  return key.split('/').slice(1).join('/');
}
