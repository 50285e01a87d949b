import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conditionFindings, findingText, type ConditionView } from '../../../src/cli/condition-report.ts';

function condition(type: string, status: string, reason: string, message = `${reason}.`): ConditionView {
  return { type, status, reason, message };
}

test('good conditions are nothing to tell', () => {
  const status = {
    conditions: [condition('Accepted', 'True', 'Accepted'), condition('Programmed', 'True', 'Programmed')],
    listeners: [{ name: 'http', conditions: [condition('Conflicted', 'False', 'NoConflicts')] }],
  };
  assert.deepEqual(conditionFindings(status), []);
  assert.deepEqual(conditionFindings({}), []);
});

test('each bad condition is told with its place', () => {
  const bad = [condition('ResolvedRefs', 'False', 'RefNotPermitted', 'not permitted')];
  const texts = conditionFindings({
    conditions: bad,
    listeners: [{ name: 'https', conditions: bad }],
    parents: [{ parentRef: { namespace: 'shop', name: 'web', sectionName: 'http' }, conditions: bad }],
    ancestors: [{ ancestorRef: { name: 'web', port: 80 }, conditions: bad }],
  }).map(findingText);
  assert.deepEqual(texts, [
    'ResolvedRefs is False (RefNotPermitted): not permitted',
    'listener https: ResolvedRefs is False (RefNotPermitted): not permitted',
    'parent shop/web/http: ResolvedRefs is False (RefNotPermitted): not permitted',
    'ancestor web/80: ResolvedRefs is False (RefNotPermitted): not permitted',
  ]);
});

test('unknown is not good', () => {
  const [finding] = conditionFindings({ conditions: [condition('Accepted', 'Unknown', 'Pending')] });
  assert.equal(finding?.status, 'Unknown');
});

test('some conditions are bad when they are True', () => {
  const types = ['Conflicted', 'OverlappingTLSConfig', 'PartiallyInvalid', 'InsecureFrontendValidationMode'];
  for (const type of types) {
    assert.equal(conditionFindings({ conditions: [condition(type, 'True', 'Because')] }).length, 1, type);
    assert.equal(conditionFindings({ conditions: [condition(type, 'False', 'Because')] }).length, 0, type);
  }
});

test('what follows from another condition is not told again', () => {
  const findings = conditionFindings({
    conditions: [
      condition('Accepted', 'False', 'ListenersNotValid'),
      condition('ResolvedRefs', 'False', 'ListenersNotResolved'),
      condition('Programmed', 'False', 'Invalid'),
    ],
    listeners: [
      {
        name: 'a',
        conditions: [
          condition('Accepted', 'False', 'PortUnavailable', 'port 80 is taken'),
          condition('Programmed', 'False', 'PortUnavailable', 'port 80 is taken'),
        ],
      },
    ],
  });
  assert.deepEqual(findings.map(findingText), ['listener a: Accepted is False (PortUnavailable): port 80 is taken']);
});
