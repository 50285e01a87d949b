// The CEL rules: each one of every kind is broken by some object, and what a rule says is what is reported, where it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CUSTOM_RESOURCES } from '../../../src/api/kinds.ts';
import type { Schema } from '../../../src/api/schema.ts';
import { Normalizer } from '../../../src/validation/normalizer.ts';
import { PatternCache } from '../../../src/validation/pattern.ts';
import { formatPath, ProblemList } from '../../../src/validation/problem.ts';
import { RuleChecker } from '../../../src/validation/rule-checker.ts';
import { RuleCompiler } from '../../../src/validation/rule-program.ts';
import { RULE_CASES } from './rule-cases.ts';
import { schemaNodes } from './schema-nodes.ts';

const patterns = new PatternCache();
const compiler = new RuleCompiler(patterns);

/** The broken rules, as `path: message`. Structure is not checked, so that rules are seen that structure shields. */
function brokenRules(value: unknown, schema: Schema): string[] {
  const defaulted = new Normalizer(new ProblemList(), { unknownFields: 'refuse', patterns }).normalize(value, schema);
  const problems = new ProblemList();
  new RuleChecker(schema, compiler).check(defaulted, problems);
  return problems.found.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

for (const resource of CUSTOM_RESOURCES) {
  const cases = RULE_CASES.filter(({ kind }) => kind === resource.kind);
  if (cases.length === 0) continue;
  test(`every broken rule of ${resource.kind} is reported`, () => {
    const schema = resource.schema();
    for (const { message, spec } of cases) {
      const broken = brokenRules({ spec }, schema);
      assert.ok(
        broken.some((problem) => problem.includes(`: ${message}`)),
        `${message}\n${JSON.stringify(spec)}\n${broken.join('\n')}`,
      );
    }
  });
}

test('there is a case for every rule', () => {
  const untested = new Set<string>();
  for (const resource of CUSTOM_RESOURCES) {
    const cases = RULE_CASES.filter(({ kind }) => kind === resource.kind);
    for (const { path, schema } of schemaNodes(resource)) {
      for (const { message = '' } of schema['x-kubernetes-validations'] ?? []) {
        if (!cases.some((ruleCase) => message.startsWith(ruleCase.message))) untested.add(`${path}: ${message}`);
      }
    }
  }
  // The one rule that compares with an older object, which validation of a manifest does not have.
  assert.deepEqual([...untested], ['GatewayClass.spec.controllerName: field is immutable']);
});

test('transition rules are skipped', () => {
  const schema: Schema = {
    type: 'object',
    properties: { name: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] } },
  };
  assert.deepEqual(brokenRules({ name: 'a' }, schema), []);
});

test('a rule without a message shows itself, and a rule that fails to run counts as broken', () => {
  const rule = 'self.port > 0';
  const schema: Schema = {
    type: 'object',
    properties: { port: { type: 'integer' } },
    'x-kubernetes-validations': [{ rule }],
  };
  assert.deepEqual(brokenRules({ port: 1 }, schema), []);
  assert.deepEqual(brokenRules({ port: 0 }, schema), [`: breaks the rule ${rule}`]);
  assert.deepEqual(brokenRules({}, schema), [`: breaks the rule ${rule}`]);
});

test('rules see integers, lists, maps and escaped names, at any depth', () => {
  const text: Schema = { type: 'string' };
  const schema: Schema = {
    type: 'object',
    properties: {
      refs: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            namespace: text,
            port: { 'x-kubernetes-int-or-string': true },
            labels: { type: 'object', additionalProperties: text },
          },
        },
        'x-kubernetes-validations': [
          { rule: "self.all(r, r.__namespace__ == 'a' && r.namespace == 'a')", message: 'namespace' },
          { rule: "self.all(r, type(r.port) == int ? r.port + 1 == 81 : r.port == 'http')", message: 'port' },
          { rule: "self.all(r, r.labels.all(key, key != 'namespace') && r.labels['a-b'] == 'c')", message: 'labels' },
        ],
      },
    },
  };
  const good = { namespace: 'a', port: 80, labels: { 'a-b': 'c' } };
  assert.deepEqual(brokenRules({ refs: [good, { ...good, port: 'http' }] }, schema), []);
  assert.deepEqual(brokenRules({ refs: [{ ...good, namespace: 'b' }] }, schema), ['refs: namespace']);
  assert.deepEqual(brokenRules({ refs: [good, { ...good, port: 81 }] }, schema), ['refs: port']);
  assert.deepEqual(brokenRules({ refs: [{ ...good, labels: { namespace: 'c', 'a-b': 'c' } }] }, schema), [
    'refs: labels',
  ]);
});

test('a problem carries the path of the value that the rule is about', () => {
  const schema: Schema = {
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: { type: 'string', 'x-kubernetes-validations': [{ rule: "self != 'bad'", message: 'bad' }] },
    },
  };
  assert.deepEqual(brokenRules([{ a: 'good' }, { 'x/y': 'bad' }], schema), ['[1]["x/y"]: bad']);
});
