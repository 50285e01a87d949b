import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RetryBudget } from '../../../../src/dataplane/cluster/retry-budget.ts';
import { ReplayBudget } from '../../../../src/dataplane/forward/request-body.ts';
import { backoffMs, judgeError, judgeStatus } from '../../../../src/dataplane/forward/retry.ts';
import { ProxyError } from '../../../../src/dataplane/proxy-error.ts';
import type { ProxyErrorCode } from '../../../../src/dataplane/proxy-error.ts';

const POLICY = { attempts: 2, codes: [500, 503], backoffMs: 100 };
const OFF = { attempts: 0, codes: [503], backoffMs: 100 };

function failure(code: ProxyErrorCode, retryable = false): ProxyError {
  return new ProxyError(code, 'upstream', code, retryable);
}

describe('a failed try', () => {
  for (const [code, retryable, method, policy, verdict] of [
    ['upstream_connect_failed', true, 'POST', undefined, 'elsewhere'],
    ['upstream_connect_timeout', true, 'POST', POLICY, 'elsewhere'],
    ['upstream_connect_failed', true, 'GET', OFF, 'no'],
    ['upstream_reset', true, 'GET', undefined, 'fresh'],
    ['upstream_reset', true, 'POST', undefined, 'no'],
    ['upstream_reset', true, 'POST', POLICY, 'no'],
    ['upstream_reset', false, 'GET', undefined, 'no'],
    ['upstream_reset', false, 'PUT', POLICY, 'budgeted'],
    ['upstream_timeout', false, 'GET', undefined, 'no'],
    ['upstream_timeout', false, 'DELETE', POLICY, 'budgeted'],
    ['upstream_timeout', false, 'PATCH', POLICY, 'no'],
    ['upstream_protocol_error', false, 'GET', POLICY, 'no'],
    ['upstream_overflow', false, 'GET', POLICY, 'no'],
    ['route_timeout', false, 'GET', POLICY, 'no'],
  ] as const) {
    const how = policy === undefined ? 'without a policy' : `${policy.attempts} attempts`;
    test(`${method}, ${code}${retryable ? ', unseen' : ''}, ${how}: ${verdict}`, () => {
      assert.equal(judgeError(policy, method, 1, failure(code, retryable)), verdict);
    });
  }

  test('is the last one after all attempts', () => {
    assert.equal(judgeError(POLICY, 'GET', 2, failure('upstream_reset')), 'budgeted');
    assert.equal(judgeError(POLICY, 'GET', 3, failure('upstream_reset')), 'no');
    assert.equal(judgeError(undefined, 'GET', 2, failure('upstream_connect_failed', true)), 'no');
  });
});

test('a status is tried again where the policy names it and the method allows it', () => {
  assert.equal(judgeStatus(POLICY, 'GET', 1, 503), 'budgeted');
  assert.equal(judgeStatus(POLICY, 'GET', 1, 502), 'no');
  assert.equal(judgeStatus(POLICY, 'POST', 1, 503), 'no');
  assert.equal(judgeStatus(POLICY, 'GET', 3, 503), 'no');
  assert.equal(judgeStatus(OFF, 'GET', 1, 503), 'no');
  assert.equal(judgeStatus(undefined, 'GET', 1, 503), 'no');
});

test('the waiting time doubles, is half left to chance, and has an end', () => {
  const range = (tries: number): [number, number] => [backoffMs(POLICY, tries, 0), backoffMs(POLICY, tries, 1)];
  assert.deepEqual(
    [range(1), range(2), range(3)],
    [
      [50, 100],
      [100, 200],
      [200, 400],
    ],
  );
  assert.deepEqual(range(30), [5_000, 10_000]);
  assert.equal(backoffMs(undefined, 1, 1), 0);
  assert.equal(backoffMs({ ...POLICY, backoffMs: 0 }, 1, 1), 0);
});

describe('RetryBudget', () => {
  test('allows a fifth of the requests, and always three', () => {
    const budget = new RetryBudget();
    const grant = (): number => {
      let granted = 0;
      while (budget.takeRetry()) granted++;
      return granted;
    };
    budget.begin();
    assert.equal(grant(), 3);
    for (let i = 1; i < 50; i++) budget.begin();
    assert.equal(grant(), 7);
    budget.end(4);
    assert.equal(grant(), 4, '49 requests: 9.8');
  });

  test('gets back what it granted', () => {
    const budget = new RetryBudget();
    for (let i = 0; i < 100; i++) {
      budget.begin();
      assert.ok(budget.takeRetry());
      assert.ok(budget.takeRetry());
      budget.end(2);
    }
  });
});

test('ReplayBudget never holds more than its bound', () => {
  const budget = new ReplayBudget(100);
  assert.ok(budget.take(60));
  assert.ok(!budget.take(41));
  assert.ok(budget.take(40));
  budget.giveBack(60);
  assert.ok(budget.take(60));
  assert.ok(!budget.take(1));
});
