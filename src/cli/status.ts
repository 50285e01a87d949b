// `sluice status`.
import { Option } from 'commander';
import type { Command } from 'commander';
import type { ProblemView, Readiness } from '../admin/admin-source.ts';
import type { AdminClient } from './admin-client.ts';
import { CommandError, EXIT_FAILED, EXIT_USAGE, helpEnding } from './command.ts';
import type { CommandContext } from './command.ts';
import type { GatewayState, ObjectStatusView } from './status-text.ts';

interface StatusOptions {
  readonly admin: string;
  readonly namespace?: string;
  readonly json?: boolean;
}

const DEFAULT_ADMIN = '127.0.0.1:9901';
/** Tells sluice run where to listen. */
const ADMIN_VARIABLE = 'SLUICE_ADMIN_ADDRESS';

export function addStatusCommand(program: Command, { terminal }: CommandContext): void {
  program
    .command('status')
    .summary('show what a running gateway serves')
    .description(
      'Show the objects that a running gateway serves, their conditions, and what is wrong with the manifests.',
    )
    .argument('[kind]', 'only objects of this kind, such as httproute')
    .argument('[name]', 'only the object of this name')
    .addOption(
      new Option('--admin <url>', 'where the admin API of the gateway is').default(DEFAULT_ADMIN).env(ADMIN_VARIABLE),
    )
    .option('-n, --namespace <namespace>', 'only objects in this namespace')
    .option('--json', 'print JSON, with the whole statuses')
    .addHelpText(
      'after',
      helpEnding({
        examples: [
          'sluice status',
          'sluice status httproute cart -n shop',
          'sluice status --admin http://10.0.0.5:9901 --json',
        ],
        exitCodes: { 0: 'shown', 1: 'no answer from the gateway, or no such object', 2: 'wrong usage' },
      }),
    )
    .action(async (kind: string | undefined, name: string | undefined, options: StatusOptions) => {
      const { admin, namespace, json = false } = options;
      const filter = { kind: kind === undefined ? undefined : await kindOf(kind), namespace, name };
      const { AdminClient } = await import('./admin-client.ts');
      const { stateText } = await import('./status-text.ts');
      const state = await askGateway(new AdminClient(admin), filter);
      const { output } = terminal;
      if (name !== undefined && state.items.length === 0) {
        throw new CommandError(
          `there is no status for ${[filter.kind, namespace, name].filter(Boolean).join(' ')}`,
          EXIT_FAILED,
        );
      }
      output.print(json ? JSON.stringify(state, undefined, 2) : stateText(state, output));
    });
}

type Filter = Readonly<Record<'kind' | 'namespace' | 'name', string | undefined>>;

async function askGateway(client: AdminClient, filter: Filter): Promise<GatewayState> {
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const [readiness, statuses, problems] = await Promise.all([
    client.get('/readyz', {}, [200, 503]) as Promise<Readiness>,
    client.get('/status', filter) as Promise<{ readonly items: readonly ObjectStatusView[] }>,
    isFiltered ? undefined : (client.get('/problems') as Promise<{ readonly items: readonly ProblemView[] }>),
  ]);
  return { readiness, items: statuses.items, ...(problems === undefined ? {} : { problems: problems.items }) };
}

/** Takes what kubectl takes: the kind or its plural, in any case. */
async function kindOf(text: string): Promise<string> {
  const { KINDS } = await import('../api/kinds.ts');
  const wanted = text.toLowerCase();
  const found = KINDS.find(({ kind, plural: plurals }) => kind.toLowerCase() === wanted || plurals === wanted);
  if (found === undefined) throw new CommandError(`Sluice has no kind ${text}`, EXIT_USAGE);
  return found.kind;
}
