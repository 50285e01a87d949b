// Starts Sluice as a user does: the command and V8 flags of `npm start`, on other manifests. Its access log goes to the output file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeasuredProcess } from './measured-process.ts';
import { ROOT } from './workspace.ts';

export interface SluiceOptions {
  readonly manifests: string;
  readonly adminPort: number;
  readonly outputPath: string;
  /** Default: the shipped one. */
  readonly workers?: number;
  /** Gets a CPU profile of the process when it ends. */
  readonly profileDirectory?: string | undefined;
}

/** Nobody waits for the end of a benchmark. */
const NO_DRAIN = { SLUICE_DRAIN_DELAY: '0s', SLUICE_DRAIN_GRACE: '0s' };

export function startSluice(options: SluiceOptions): MeasuredProcess {
  const { manifests, adminPort, outputPath, workers, profileDirectory } = options;
  const profile = profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  const run = ['run', '--manifests', manifests, '--admin', `127.0.0.1:${adminPort}`];
  const processes = workers === undefined ? [] : ['--workers', String(workers)];
  const args = [...shippedFlags(), ...profile, join(ROOT, 'bin/sluice.js'), ...run, ...processes];
  return new MeasuredProcess({
    name: 'sluice',
    command: process.execPath,
    args,
    environment: NO_DRAIN,
    outputPath,
  });
}

function shippedFlags(): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const flags = /node ((?:--\S+ )*)bin\/sluice\.js/.exec(manifest.scripts.start)?.[1];
  if (flags === undefined) throw new Error('package.json: the start script does not run bin/sluice.js');
  return flags.split(' ').filter(Boolean);
}
