// A Secret of type kubernetes.io/tls becomes a Certificate that TLS can use, or a sentence that says what is wrong with it.
// Validity periods are not looked at: the translator has no clock.
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { SecretText } from '../lib/secret-text.ts';
import type { Secret } from '../api/core.ts';
import { certificateOfSecret, type ServerCertificate, type UsableCertificate } from './certificate-model.ts';
import type { FactReader } from './facts.ts';
import { joinPem, parseCertificates } from './pem.ts';

const TLS_SECRET_TYPE = 'kubernetes.io/tls';
const KEY_TYPES: ReadonlySet<string> = new Set(['rsa', 'rsa-pss', 'ec', 'ed25519', 'ed448']);
/** TLS libraries refuse shorter ones. */
const MIN_RSA_BITS = 2048;

/**
 * `key`: `namespace/name` of the Secret. A Secret that becomes bad leaves the last good pair in force; one that is deleted does not.
 */
export function readServerCertificate(key: string, reader: FactReader): ServerCertificate {
  const secret = reader.get('Secret', key);
  if (secret === undefined) return { defect: 'does not exist' };
  const read = readSecret(key, secret);
  if (typeof read !== 'string') return { usable: read };
  const lastGood = reader.get('lastGoodCertificate', key);
  const leaf = lastGood === undefined ? undefined : parseCertificates(lastGood.chainPem)?.[0];
  if (lastGood === undefined || leaf === undefined) return { defect: read };
  return {
    usable: { certificate: lastGood, dnsNames: dnsNamesOf(leaf.x509) },
    defect: `${read}; what it held before goes on being served`,
  };
}

/** Or what is wrong with it. */
function readSecret(key: string, secret: Secret): UsableCertificate | string {
  if (secret.type !== TLS_SECRET_TYPE) return `is of type ${secret.type}, not ${TLS_SECRET_TYPE}`;
  const chainText = decode(secret.data?.['tls.crt']);
  const keyText = decode(secret.data?.['tls.key']);
  if (chainText === undefined) return 'has no tls.crt';
  if (keyText === undefined) return 'has no tls.key';
  const chain = parseCertificates(chainText);
  const leaf = chain?.[0];
  if (chain === undefined || leaf === undefined) return 'has a tls.crt that is not a PEM certificate chain';
  const privateKey = parsePrivateKey(keyText);
  if (privateKey === undefined) return 'has a tls.key that is not an unencrypted PEM private key';
  const defect = keyDefect(privateKey, leaf.x509);
  if (defect !== undefined) return defect;
  return {
    certificate: {
      kind: 'certificate',
      key: certificateOfSecret(key),
      chainPem: joinPem(chain),
      privateKeyPem: new SecretText(keyText),
    },
    dnsNames: dnsNamesOf(leaf.x509),
  };
}

function decode(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('latin1');
}

function parsePrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function keyDefect(key: KeyObject, leaf: X509Certificate): string | undefined {
  const { asymmetricKeyType: type = '' } = key;
  if (!KEY_TYPES.has(type)) return `has a key of type ${type}, which TLS servers can't use`;
  const bits = type.startsWith('rsa') ? key.asymmetricKeyDetails?.modulusLength : undefined;
  if (bits !== undefined && bits < MIN_RSA_BITS)
    return `has an RSA key of ${bits} bits; at least ${MIN_RSA_BITS} are needed`;
  if (!leaf.checkPrivateKey(key)) return 'has a tls.key that does not belong to the first certificate of its tls.crt';
  return undefined;
}

function dnsNamesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length).toLowerCase());
}
