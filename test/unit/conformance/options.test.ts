import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gatewayCommand, parseOptions, UsageError } from '../../conformance/options.ts';

suite('options of a conformance run', () => {
  test('without arguments: everything, with the gateway of the repository', () => {
    const options = parseOptions([]);
    assert.deepEqual(options?.tests, []);
    assert.equal(options?.skipGateway, false);
    assert.equal(options?.report, undefined);
    assert.match(options?.gateway ?? '', /--provider kubernetes --kubeconfig \{kubeconfig\}/);
  });

  test('several tests, and what is left out', () => {
    const options = parseOptions(['--run', 'A', '--run', 'B', '--skip', 'C', '--keep']);
    assert.deepEqual(options?.tests, ['A', 'B']);
    assert.deepEqual(options?.skip, ['C']);
    assert.equal(options?.keep, true);
  });

  test('help is no run', () => {
    assert.equal(parseOptions(['--help', '--keep']), undefined);
  });

  test('what is unknown is refused', () => {
    assert.throws(() => parseOptions(['--fast']), UsageError);
    assert.throws(() => parseOptions(['HTTPRouteMatching']), UsageError);
    assert.throws(() => parseOptions(['--run']), UsageError);
  });

  test('a report excludes whatever makes the suite another one', () => {
    assert.equal(parseOptions(['--report', 'docs/conformance'])?.report, 'docs/conformance');
    const excluded = [['--run', 'A'], ['--skip', 'A'], ['--timeouts', 'GetTimeout:1'], ['--skip-gateway']];
    for (const others of excluded) {
      assert.throws(() => parseOptions(['--report', 'folder', ...others]), {
        name: 'Error',
        message: `a report is of the whole suite: no ${others[0]}`,
      });
    }
  });
});

test('the words of a gateway command, with what it is told', () => {
  const words = gatewayCommand('{node}  main.ts --kubeconfig {kubeconfig} --class={unknown}', {
    node: '/a b/node',
    kubeconfig: '/tmp/k',
  });
  assert.deepEqual(words, ['/a b/node', 'main.ts', '--kubeconfig', '/tmp/k', '--class={unknown}']);
});
