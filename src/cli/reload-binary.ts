// `sluice reload-binary`.
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { SecretText } from '../lib/secret-text.ts';
import { CommandError, EXIT_USAGE, helpEnding } from './command.ts';
import type { CommandContext } from './command.ts';

interface ReloadOptions {
  readonly admin: string;
  readonly tokenFile: string;
}

const DEFAULT_ADMIN = '127.0.0.1:9901';

export function addReloadBinaryCommand(program: Command, { terminal }: CommandContext): void {
  program
    .command('reload-binary')
    .summary('let the program that is on disk take over')
    .description(
      'Ask a running gateway with workers to start the program and read the configuration that are on disk now. The new processes ' +
        'take the listening sockets over when they serve; no request is lost. Should they not come so far, the old ones go on.',
    )
    .addOption(
      new Option('--admin <url>', 'where the admin API of the gateway is')
        .default(DEFAULT_ADMIN)
        .env('SLUICE_ADMIN_ADDRESS'),
    )
    .addOption(
      new Option('--token-file <file>', 'file with the token of the admin API')
        .env('SLUICE_ADMIN_TOKEN_FILE')
        .makeOptionMandatory(),
    )
    .addHelpText(
      'after',
      helpEnding({
        examples: ['sluice reload-binary --token-file /etc/sluice/token'],
        exitCodes: {
          0: 'it has begun; the log tells the rest',
          1: 'the gateway refuses, or does not answer',
          2: 'wrong usage',
        },
      }),
    )
    .action(async ({ admin, tokenFile }: ReloadOptions) => {
      const { AdminClient } = await import('./admin-client.ts');
      await new AdminClient(admin).post('/reload-binary', readToken(tokenFile));
      terminal.output.print('The program that is on disk starts; the log of the gateway tells when it has taken over.');
    });
}

function readToken(file: string): SecretText {
  try {
    return new SecretText(readFileSync(file, 'utf8').trim());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(`${file} can't be read (${code ?? 'unknown error'})`, EXIT_USAGE, { cause: error });
  }
}
