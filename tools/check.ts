// `npm run check`: format, lint with types, types, architecture. All at once; one line each, and the whole output of what failed.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHECKS: readonly Check[] = [
  { name: 'format', command: [binary('oxfmt'), '--check'] },
  { name: 'lint', command: [binary('oxlint'), '--type-aware', '--deny-warnings'] },
  { name: 'types', command: [binary('tsc'), '-p', 'tsconfig.json'] },
  { name: 'architecture', command: [process.execPath, '--test', '--test-reporter=dot', 'test/architecture.test.ts'] },
];

const passed = await Promise.all(CHECKS.map(run));
process.exitCode = passed.every(Boolean) ? 0 : 1;

async function run({ name, command }: Check): Promise<boolean> {
  const startedAt = performance.now();
  const [file = '', ...args] = command;
  const child = spawn(file, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? '✔' : '✖'} ${name} (${seconds} s)`);
  if (code !== 0) console.log(output);
  return code === 0;
}

function binary(name: string): string {
  return join(ROOT, 'node_modules/.bin', name);
}
