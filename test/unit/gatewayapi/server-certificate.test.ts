import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Certificate } from '../../../src/ir/certificate.ts';
import { createMemo, translate } from '../../../src/gatewayapi/translate.ts';
import { gateway, options, resourcesOf, tlsSecret } from './configuration.ts';
import { CA_TEXTS, KEY_PAIRS } from '../../property/gatewayapi/pem.ts';

const [PAIR] = KEY_PAIRS;
const CHAIN = PAIR?.chain ?? '';
const KEY = PAIR?.key ?? '';

/** What becomes of a Secret that an HTTPS listener refers to. */
function translateSecret(chain: string, key: string): { certificate: Certificate | undefined; status: string } {
  const certificateRefs = [{ group: '', kind: 'Secret', name: 'tls' }];
  const listener = { port: 443, protocol: 'HTTPS', tls: { mode: 'Terminate', certificateRefs } };
  const resources = resourcesOf(gateway([listener]), tlsSecret('tls', chain, key));
  const { ir, statuses } = translate(resources, createMemo(), options());
  return {
    certificate: ir.resources.get('certificate/shop/tls') as Certificate | undefined,
    status: JSON.stringify(statuses.get('Gateway/shop/gw')),
  };
}

function privateKey(type: 'rsa' | 'x25519', modulusLength = 0): string {
  const options = { modulusLength, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } } as const;
  const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
  return type === 'rsa'
    ? generateKeyPairSync('rsa', { ...options, publicKeyEncoding }).privateKey
    : generateKeyPairSync('x25519', { ...options, publicKeyEncoding }).privateKey;
}

/** The same listener, with what its Secret held before. */
function translateBadSecret(withSecret: boolean): { certificate: unknown; status: string; again: unknown } {
  const certificateRefs = [{ group: '', kind: 'Secret', name: 'tls' }];
  const listener = { port: 443, protocol: 'HTTPS', tls: { mode: 'Terminate', certificateRefs } };
  const resources = resourcesOf(gateway([listener]), tlsSecret('tls', CHAIN, KEY));
  const memo = createMemo();
  const good = translate(resources, memo, options()).ir.resources.get('certificate/shop/tls') as Certificate;
  if (withSecret) resources.put(tlsSecret('tls', CHAIN, 'no key'));
  else resources.delete({ kind: 'Secret', namespace: 'shop', name: 'tls' });
  const lastGoodCertificates = new Map([['shop/tls', good]]);
  const { ir, statuses } = translate(resources, memo, options({ lastGoodCertificates }));
  const again = translate(resources, memo, options({ lastGoodCertificates: new Map() }));
  return {
    certificate: ir.resources.get('certificate/shop/tls'),
    status: JSON.stringify(statuses.get('Gateway/shop/gw')),
    again: again.ir.resources.get('certificate/shop/tls'),
  };
}

describe('server certificates', () => {
  it('take the whole chain, leaf first, without what stands around', () => {
    const { certificate } = translateSecret(`comment\n${CHAIN}\ncomment\n${CA_TEXTS[0]}`, KEY);
    assert.equal(certificate?.chainPem, CHAIN + CA_TEXTS[0]);
    assert.equal(certificate.privateKeyPem.reveal(), KEY);
  });

  it('that became bad leave the last good pair in force, and say so', () => {
    const { certificate, status, again } = translateBadSecret(true);
    assert.equal((certificate as Certificate).privateKeyPem.reveal(), KEY);
    assert.match(status, /InvalidCertificateRef.*what it held before goes on being served/);
    assert.equal(again, undefined, 'without a memory of it there is nothing to serve');
  });

  it('that are deleted are not served on', () => {
    const { certificate, status } = translateBadSecret(false);
    assert.equal(certificate, undefined);
    assert.match(status, /InvalidCertificateRef.*does not exist/);
  });

  it('never show the key', () => {
    const { certificate, status } = translateSecret(CHAIN, KEY);
    assert.ok(!JSON.stringify(certificate).includes('PRIVATE'));
    assert.ok(!status.includes('PRIVATE'));
  });

  for (const [name, key, expected] of [
    ['an RSA key that is too short', privateKey('rsa', 1024), /RSA key of 1024 bits; at least 2048/],
    ['a key for key exchange only', privateKey('x25519'), /key of type x25519/],
    ['the key of another certificate', privateKey('rsa', 2048), /does not belong to the first certificate/],
    ['a certificate instead of the key', CHAIN, /not an unencrypted PEM private key/],
    ['an empty key', '', /not an unencrypted PEM private key/],
  ] as const) {
    it(`refuse ${name}`, () => {
      const { certificate, status } = translateSecret(CHAIN, key);
      assert.equal(certificate, undefined);
      assert.match(status, expected);
    });
  }
});
