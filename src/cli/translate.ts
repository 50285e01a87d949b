// `sluice translate`.
import type { Command } from 'commander';
import { checkPaths, parsePortOffset } from './argument.ts';
import { EXIT_FAILED, EXIT_OK, helpEnding } from './command.ts';
import type { CommandContext } from './command.ts';
import { problemsNote } from './object-text.ts';

interface TranslateOptions {
  readonly portOffset: number;
  readonly json?: boolean;
}

export function addTranslateCommand(program: Command, context: CommandContext): void {
  program
    .command('translate')
    .summary('print what manifests become')
    .description('Print what manifests become: the intermediate representation that is served, and the statuses.')
    .argument('<path...>', 'files, and directories with everything below them')
    .option('--port-offset <number>', 'added to the port of each listener', parsePortOffset, 0)
    .option('--json', 'print JSON instead of YAML')
    .addHelpText(
      'after',
      helpEnding({
        examples: ['sluice translate manifests/', "sluice translate --json manifests/ | jq '.ir | keys'"],
        exitCodes: {
          0: 'translated',
          1: 'some objects have problems; the others are translated',
          2: 'wrong usage, or a path is missing',
        },
      }),
    )
    .action(async (paths: readonly string[], { portOffset, json = false }: TranslateOptions) => {
      checkPaths(paths);
      const { translateManifests } = await import('../app/manifest-translation.ts');
      const { translationJson, translationYaml } = await import('./translation-text.ts');
      const { problems, ...translation } = await translateManifests(paths, portOffset);
      const { output, errors } = context.terminal;
      output.print(json ? translationJson(translation) : translationYaml(translation).trimEnd());
      if (problems.length > 0) errors.print(problemsNote(problems.length));
      context.exitCode = problems.length > 0 ? EXIT_FAILED : EXIT_OK;
    });
}
