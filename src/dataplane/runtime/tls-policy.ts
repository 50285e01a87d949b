// Which TLS is spoken, to whom: Mozilla's "intermediate" recommendation (guideline 6.0), TLS 1.2 and 1.3 with forward secrecy and AEAD
// only; and what virtual hosts may differ in.
import { constants, createHash } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { ClientValidation, VirtualHost } from '../../ir/listener.ts';

/** What a handshake settles beside the certificate. A connection made under one policy serves no virtual host of another. */
export interface TlsPolicy {
  /** Equal for equal policies. */
  readonly key: string;
  /** `stream`: no protocol is negotiated, as nothing is known of what the bytes are. */
  readonly traffic: 'http' | 'stream';
  readonly clientValidation: ClientValidation | undefined;
}

/** Undefined where the virtual host terminates no TLS. */
export function tlsPolicyOf({ traffic, certificates, clientValidation }: VirtualHost): TlsPolicy | undefined {
  if (certificates.length === 0 || traffic === 'passthrough' || traffic === 'datagram') return undefined;
  if (clientValidation === undefined) return { key: traffic, traffic, clientValidation };
  const { caPem, allowsInsecureFallback } = clientValidation;
  const digest = createHash('sha256').update(caPem).digest('hex');
  return { key: `${traffic} ${allowsInsecureFallback ? 'optional' : 'required'} ${digest}`, traffic, clientValidation };
}

export const TLS_CONTEXT_OPTIONS: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ecdhCurve: 'X25519MLKEM768:X25519:prime256v1:secp384r1',
  honorCipherOrder: false,
  // TLS 1.2 clients could make us do the work of a handshake again and again.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
};
