import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAuthority } from '../../../src/lib/authority.ts';

const LABEL = 'a'.repeat(63);
const LONGEST = `${LABEL}.${LABEL}.${LABEL}.${'a'.repeat(61)}`;

test('I01: a valid host and port are brought into one form', () => {
  const table: [text: string, host: string, port: number | undefined, authority: string][] = [
    ['example.com', 'example.com', undefined, 'example.com'],
    ['Example.COM:8080', 'example.com', 8080, 'example.com:8080'],
    ['example.com.', 'example.com', undefined, 'example.com'],
    ['example.com.:80', 'example.com', 80, 'example.com:80'],
    ['localhost:1', 'localhost', 1, 'localhost:1'],
    ['a:65535', 'a', 65535, 'a:65535'],
    ['xn--zrich-kva.example', 'xn--zrich-kva.example', undefined, 'xn--zrich-kva.example'],
    ['my_app.example.com', 'my_app.example.com', undefined, 'my_app.example.com'],
    ['pr-.example.com', 'pr-.example.com', undefined, 'pr-.example.com'],
    ['127.0.0.1:80', '127.0.0.1', 80, '127.0.0.1:80'],
    ['1.example', '1.example', undefined, '1.example'],
    ['[::1]', '[::1]', undefined, '[::1]'],
    ['[2001:DB8::A]:443', '[2001:db8::a]', 443, '[2001:db8::a]:443'],
    ['[::ffff:127.0.0.1]', '[::ffff:127.0.0.1]', undefined, '[::ffff:127.0.0.1]'],
    [LONGEST, LONGEST, undefined, LONGEST],
  ];
  for (const [text, host, port, authority] of table)
    assert.deepEqual(parseAuthority(text), { host, port, authority }, text);
});

test('I01: all else is refused', () => {
  const refused = [
    '',
    '.',
    '..',
    '.a',
    'a..b',
    'a.b..',
    ' a',
    'a ',
    'a b',
    'a\t',
    'a\0',
    'a\n',
    'a,b',
    'a, b',
    'user@a',
    'user:pass@a',
    'a/b',
    'a/',
    'a\\b',
    'http://a',
    'a?x',
    'a#x',
    'a%2eb',
    'a;b',
    '*',
    '*.a',
    'zürich.example',
    'z\xc3\xbcrich.example',
    '\u212a.example',
    ':80',
    'a:',
    'a:0',
    'a:080',
    'a:65536',
    'a:99999',
    'a:100000',
    'a:8x',
    'a:-1',
    'a:+1',
    'a: 80',
    'a:80:80',
    '::1',
    '[]',
    '[::1',
    '::1]',
    '[::1]x',
    '[::1].',
    '[::1]:',
    '[::1]:0',
    '[::1%25eth0]',
    '[::1%eth0]',
    '[v1.x]',
    '[1.2.3.4]',
    '[:::]',
    '[12345::]',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '0x7f.1',
    'a.0x7f',
    '0x',
    '2130706433',
    'a.1',
    `a.${'a'.repeat(64)}`,
    `a.${LONGEST}`,
    'a'.repeat(256),
  ];
  for (const text of refused) assert.ok('problem' in parseAuthority(text), JSON.stringify(text));
});

test('a long text is refused in time linear in its length', () => {
  const started = performance.now();
  assert.ok('problem' in parseAuthority(`${'a.'.repeat(500_000)}!`));
  assert.ok('problem' in parseAuthority(`[${':'.repeat(1_000_000)}`));
  assert.ok(performance.now() - started < 500);
});
