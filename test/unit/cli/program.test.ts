import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../../../src/cli/program.ts';
import { memoryTerminal } from './memory-terminal.ts';

const COMMANDS = ['run', 'validate', 'translate', 'explain', 'status', 'version'];

async function sluice(...argv: string[]): Promise<{ code: number; output: string; errors: string }> {
  const terminal = memoryTerminal();
  const code = await runProgram(argv, terminal);
  return { code, ...terminal.printed };
}

test('help names every command', async () => {
  const { code, output, errors } = await sluice('--help');
  assert.equal(code, 0);
  assert.equal(errors, '');
  for (const command of COMMANDS) assert.match(output, new RegExp(`^  ${command} `, 'm'));
});

test('the help of every command has examples and exit codes', async () => {
  for (const command of COMMANDS) {
    const { code, output } = await sluice(command, '--help');
    assert.equal(code, 0);
    assert.match(output, new RegExp(`^Examples:\n  sluice ${command}`, 'm'), command);
    assert.match(output, /^Exit codes:\n {2}0 {2}\S/m, command);
  }
});

test('version, for people and for programs', async () => {
  const { output: text } = await sluice('version');
  const { output: json } = await sluice('version', '--json');
  const { version, node } = JSON.parse(json) as { version: string; node: string };
  assert.equal(node, process.version);
  assert.equal(text, `sluice ${version} (node ${node})\n`);
  assert.deepEqual(await sluice('--version'), { code: 0, output: `${version}\n`, errors: '' });
});

test('wrong usage is one line and exit code 2', async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['runn'], /unknown command 'runn'/],
    [['version', '--jsn'], /unknown option '--jsn'/],
    [['version', 'extra'], /too many arguments/],
    [['validate'], /missing required argument 'path'/],
    [['validate', 'no-such-file.yaml'], /no-such-file\.yaml: no such file or directory/],
    [['translate', 'no-such-file.yaml'], /no-such-file\.yaml: no such file or directory/],
    [['translate', '.', '--port-offset', '70000'], /whole number from 0 to 65535/],
    [['translate', '.', '--port-offset', '-1'], /whole number/],
    [['explain', '.'], /required option '--request <line>'/],
    [['explain', '.', '--request', '/cart'], /must be like 'GET https/],
    [['explain', '.', '--request', 'http://a/', '-H', 'x'], /must be like 'name: value'/],
    [['explain', 'no-such-file.yaml', '--request', 'http://a/'], /no such file or directory/],
    [['status', 'thing'], /no kind thing/],
    [['status', '--admin', 'http://'], /--admin http:\/\/: not a URL/],
  ];
  for (const [argv, message] of cases) {
    const { code, output, errors } = await sluice(...argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(output, '', argv.join(' '));
    assert.match(errors, message);
    assert.match(errors, /^sluice: /);
    assert.equal(
      errors
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('(Did you mean')).length,
      1,
      errors,
    );
  }
});

test('no command at all is wrong usage', async () => {
  const { code, errors } = await sluice();
  assert.equal(code, 2);
  assert.match(errors, /^Usage: sluice/);
});

test('an error is a line, and all of it on demand', async () => {
  const { errors } = await sluice('validate', 'no-such-file.yaml');
  assert.doesNotMatch(errors, /\n {4}at /);
  process.env['SLUICE_DEBUG'] = '1';
  try {
    const { code, errors: all } = await sluice('validate', 'no-such-file.yaml');
    assert.equal(code, 2);
    assert.match(all, /\n {4}at /);
  } finally {
    delete process.env['SLUICE_DEBUG'];
  }
});
