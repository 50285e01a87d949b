// `npm run conformance`: builds what is missing, then has everything else happen in namespaces of its own. Leaves nothing behind but the run's
// folder with its logs, and that only after a failure.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildMissing } from './build.ts';
import type { IsolatedRun } from './isolated-run.ts';
import { runIsolated } from './isolation.ts';
import { parseOptions, USAGE, UsageError } from './options.ts';
import type { RunOptions } from './options.ts';

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else process.exitCode = await run(options);
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : (error as Error).message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function run(options: RunOptions): Promise<number> {
  await buildMissing();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-conformance-'));
  const inside: IsolatedRun = { options, folder, starter: process.pid };
  const isolated = runIsolated([
    process.execPath,
    join(import.meta.dirname, 'isolated-run.ts'),
    JSON.stringify(inside),
  ]);
  isolated.writeEnterScript(join(folder, 'enter'));
  let interrupted = false;
  const interrupt = (): void => {
    interrupted = true;
    isolated.process.kill('SIGKILL');
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const exitCode = await new Promise<number>((resolve, reject) => {
    isolated.process.once('error', reject).once('exit', (code) => resolve(code ?? 1));
  });
  if (exitCode !== 0 && !interrupted) {
    console.log(`logs: ${folder}`);
    return exitCode;
  }
  // The last of what was killed may still be writing.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  return interrupted ? 130 : 0;
}
