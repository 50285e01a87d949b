import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressesOfRange, canonicalAddress } from '../../../src/lib/ip-address.ts';

describe('IP addresses', () => {
  it('have one spelling', () => {
    assert.equal(canonicalAddress('2001:DB8:0:0::1'), '2001:db8::1');
    assert.equal(canonicalAddress('::ffff:192.0.2.1'), '::ffff:c000:201');
    assert.equal(canonicalAddress('192.0.2.1'), '192.0.2.1');
    assert.equal(canonicalAddress('WWW.example.com'), 'www.example.com');
  });

  it('are listed by range', () => {
    assert.deepEqual(addressesOfRange('192.0.2.7', 4), ['192.0.2.7']);
    assert.deepEqual(addressesOfRange('192.0.2.254-192.0.3.1', 4), [
      '192.0.2.254',
      '192.0.2.255',
      '192.0.3.0',
      '192.0.3.1',
    ]);
    assert.deepEqual(addressesOfRange('2001:db8::ffff-2001:db8::1:1', 4), [
      '2001:db8::ffff',
      '2001:db8::1:0',
      '2001:db8::1:1',
    ]);
    assert.deepEqual(addressesOfRange('::-::1', 4), ['::', '::1']);
  });

  it('are refused where they are none, in the wrong order, or too many', () => {
    const notAddress = { problem: 'must be an IP address, or the first and the last one of a range' };
    for (const text of ['', 'a', '192.0.2.1-', '192.0.2.1-::1', '192.0.2.1-192.0.2.2-192.0.2.3'])
      assert.deepEqual(addressesOfRange(text, 4), notAddress, text);
    assert.deepEqual(addressesOfRange('192.0.2.2-192.0.2.1', 4), { problem: 'must have the lower address first' });
    assert.deepEqual(addressesOfRange('192.0.2.1-192.0.2.5', 4), {
      problem: 'has 5 addresses; at most 4 are possible',
    });
    assert.match(JSON.stringify(addressesOfRange('::-ffff::', 4)), /at most 4 are possible/);
  });
});
