// `sluice validate`.
import type { Command } from 'commander';
import { checkPaths } from './argument.ts';
import { EXIT_FAILED, EXIT_OK, helpEnding } from './command.ts';
import type { CommandContext } from './command.ts';

interface ValidateOptions {
  readonly strict?: boolean;
  readonly json?: boolean;
}

export function addValidateCommand(program: Command, context: CommandContext): void {
  program
    .command('validate')
    .summary('check manifests')
    .description(
      'Check manifests: their syntax, their fields, and what a gateway on this machine would make of them together.',
    )
    .argument('<path...>', 'files, and directories with everything below them')
    .option('--strict', 'fail on warnings too')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      helpEnding({
        examples: ['sluice validate manifests/', 'sluice validate --strict --json gateway.yaml routes.yaml'],
        exitCodes: {
          0: 'no problems',
          1: 'problems, or warnings with --strict',
          2: 'wrong usage, or a path is missing',
        },
      }),
    )
    .action(async (paths: readonly string[], { strict = false, json = false }: ValidateOptions) => {
      checkPaths(paths);
      const { validateManifests, validationText } = await import('./validation.ts');
      const validation = await validateManifests(paths);
      const { output } = context.terminal;
      output.print(json ? JSON.stringify(validation, undefined, 2) : validationText(validation, output));
      const isGood = validation.problems.length === 0 && !(strict && validation.warnings.length > 0);
      context.exitCode = isGood ? EXIT_OK : EXIT_FAILED;
    });
}
