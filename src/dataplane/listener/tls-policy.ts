// Which TLS is spoken: Mozilla's "intermediate" recommendation (guideline 6.0), TLS 1.2 and 1.3 with forward secrecy and AEAD only.

import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

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
