import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatViolation, isIPAddress, isNetwork } from '../../../src/validation/format.ts';

const CASES: Readonly<Record<string, { readonly good: readonly unknown[]; readonly bad: readonly unknown[] }>> = {
  int32: { good: [0, -(2 ** 31), 2 ** 31 - 1], bad: [2 ** 31, -(2 ** 31) - 1, 1.5] },
  int64: { good: [0, 2 ** 53], bad: [2 ** 63, 0.5] },
  ipv4: { good: ['10.0.0.1'], bad: ['10.0.0', '::1', 'host'] },
  ipv6: { good: ['::1', '2001:db8::1', '::ffff:10.0.0.1'], bad: ['10.0.0.1', 'fe80::1%eth0', '[::1]'] },
  'date-time': {
    good: ['2026-01-31T12:00:00Z', '2024-02-29T23:59:60.123+01:00'],
    bad: ['2026-01-31', '2026-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-31T24:00:00Z', '2026-01-31 12:00:00Z'],
  },
  byte: { good: ['', 'YQ==', 'YWI=', 'YWJj\nYWJj\n'], bad: ['YQ', 'YQ=', 'Y Q=', '====', 'YWJ_'] },
};

for (const [format, { good, bad }] of Object.entries(CASES)) {
  test(`format ${format}`, () => {
    for (const value of good) assert.equal(formatViolation(value, format), undefined, String(value));
    for (const value of bad) assert.equal(typeof formatViolation(value, format), 'string', String(value));
  });
}

test('a format that is not known is not checked, as in the API server', () => {
  assert.equal(formatViolation('anything', 'color'), undefined);
});

test('isIPAddress refuses zones and IPv4 addresses written as IPv6, as the rule function isIP does', () => {
  for (const text of ['10.0.0.1', '::1', '2001:db8::1', '::']) assert.equal(isIPAddress(text), true, text);
  for (const text of ['', 'example.com', '010.0.0.1', 'fe80::1%eth0', '::ffff:10.0.0.1', '0:0:0:0:0:ffff:a00:1']) {
    assert.equal(isIPAddress(text), false, text);
  }
});

test('isNetwork takes what the rule function isCIDR takes: an address with the length of a prefix, host bits or not', () => {
  for (const text of ['10.0.0.0/8', '10.1.2.3/8', '0.0.0.0/0', '10.0.0.1/32', '2001:db8::/32', '::/0', '::1/128']) {
    assert.equal(isNetwork(text), true, text);
  }
  for (const text of ['', '/8', '10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/8/8', '10.0.0.0/+8']) {
    assert.equal(isNetwork(text), false, text);
  }
  for (const text of ['::/129', 'fe80::%eth0/64', '::ffff:10.0.0.0/104', '10.0.0.0/8 ', 'example.com/8']) {
    assert.equal(isNetwork(text), false, text);
  }
});
