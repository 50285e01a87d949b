// Certificates as TLS uses them, made once per Certificate resource, and the choice among those of a virtual host.
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import type { Certificate } from '../../ir/certificate.ts';
import { TLS_CONTEXT_OPTIONS } from './tls-policy.ts';
import type { TlsPolicy } from './tls-policy.ts';

export interface RuntimeCertificate {
  /** What contexts are made of. */
  readonly options: SecureContextOptions;
  readonly config: Certificate;
  /** Lower-case DNS names of the leaf; `*.suffix` stands for one label. */
  readonly names: readonly string[];
}

/**
 * @param policy of the handshakes that present it; undefined where it is shown to an endpoint.
 * @throws Error where OpenSSL refuses the pair or a CA; the translator lets no such thing through.
 */
export function createRuntimeCertificate(config: Certificate, policy: TlsPolicy | undefined): RuntimeCertificate {
  const clientCaPem = policy?.clientValidation?.caPem;
  const options: SecureContextOptions = {
    ...(policy?.contextOptions ?? TLS_CONTEXT_OPTIONS),
    cert: config.chainPem,
    key: config.privateKeyPem.reveal(),
    ...(clientCaPem === undefined ? {} : { ca: clientCaPem }),
  };
  const { subjectAltName } = new X509Certificate(config.chainPem);
  const names = (subjectAltName ?? '').split(', ').filter((name) => name.startsWith('DNS:'));
  // To see that OpenSSL takes it. Those that serve are made where and when they are needed: each has some 30 KiB.
  createSecureContext(options);
  return {
    config,
    options,
    names: names.map((name) => name.slice('DNS:'.length).toLowerCase()),
  };
}

/** The certificate that names the host exactly, else by wildcard, else the first: clients that name no server get that. */
export function chooseCertificate(
  certificates: readonly RuntimeCertificate[],
  serverName = '',
): RuntimeCertificate | undefined {
  const dot = serverName.indexOf('.');
  const wildcard = dot === -1 ? undefined : `*${serverName.slice(dot)}`;
  return (
    certificates.find(({ names }) => names.includes(serverName)) ??
    certificates.find(({ names }) => wildcard !== undefined && names.includes(wildcard)) ??
    certificates[0]
  );
}
