// Starts Sluice as a user does: the command and V8 flags of `npm start`, on other manifests. Its access log goes to the output file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeasuredProcess } from './measured-process.ts';
import { ROOT } from './workspace.ts';

export interface SluiceOptions {
  readonly manifests: string;
  readonly adminPort: number;
  readonly outputPath: string;
}

export function startSluice({ manifests, adminPort, outputPath }: SluiceOptions): MeasuredProcess {
  const run = ['run', '--manifests', manifests, '--admin', `127.0.0.1:${adminPort}`];
  const args = [...shippedFlags(), join(ROOT, 'bin/sluice.js'), ...run];
  return new MeasuredProcess({ name: 'sluice', command: process.execPath, args, outputPath });
}

function shippedFlags(): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const flags = /node ((?:--\S+ )*)bin\/sluice\.js/.exec(manifest.scripts.start)?.[1];
  if (flags === undefined) throw new Error('package.json: the start script does not run bin/sluice.js');
  return flags.split(' ').filter(Boolean);
}
