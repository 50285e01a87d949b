// YAML as manifests use it: values, places, and what is refused. Texts that are made to hurt cost no more than honest ones.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_DEPTH, MAX_DOCUMENT_TOKENS, parseYaml, YamlError } from '../../../src/lib/yaml-document.ts';

function values(text: string): unknown[] {
  return Array.from(parseYaml(text), ({ value }) => value);
}

function errorOf(text: string): string {
  try {
    values(text);
  } catch (error) {
    assert.ok(error instanceof YamlError, String(error));
    return `${error.position.line}:${error.position.column} ${error.code} ${error.message}`;
  }
  return 'no error';
}

describe('values', () => {
  const CASES: [string, string, unknown[]][] = [
    ['nothing', '', []],
    ['empty documents', '# a comment\n---\n---\nnull\n---\na: 1\n...\n', [{ a: 1 }]],
    ['several documents', 'a: 1\n---\nb: [1, two, 3.5, true, null]\n', [{ a: 1 }, { b: [1, 'two', 3.5, true, null] }]],
    ['JSON', '{"a": [1, {"b": null}], "c/d": "x"}', [{ a: [1, { b: null }], 'c/d': 'x' }]],
    ['keys that look like other things', '8080: a\ntrue: b\n', [{ '8080': 'a', true: 'b' }]],
    ['words of YAML 1.1', 'a: yes\nb: 0644\n', [{ a: 'yes', b: 644 }]],
    ['a byte order mark and CRLF', '\u{feff}a: 1\r\nb: 2\r\n', [{ a: 1, b: 2 }]],
    ['aliases', 'a: &x {b: 1}\nc: *x\n', [{ a: { b: 1 }, c: { b: 1 } }]],
    ['a merge', 'x: &x {a: 1, b: 2}\ny:\n  b: 3\n  <<: *x\n', [{ x: { a: 1, b: 2 }, y: { a: 1, b: 3 } }]],
    [
      'a merge of several',
      'x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y], c: 3}\n',
      [{ x: { a: 1 }, y: { a: 2, b: 2 }, z: { a: 1, b: 2, c: 3 } }],
    ],
    ['a quoted merge key is a key', '{"<<": {"a": 1}}', [{ '<<': { a: 1 } }]],
    ['an unknown tag is ignored', 'a: !Ref b\n', [{ a: 'b' }]],
  ];
  for (const [name, text, expected] of CASES) {
    test(name, () => assert.deepEqual(values(text), expected));
  }
});

describe('places', () => {
  const text = [
    'x: &x',
    '  a: 1',
    'y:',
    '  <<: *x',
    'z:',
    '  - q: *x',
    '  - b: 2',
    '---',
    '{"k": {"l": [1,',
    '  2]}}',
  ].join('\n');
  const [first, second] = [...parseYaml(text)];
  const CASES: [(string | number)[], string][] = [
    [[], '1:1'],
    [['x', 'a'], '2:3'],
    [['y', 'a'], '2:3'],
    [['z', 0, 'q', 'a'], '2:3'],
    [['z', 1, 'b'], '7:5'],
    [['z', 1, 'missing', 'further'], '7:5'],
    [['z', 7], '5:1'],
    [['absent'], '1:1'],
  ];
  for (const [path, expected] of CASES) {
    test(path.join('.') || 'the document', () => {
      const { line, column } = first?.locate(path) ?? { line: 0, column: 0 };
      assert.equal(`${line}:${column}`, expected);
    });
  }
  test('a later document, as JSON', () => {
    assert.deepEqual(second?.locate(['k', 'l', 1]), { line: 10, column: 3 });
  });
});

describe('what is refused', () => {
  const CASES: [string, string, RegExp][] = [
    ['a duplicate key', 'a: 1\nb:\n  c: 1\n  c: 2\n', /^4:3 duplicate-key .*"c"/],
    ['a duplicate key in JSON', '{"a": 1,\n "a": 2}', /^2:2 duplicate-key/],
    ['a key that is no string', '? [a]\n: b\n', /^1:3 syntax a key must be a string/],
    ['a template', 'a: {{ .Values.a }}\n', /^1:5 syntax a key must be a string.*render/],
    ['a prototype', '__proto__: {a: 1}\n', /^1:1 syntax/],
    ['infinity', 'a: .inf\n', /^1:4 syntax/],
    ['bytes', 'a: !!binary aGVsbG8=\n', /^1:13 syntax/],
    ['an alias without anchor', 'a: *b\n', /^1:4 syntax no anchor "b"/],
    ['an alias to what contains it', 'a: &a\n  b: *a\n', /^2:6 syntax no anchor/],
    ['a tab as indentation', 'a:\n\tb: 1\n', /^2:1 syntax/],
    ['a merge of a text', 'a:\n  <<: b\n', /^2:3 syntax only mappings/],
    ['an open bracket', 'a: [1,\nb: 2\n', /syntax/],
    ['an error in a later document', 'a: 1\n---\nb: c: d\n', /^3:\d+ syntax/],
  ];
  for (const [name, text, expected] of CASES) {
    test(name, () => assert.match(errorOf(text), expected));
  }

  test('messages quote no values', () => {
    for (const text of [
      'a: "x" SECRET\n',
      'a: |SECRET\n  x\n',
      'a: b\n SECRET: c\nd\n',
      'a: [SECRET',
      'SECRET: x\nSECRET y\n',
    ]) {
      assert.match(errorOf(text), /syntax/);
      assert.doesNotMatch(errorOf(text), /SECRET/);
    }
  });
});

describe('what is made to hurt', () => {
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 10; i++)
    bomb.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
  const keys = Array.from({ length: 5_000 }, (_, i) => `k${i}: 1`).join(', ');
  const CASES: [string, string, RegExp][] = [
    ['aliases of aliases', bomb.join('\n'), /too-complex holds more than/],
    ['merges of many fields', `b: &b {${keys}}\nl:\n${'- <<: *b\n'.repeat(200)}`, /too-complex holds more than/],
    ['brackets in brackets', '['.repeat(10_000) + ']'.repeat(10_000), /too-complex is nested/],
    ['mappings in mappings', '{a: '.repeat(MAX_DEPTH + 2) + '}'.repeat(MAX_DEPTH + 2), /too-complex is nested/],
    ['very many tokens', '['.repeat(MAX_DOCUMENT_TOKENS), /too-complex a document has more than/],
    ['very many tokens in several documents', '[]\n---\n'.repeat(MAX_DOCUMENT_TOKENS / 5), /no error/],
    ['many keys', Array.from({ length: 5_000 }, (_, i) => `k${i}: 1`).join('\n'), /no error/],
    ['many aliases', `- &a 1\n${'- *a\n'.repeat(5_000)}`, /no error/],
  ];
  for (const [name, text, expected] of CASES) {
    test(name, { timeout: 10_000 }, () => assert.match(errorOf(text), expected));
  }
});
