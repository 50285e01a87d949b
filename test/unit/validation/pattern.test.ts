// Every pattern of every schema is known: it has a meaning in words, and no text can keep it busy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CUSTOM_RESOURCES } from '../../../src/api/kinds.ts';
import type { Schema } from '../../../src/api/schema.ts';
import { isKnownPattern, PatternCache, patternMeaning } from '../../../src/validation/pattern.ts';
import { schemaNodes } from './schema-nodes.ts';

const HEADER_VALUE = '^[!-~]+([\\t ]?[!-~]+)*$';
const LONGEST_TEXT = 4096;
/** The longest text that a rule matches is the path of an HTTP match. */
const MAX_RULE_TEXT = 1024;
/** Far above what a quadratic pattern takes on the longest text, far below what an exponential one takes. */
const MAX_MATCH_MS = 250;

function patterns(): Map<string, number> {
  const lengths = new Map<string, number>();
  for (const { schema } of CUSTOM_RESOURCES.flatMap(schemaNodes)) {
    if (schema.pattern === undefined) continue;
    const length = Math.min(schema.maxLength ?? LONGEST_TEXT, LONGEST_TEXT);
    lengths.set(schema.pattern, Math.max(length, lengths.get(schema.pattern) ?? 0));
  }
  return lengths;
}

/** The patterns that rules match texts with. */
function rulePatterns(): string[] {
  const rules = CUSTOM_RESOURCES.flatMap(schemaNodes).flatMap(({ schema }) => schema['x-kubernetes-validations'] ?? []);
  const calls = rules.flatMap(({ rule }) => [...rule.matchAll(/matches\((?:r"""(.*?)"""|'(.*?)')\)/g)]);
  return calls.map(([, raw, quoted = '']) => raw ?? quoted.replaceAll('\\\\', '\\'));
}

test('every pattern of the generated schemas is known', () => {
  for (const pattern of patterns().keys()) assert.ok(isKnownPattern(pattern), pattern);
});

test('a pattern that is not known is shown as it is', () => {
  assert.equal(patternMeaning('^x$'), 'text that matches ^x$');
});

test('no text of the greatest length takes long to match', () => {
  const cache = new PatternCache();
  const ofRules = rulePatterns();
  assert.ok(ofRules.length > 5);
  for (const [pattern, length] of [...patterns(), ...ofRules.map((rule) => [rule, MAX_RULE_TEXT] as const)]) {
    for (const unit of ['a', 'a-', 'a.', 'a.a', '-', '0', '1s', 'A/', 'a:', '/', '*', '%2', ' ', 'a ', '!']) {
      const text = unit.repeat(Math.ceil(length / unit.length)).slice(0, length - 1);
      for (const tail of ['', '\u0001', '/', '-', '*']) {
        for (const head of ['', 'https://', 'a/', 'a://']) {
          const startedAt = performance.now();
          cache.compile(pattern).test(head + text + tail);
          assert.ok(performance.now() - startedAt < MAX_MATCH_MS, `${pattern} on ${head}${unit}…${tail}`);
        }
      }
    }
  }
});

test('the replacement of the pattern for header values means the same', () => {
  const original = new RegExp(HEADER_VALUE, 'u');
  const replacement = new PatternCache().compile(HEADER_VALUE);
  assert.notEqual(replacement.source, original.source);
  const alphabet = ['a', '~', ' ', '\t', '\n', 'é'];
  let texts = [''];
  for (let length = 0; length <= 5; length++) {
    for (const text of texts) assert.equal(replacement.test(text), original.test(text), JSON.stringify(text));
    texts = texts.flatMap((text) => alphabet.map((letter) => text + letter));
  }
});

test('(?i) makes a pattern ignore case, and each pattern is compiled once', () => {
  const cache = new PatternCache();
  const pattern = cache.compile('^(?i)[a-z]+$');
  assert.ok(pattern.test('Abc'));
  assert.equal(cache.compile('^(?i)[a-z]+$'), pattern);
});

test('the meanings are those of the fields that people get wrong', () => {
  const meanings: readonly (readonly [Schema['pattern'], RegExp])[] = [
    ['^([0-9]{1,5}(h|m|s|ms)){1,4}$', /duration, such as 10s/],
    ['^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$', /host name/],
  ];
  for (const [pattern = '', meaning] of meanings) assert.match(patternMeaning(pattern), meaning);
});
