// `sluice explain`.
import type { Command } from 'commander';
import { checkPaths } from './argument.ts';
import { EXIT_FAILED, EXIT_OK, helpEnding } from './command.ts';
import type { CommandContext } from './command.ts';
import { problemsNote } from './object-text.ts';
import { parseHeader, parseRequestLine } from './request-argument.ts';
import type { Header, RequestLine } from './request-argument.ts';

interface ExplainOptions {
  readonly request: RequestLine;
  readonly header: readonly Header[];
  readonly json?: boolean;
}

export function addExplainCommand(program: Command, context: CommandContext): void {
  program
    .command('explain')
    .summary('tell where a request would go, and why')
    .description(
      'Tell which listener, route, rule and backends a request would get, and why the other routes do not get it. ' +
        'The port of the URL is that of the listener in the Gateway.',
    )
    .argument('<path...>', 'files, and directories with everything below them')
    .requiredOption('--request <line>', 'METHOD and URL', parseRequestLine)
    .option('-H, --header <header>', 'a header of the request, as often as needed', parseHeader, [])
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      helpEnding({
        examples: [
          "sluice explain manifests/ --request 'GET https://shop.example.com/cart?x=1'",
          "sluice explain manifests/ --request 'POST http://localhost:8080/' -H 'host: shop.example.com' -H 'x-canary: 1'",
        ],
        exitCodes: {
          0: 'a route forwards the request, or one of its filters answers it',
          1: 'it is refused, or nothing listens for it',
          2: 'wrong usage, or a path is missing',
        },
      }),
    )
    .action(async (paths: readonly string[], { request, header, json = false }: ExplainOptions) => {
      checkPaths(paths);
      const { translateManifests } = await import('../app/manifest-translation.ts');
      const { compileForExplanation, explainRequest } = await import('../app/explanation.ts');
      const { explanationJson, explanationText, isServed } = await import('./explanation-text.ts');
      const { ir, problems } = await translateManifests(paths, 0);
      const explained = { ...request, headers: header };
      const explanation = explainRequest(ir, compileForExplanation(ir), explained);
      const { output, errors } = context.terminal;
      output.print(json ? explanationJson(explanation) : explanationText(explanation, explained, output));
      if (problems.length > 0) errors.print(problemsNote(problems.length));
      context.exitCode = isServed(explanation.outcome) ? EXIT_OK : EXIT_FAILED;
    });
}
