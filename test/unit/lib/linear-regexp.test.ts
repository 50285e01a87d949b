import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, test } from 'node:test';
import { compileLinearRegExp, enableLinearRegExp } from '../../../src/lib/linear-regexp.ts';

before(enableLinearRegExp);

function compile(source: string): RegExp {
  const compiled = compileLinearRegExp(source);
  assert.ok(compiled instanceof RegExp, `${source}: ${JSON.stringify(compiled)}`);
  return compiled;
}

function assertRefused(reason: RegExp, ...sources: string[]): void {
  for (const source of sources) {
    const compiled = compileLinearRegExp(source);
    assert.ok(!(compiled instanceof RegExp), source);
    assert.match(compiled.problem, reason, source);
  }
}

test('what backtracks without end elsewhere is fast here', () => {
  // Seconds for a backtracking engine, not hours, so that the test fails instead of hanging.
  const bomb = `${'a'.repeat(25)}!`;
  const started = performance.now();
  for (const source of ['(a+)+$', '(?i)(A+)+$', '(a|a)*b', '(a*)*b', '(.*a){12}b', '([a-z]+)*=', '(?i)([A-Z]+)*=']) {
    assert.equal(compile(source).test(bomb), false, source);
  }
  assert.ok(performance.now() - started < 500);
});

test('look-around, back-references and other flags are refused', () => {
  assertRefused(
    /may follow \(\?/,
    'a(?=b)',
    'a(?!b)',
    '(?<=a)b',
    '(?<!a)b',
    '(?i:a)',
    '(?s)a',
    '(?im)a',
    'a(?i)',
    '(?-i)a',
  );
  assertRefused(/escape/, '(a)\\1', '\\1', '(?<n>a)\\k<n>');
});

test('long repetitions are refused', () => {
  assert.ok(compile('a{16}').test('a'.repeat(16)));
  assertRefused(/linear time/, 'a{17}', '(?:a{4}){5}', '[0-9a-f]{36}');
});

test('what JavaScript and RE2 read differently is refused', () => {
  assertRefused(
    /escape/,
    '\\Aa',
    'a\\z',
    '\\pL',
    '\\p{Greek}',
    '\\Qa\\E',
    '\\x{41}',
    '\\cA',
    '\\u0041',
    '\\07',
    '[\\b]',
    '[\\pL]',
  );
  assertRefused(/:alpha:/, '[[:alpha:]]', '[0-9[:^alpha:]]');
  assertRefused(/start of a class/, '[]a]', '[^]a]');
  assertRefused(/range/, '[\\w-z]', '[a-\\d]');
});

test('what is not well-formed is refused, also where anchoring would repair it', () => {
  assertRefused(/well-formed/, 'a)(b', '(a', 'a)', '[a', '*', 'a\\', '[z-a]', 'a**', 'a++');
});

test('the whole text must match', () => {
  assert.ok(compile('a|b').test('a'));
  assert.ok(compile('a|b').test('b'));
  assert.ok(!compile('a|b').test('ab'));
  assert.ok(!compile('b').test('ab'));
  assert.ok(!compile('a').test('a\n'));
  assert.ok(compile('').test(''));
  assert.ok(!compile('').test('a'));
});

test('ordinary expressions mean what they say', () => {
  const table: [source: string, matching: string[], other: string[]][] = [
    [
      '/v[0-9]{1,3}/(users|items)/[^/]+',
      ['/v1/users/x', '/v123/items/-'],
      ['/v/users/x', '/v1/users/', '/v1/users/x/y'],
    ],
    ['\\/a\\-b\\_\\.c\\/', ['/a-b_.c/'], ['/a-b_xc/']],
    ['[\\w\\-.~]+', ['a-b.~_9'], ['a/b', '']],
    ['[\\]\\[^-]', [']', '[', '^', '-'], ['\\', 'a']],
    ['(?P<year>\\d{4})-(?<month>\\d\\d)', ['2024-01'], ['24-01']],
    ['\\bfoo\\b.*', ['foo', 'foo-bar'], ['foobar']],
    ['a\\x41', ['aA'], ['aa']],
    ['.', ['a', '/'], ['\n', 'ab']],
  ];
  for (const [source, matching, other] of table) {
    const compiled = compile(source);
    for (const text of matching) assert.ok(compiled.test(text), `${source} ${text}`);
    for (const text of other) assert.ok(!compiled.test(text), `${source} ${text}`);
  }
});

test('(?i) at the start: every ASCII letter in both cases, and nothing else', () => {
  const printable = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i));
  const atoms = [
    'a',
    'Z',
    '\\x61',
    '.',
    '\\.',
    '\\d',
    '\\W',
    '_',
    '@',
    '[a-f]',
    '[^a-f]',
    '[X-c]',
    '[+--x]',
    '[a-]',
    '[^-b]',
    '[\\w-]',
  ];
  atoms.push('[\\x41-\\x43]', '[\\]y]', '[@-\\[]', '[!-~]', '[\\t-B]', '[\\-k]', 'q|R', '(?:s)', '(?<t>t)');
  for (const atom of atoms) {
    const insensitive = compile(`(?i)${atom}`);
    const reference = new RegExp(`^(?:${atom})$`, 'i');
    for (const character of printable) {
      assert.equal(insensitive.test(character), reference.test(character), `${atom} ${character}`);
    }
  }
});

test('everything is refused while the engine is off', () => {
  const module = new URL('../../../src/lib/linear-regexp.ts', import.meta.url);
  const script = `
    const { compileLinearRegExp, enableLinearRegExp } = await import(${JSON.stringify(module.href)});
    const before = compileLinearRegExp('a');
    enableLinearRegExp();
    console.log(JSON.stringify([before, compileLinearRegExp('a') instanceof RegExp]));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(output), [{ problem: 'the linear-time regular expression engine is not enabled' }, true]);
});
