// The command line: its commands, and what their failures become. Commands load what they need when they run, so that help and version
// come at once.
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/config.ts';
import { CommandError, EXIT_FAILED, EXIT_OK, EXIT_USAGE, helpEnding } from './command.ts';
import type { CommandContext } from './command.ts';
import { addExplainCommand } from './explain.ts';
import { addReloadBinaryCommand } from './reload-binary.ts';
import { addRunCommand } from './run.ts';
import { addStatusCommand } from './status.ts';
import { processTerminal } from './terminal.ts';
import type { Terminal } from './terminal.ts';
import { addTranslateCommand } from './translate.ts';
import { addValidateCommand } from './validate.ts';
import { addVersionCommand, readVersion } from './version.ts';

type AddCommand = (program: Command, context: CommandContext) => void;

/** In the order of the help. */
const COMMANDS: readonly AddCommand[] = [
  addRunCommand,
  addValidateCommand,
  addTranslateCommand,
  addExplainCommand,
  addStatusCommand,
  addReloadBinaryCommand,
  addVersionCommand,
];

const HELP_ENDING = helpEnding({
  examples: ['sluice run --manifests manifests/', 'sluice validate manifests/', 'sluice explain --help'],
  exitCodes: {
    0: 'done, and what was looked at is good',
    1: 'something failed, or what was looked at is not good',
    2: 'the command line is wrong: an unknown option, a missing file',
  },
});

/** Returns the exit code. */
export async function runProgram(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const context: CommandContext = { terminal, exitCode: EXIT_OK };
  const { output, errors } = terminal;
  const program = new Command('sluice')
    .description('An ingress and egress gateway that applies Gateway API resources.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'explain a command')
    .addHelpText('after', HELP_ENDING)
    .configureOutput({
      writeOut: (text) => output.print(text.trimEnd()),
      writeErr: (text) => errors.print(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'sluice: ')),
    })
    .exitOverride();
  for (const addCommand of COMMANDS) addCommand(program, context);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    // Commander has printed its own.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    errors.print(`sluice: ${errorText(error)}`);
    if (error instanceof CommandError) return error.exitCode;
    return error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED;
  }
}

/** The whole story for those who ask for it. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return process.env['SLUICE_DEBUG'] === undefined ? error.message : (error.stack ?? error.message);
}
