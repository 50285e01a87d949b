import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { everythingPassed, SuiteOutput, summarize } from '../../conformance/suite-output.ts';
import type { TestResult } from '../../conformance/suite-output.ts';

suite('output of the conformance suite', () => {
  test('one result for each conformance test, as it ends', () => {
    const seen: string[] = [];
    const output = new SuiteOutput(({ name }) => seen.push(name));
    write(output, '\u0016=== RUN   TestConformance', '\u0016=== RUN   TestConformance/A');
    write(output, '\u0016--- PASS: TestConformance/A (0.18s)');
    assert.deepEqual(seen, ['A']);
    assert.deepEqual(output.results, [{ name: 'A', outcome: 'passed', seconds: 0.18, details: [] }]);
  });

  test('a failure names its steps, then what the assertion says and the log before it', () => {
    const { results } = read(
      '\u0016=== RUN   TestConformance/A',
      '    apply.go:289: 2026-01-02T03:04:05.678Z: Creating A',
      '\u0016=== RUN   TestConformance/A/one',
      '    http.go:3: 2026-01-02T03:04:05.678Z: got 404 (after 1.5s)',
      '    http.go:3: 2026-01-02T03:04:06.678Z: got 404 (after 2m2.5s)',
      '\u0016=== RUN   TestConformance/A/two',
      '\u000E    helpers.go:57: ',
      '        \tError Trace:\thelpers.go:57',
      '        \tMessages:   \tnot as expected\u000F',
      '    apply.go:295: 2026-01-02T03:04:07.678Z: Deleting A',
      '\u0016--- PASS: TestConformance/A/one (0.10s)',
      '\u0016--- FAIL: TestConformance/A/two (0.20s)',
      '\u0016--- FAIL: TestConformance/A (0.30s)',
    );
    assert.deepEqual(results[0]?.details, [
      'step two',
      '    apply.go:289: Creating A',
      '    http.go:3: got 404',
      '    helpers.go:57:',
      '        \tError Trace:\thelpers.go:57',
      '        \tMessages:   \tnot as expected',
    ]);
    assert.equal(results[0]?.outcome, 'failed');
  });

  test('lines of parallel tests go to the test that is named', () => {
    const { results } = read(
      '=== RUN   TestConformance/A',
      '=== PAUSE TestConformance/A',
      '=== RUN   TestConformance/B',
      '=== PAUSE TestConformance/B',
      '=== CONT  TestConformance/A',
      '    a.go:1: of A',
      '=== NAME  TestConformance/B',
      '    b.go:1: of B',
      '=== NAME  TestConformance/A/step',
      '    a.go:2: of A too',
      '--- FAIL: TestConformance/B (0.10s)',
      '--- FAIL: TestConformance/A (0.10s)',
    );
    assert.deepEqual(
      results.map(({ details }) => details),
      [['    b.go:1: of B'], ['    a.go:1: of A', '    a.go:2: of A too']],
    );
  });

  test('what is said after a result is no test that runs', () => {
    const { results } = read(
      '=== RUN   TestConformance/A',
      '--- PASS: TestConformance/A (0.10s)',
      'words',
      '=== NAME  TestConformance/A',
      'more words',
      '=== NAME  ',
    );
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['passed'],
    );
  });

  test('tests for meshes are none of ours; other skipped tests are', () => {
    const { results } = read(
      '=== RUN   TestConformance/MeshBasic',
      '    conformance.go:56: Skipping MeshBasic: suite does not support Mesh',
      '--- SKIP: TestConformance/MeshBasic (0.00s)',
      '=== RUN   TestConformance/B',
      '    conformance.go:56: Skipping B: suite does not support HTTPRouteRetryCodes',
      '--- SKIP: TestConformance/B (0.00s)',
    );
    assert.deepEqual(
      results.map(({ name, outcome }) => [name, outcome]),
      [['B', 'skipped']],
    );
    assert.match(results[0]?.details[0] ?? '', /does not support HTTPRouteRetryCodes/);
  });

  test('a test without a result did not pass', () => {
    const { results } = read(
      '=== RUN   TestConformance/A',
      '    http.go:1: waiting',
      'panic: test timed out after 60m',
    );
    assert.deepEqual(results, [
      {
        name: 'A',
        outcome: 'unfinished',
        seconds: 0,
        details: ['    http.go:1: waiting', 'panic: test timed out after 60m'],
      },
    ]);
  });

  test('what fails outside of tests is kept', () => {
    const { results, outside } = read(
      '=== RUN   TestConformance',
      '    suite.go:1: applying base manifests',
      '        \tError Trace:\tsuite.go:442',
      '        \tError:      \tcontext deadline exceeded',
      '--- FAIL: TestConformance (300.00s)',
      'FAIL',
    );
    assert.deepEqual(results, []);
    assert.ok(outside.some((line) => line.includes('context deadline exceeded')));
  });

  test('a test that prints without end is bounded, and so are its lines', () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `    a.go:1: ${index} ${'x'.repeat(10_000)}`);
    const { results } = read('=== RUN   TestConformance/A', ...lines, '--- FAIL: TestConformance/A (1.00s)');
    const { details = [] } = results[0] ?? {};
    assert.ok(details.length <= 12, String(details.length));
    assert.ok(details.every((line) => line.length < 500));
  });
});

suite('the end of a run', () => {
  const passed: TestResult = { name: 'A', outcome: 'passed', seconds: 1, details: [] };

  test('passes only when every test passed, and there was one', () => {
    assert.equal(everythingPassed([passed]), true);
    assert.equal(everythingPassed([]), false);
    for (const outcome of ['failed', 'skipped', 'unfinished'] as const) {
      assert.equal(everythingPassed([passed, { ...passed, outcome }]), false, outcome);
    }
  });

  test('shows those that did not pass, then counts', () => {
    const failed: TestResult = { name: 'B', outcome: 'failed', seconds: 2, details: ['step one'] };
    const skipped: TestResult = { name: 'C', outcome: 'skipped', seconds: 0, details: [] };
    assert.equal(
      summarize([passed, failed, skipped], 61.4),
      'failed: B\n  step one\nskipped: C\n3 tests: 1 passed, 1 failed, 1 skipped in 61 s',
    );
  });
});

function read(...lines: string[]): SuiteOutput {
  const output = new SuiteOutput(() => undefined);
  write(output, ...lines);
  output.finish();
  return output;
}

function write(output: SuiteOutput, ...lines: string[]): void {
  for (const line of lines) output.write(line);
}
