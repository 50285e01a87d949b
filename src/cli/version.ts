// `sluice version`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { helpEnding } from './command.ts';
import type { CommandContext } from './command.ts';

export function addVersionCommand(program: Command, { terminal }: CommandContext): void {
  program
    .command('version')
    .summary('print the versions of Sluice and of Node')
    .description('Print the versions of Sluice and of Node.')
    .option('--json', 'print JSON')
    .addHelpText('after', helpEnding({ examples: ['sluice version --json'], exitCodes: { 0: 'always' } }))
    .action(({ json }: { readonly json?: boolean }) => {
      const version = readVersion();
      const node = process.version;
      terminal.output.print(json ? JSON.stringify({ version, node }) : `sluice ${version} (node ${node})`);
    });
}

/** Of the package, which lies two levels above this file in a checkout as in a published package. */
export function readVersion(): string {
  const manifest = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
