// The CA certificates in the key ca.crt of a ConfigMap or Secret, or in a ClusterTrustBundle.
import type { CaCertificates } from './certificate-model.ts';
import type { FactReader } from './facts.ts';
import { joinPem, parseCertificates } from './pem.ts';

const CA_KEY = 'ca.crt';

/** `key`: `kind/namespace/name`, where kind is ConfigMap or Secret, or `ClusterTrustBundle/name`. */
export function readCaCertificates(key: string, reader: FactReader): CaCertificates {
  const [kind = '', ...rest] = key.split('/');
  const field = kind === 'ClusterTrustBundle' ? 'spec.trustBundle' : CA_KEY;
  const text = readText(kind, rest.join('/'), reader);
  if (text === undefined) return { defect: 'does not exist' };
  if (text === '') return { defect: `has no ${field}` };
  const certificates = parseCertificates(text);
  if (certificates === undefined || certificates.length === 0)
    return { defect: `has a ${field} that is not a list of PEM certificates` };
  return { pem: joinPem(certificates) };
}

function readText(kind: string, key: string, reader: FactReader): string | undefined {
  switch (kind) {
    case 'Secret':
      return secretText(key, reader);
    case 'ClusterTrustBundle':
      return reader.get('ClusterTrustBundle', key)?.spec.trustBundle;
    default:
      return configMapText(key, reader);
  }
}

function secretText(key: string, reader: FactReader): string | undefined {
  const secret = reader.get('Secret', key);
  return secret === undefined ? undefined : decode(secret.data?.[CA_KEY]);
}

function configMapText(key: string, reader: FactReader): string | undefined {
  const configMap = reader.get('ConfigMap', key);
  return configMap === undefined ? undefined : (configMap.data?.[CA_KEY] ?? decode(configMap.binaryData?.[CA_KEY]));
}

function decode(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString('latin1');
}
