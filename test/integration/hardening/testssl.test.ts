// T01 by testssl, against the gateway as its users run it: nothing but TLS 1.2 and 1.3 with forward secrecy and AEAD, no compression,
// no renegotiation, no fallback.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ADDRESS } from '../../harness/resources.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { ExposedGateway, SERVER_NAME } from './exposed-gateway.ts';

const LIMIT_MS = 120_000;
/** Protocols, cipher categories, forward secrecy, renegotiation, compression, fallback. */
const CHECKS = ['-p', '-s', '-f', '-R', '-C', '-Z'];
/** It looks nothing up, and asks nobody but the gateway. */
const ALONE = ['--nodns', 'none', '--ip', ADDRESS, '--warnings', 'off', '--assume-http'];

interface Finding {
  readonly id: string;
  readonly finding: string;
}

const NOT_OFFERED = 'not offered';
const EXPECTED: Readonly<Record<string, string>> = {
  SSLv2: NOT_OFFERED,
  SSLv3: NOT_OFFERED,
  TLS1: NOT_OFFERED,
  TLS1_1: NOT_OFFERED,
  TLS1_2: 'offered',
  TLS1_3: 'offered with final',
  NPN: NOT_OFFERED,
  ALPN_HTTP2: 'h2',
  ALPN: 'http/1.1',
  cipherlist_NULL: NOT_OFFERED,
  cipherlist_aNULL: NOT_OFFERED,
  cipherlist_EXPORT: NOT_OFFERED,
  cipherlist_LOW: NOT_OFFERED,
  cipherlist_3DES_IDEA: NOT_OFFERED,
  // CBC, and key exchange by RSA.
  cipherlist_AVERAGE: NOT_OFFERED,
  cipherlist_STRONG: 'offered',
  PFS: 'offered',
  // It knows no X25519MLKEM768.
  PFS_ECDHE_curves: 'prime256v1 secp384r1 X25519',
  secure_renego: 'supported',
  secure_client_renego: 'not vulnerable',
  CRIME_TLS: 'not vulnerable',
  fallback_SCSV: 'no protocol below TLS 1.2 offered',
};

const AEAD_WITH_FORWARD_SECRECY = /^(?:TLS_(?:AES|CHACHA20)\w+|ECDHE-ECDSA-[A-Z0-9-]*(?:GCM|POLY1305)[A-Z0-9-]*)$/;

test('T01 testssl finds nothing but what is recommended', { timeout: LIMIT_MS }, async (t) => {
  const { ports } = await ExposedGateway.start(t);
  const report = new TemporaryDirectory(t).at('findings.json');
  const target = `https://${SERVER_NAME}:${ports.https}`;
  // Its exit code counts findings; those that are not asked about here count too.
  const scan = promisify(execFile)('testssl', ['--quiet', ...ALONE, '--jsonfile', report, ...CHECKS, target]);
  await scan.catch((error: { readonly code?: unknown; readonly message: string }) =>
    assert.equal(typeof error.code, 'number', error.message),
  );
  const findings = JSON.parse(readFileSync(report, 'utf8')) as readonly Finding[];
  const byId = new Map(findings.map(({ id, finding }) => [id, finding.trim()]));
  assert.deepEqual(Object.fromEntries(Object.keys(EXPECTED).map((id) => [id, byId.get(id)])), EXPECTED);
  const ciphers = byId.get('PFS_ciphers')?.split(' ') ?? [];
  assert.equal(ciphers.length, 6);
  for (const cipher of ciphers) assert.match(cipher, AEAD_WITH_FORWARD_SECRECY);
});
