// Certificates in PEM text.
import { X509Certificate } from 'node:crypto';

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export interface PemCertificate {
  readonly pem: string;
  readonly x509: X509Certificate;
}

/** In the order of the text; undefined where one of them can't be parsed. Text around them is ignored. */
export function parseCertificates(text: string): readonly PemCertificate[] | undefined {
  const certificates: PemCertificate[] = [];
  for (const pem of text.match(CERTIFICATE_BLOCK) ?? []) {
    const x509 = parseCertificate(pem);
    if (x509 === undefined) return undefined;
    certificates.push({ pem, x509 });
  }
  return certificates;
}

/** One certificate after the other, each ended by a line break. */
export function joinPem(certificates: readonly PemCertificate[]): string {
  return certificates.map(({ pem }) => `${pem}\n`).join('');
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
