// Which TLS is spoken, to whom: Mozilla's "intermediate" recommendation (guideline 6.0), TLS 1.2 and 1.3 with forward secrecy and AEAD
// only; and what virtual hosts may differ in.
import { constants, createHash } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { CipherSuite, ClientValidation, TlsSettings, VirtualHost } from '../../ir/listener.ts';

/** What a handshake settles beside the certificate. */
export interface TlsPolicy {
  /** Equal for equal policies. */
  readonly key: string;
  /** Equal where clients are asked for the same. */
  readonly clientKey: string;
  /** `stream`: no protocol is negotiated, as nothing is known of what the bytes are. */
  readonly traffic: 'http' | 'stream';
  readonly clientValidation: ClientValidation | undefined;
  /** Versions, cipher suites and the like. */
  readonly contextOptions: SecureContextOptions;
}

/** Undefined where the virtual host terminates no TLS. */
export function tlsPolicyOf({ traffic, certificates, clientValidation, tls }: VirtualHost): TlsPolicy | undefined {
  if (certificates.length === 0 || traffic === 'passthrough' || traffic === 'datagram') return undefined;
  const contextOptions = createContextOptions(tls);
  const parts: string[] = [traffic];
  if (clientValidation !== undefined) {
    const { caPem, allowsInsecureFallback } = clientValidation;
    const digest = createHash('sha256').update(caPem).digest('hex');
    parts.push(allowsInsecureFallback ? 'optional' : 'required', digest);
  }
  const clientKey = parts.join(' ');
  if (tls !== undefined) parts.push(`${contextOptions.minVersion}`, `${contextOptions.ciphers}`);
  return { key: parts.join(' '), clientKey, traffic, clientValidation, contextOptions };
}

/**
 * Whether a connection made under one policy may be served under another. Where it is the one of the same virtual host, which changed
 * since, only what clients are asked for counts: new versions and suites are for new connections.
 */
export function servesConnectionOf(policy: TlsPolicy | undefined, made: TlsPolicy, isSameHost: boolean): boolean {
  return policy?.key === made.key || (isSameHost && policy?.clientKey === made.clientKey);
}

function createContextOptions({ minVersion, cipherSuites }: TlsSettings = {}): SecureContextOptions {
  return {
    ...TLS_CONTEXT_OPTIONS,
    ...(minVersion === undefined ? {} : { minVersion: `TLSv${minVersion}` as const }),
    ...(cipherSuites === undefined ? {} : onlySuites(cipherSuites)),
  };
}

/** A version for which there is no suite is not spoken; OpenSSL would take suites of its own. */
function onlySuites(suites: readonly CipherSuite[]): SecureContextOptions {
  const areOld = suites.map((suite) => suite.startsWith('TLS_ECDHE_'));
  return {
    ciphers: suites.map((suite) => OPENSSL_NAMES[suite]).join(':'),
    ...(areOld.includes(true) ? {} : { minVersion: 'TLSv1.3' }),
    ...(areOld.includes(false) ? {} : { maxVersion: 'TLSv1.2' }),
  };
}

const OPENSSL_NAMES: Readonly<Record<CipherSuite, string>> = {
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
};

export const TLS_CONTEXT_OPTIONS: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: Object.values(OPENSSL_NAMES).join(':'),
  ecdhCurve: 'X25519MLKEM768:X25519:prime256v1:secp384r1',
  honorCipherOrder: false,
  // TLS 1.2 clients could make us do the work of a handshake again and again.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
};
