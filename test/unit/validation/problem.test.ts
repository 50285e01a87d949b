import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPath, MAX_PROBLEMS, ProblemList, show } from '../../../src/validation/problem.ts';

test('a path is printed as kubectl prints it, with brackets around keys that are not plain names', () => {
  assert.equal(formatPath([]), '');
  assert.equal(formatPath(['spec', 'rules', 0, 'matches', 12, 'path']), 'spec.rules[0].matches[12].path');
  assert.equal(formatPath(['metadata', 'labels', 'example.com/a']), 'metadata.labels["example.com/a"]');
  assert.equal(formatPath(['data', 'my-key']), 'data.my-key');
});

test('a problem keeps the path at which it was reported', () => {
  const problems = new ProblemList();
  problems.enter('spec');
  problems.enter(3);
  problems.add('required', 'is required', 'name');
  problems.leave();
  problems.add('type', 'must be a list');
  assert.deepEqual(problems.found, [
    { path: ['spec', 3, 'name'], message: 'is required', code: 'required' },
    { path: ['spec'], message: 'must be a list', code: 'type' },
  ]);
});

test('problems are bounded, and the last one says that there are more', () => {
  const problems = new ProblemList();
  for (let i = 0; i < MAX_PROBLEMS; i++) problems.add('rule', `problem ${i}`);
  assert.equal(problems.full, false);
  problems.add('rule', 'one too many');
  assert.equal(problems.full, true);
  problems.add('rule', 'and another');
  assert.equal(problems.found.length, MAX_PROBLEMS + 1);
  assert.equal(problems.found.at(-1)?.code, 'too-many');
});

test('values are shown as JSON and cut', () => {
  assert.equal(show('a\nb'), '"a\\nb"');
  assert.equal(show('x'.repeat(100)), `"${'x'.repeat(59)}…`);
});
