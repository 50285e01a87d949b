// CEL as Kubernetes speaks it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { celList, celMap } from '@bufbuild/cel';
import { PatternCache } from '../../../src/validation/pattern.ts';
import { celPropertyNames, RuleCompiler } from '../../../src/validation/rule-program.ts';

const compiler = new RuleCompiler(new PatternCache());

test('integers are integers', () => {
  assert.equal(compiler.compile('self / 2 == 3')(7n), true);
  assert.equal(compiler.compile('self <= 128')(128n), true);
});

test('an error while a rule runs means that the rule is not kept', () => {
  const empty = celMap(new Map());
  assert.equal(compiler.compile('self.port > 0')(empty), false);
  assert.equal(compiler.compile('!(self.port > 0)')(empty), false);
  assert.equal(compiler.compile('self.port > 0 || true')(empty), true, 'as in CEL, || absorbs the error');
});

test('the string extensions are there', () => {
  assert.equal(compiler.compile(`self.split('/')[0] == 'a' && self.substring(2) == 'b'`)('a/b'), true);
});

test('matches takes RE2 syntax with (?i)', () => {
  const rule = compiler.compile(String.raw`self.matches(r"""^(?i)\.?[a-z]+$""")`);
  assert.equal(rule('.Abc'), true);
  assert.equal(rule('a1'), false);
});

test('isIP, isCIDR, format.dns1123Subdomain and durations', () => {
  assert.equal(compiler.compile('isCIDR(self)')('10.0.0.0/8'), true);
  assert.equal(compiler.compile('isCIDR(self)')('10.0.0.1'), false);
  assert.equal(compiler.compile('isIP(self)')('::1'), true);
  assert.equal(compiler.compile('isIP(self)')('example.com'), false);
  const rule = compiler.compile('format.dns1123Subdomain().validate(self).hasValue()');
  assert.equal(rule('example.com'), false);
  for (const text of ['', 'Example.com', '-a', 'a..b', `${'a.'.repeat(126)}aa`]) assert.equal(rule(text), true, text);
  const longer = compiler.compile("duration(self[0]) > duration(self[1]) && duration('0s') == duration('0ms')");
  assert.equal(longer(celList(['1h', '59m60s'])), false);
  assert.equal(longer(celList(['1s1ms', '1000ms'])), true);
});

test('a rule is compiled once', () => {
  assert.equal(compiler.compile('self == 1'), compiler.compile('self == 1'));
});

test('property names that CEL cannot write are escaped; reserved words are known both ways, as in Kubernetes', () => {
  assert.deepEqual(celPropertyNames('name'), ['name']);
  assert.deepEqual(celPropertyNames('namespace'), ['namespace', '__namespace__']);
  assert.deepEqual(celPropertyNames('a-b/c.d__e'), ['a__dash__b__slash__c__dot__d__underscores__e']);
});
