// `sluice run`.
import { extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { ConfigSources } from '../config/load.ts';
import { checkPaths, MAX_PORT, parseWholeNumber } from './argument.ts';
import { CommandError, EXIT_FAILED, EXIT_USAGE, helpEnding } from './command.ts';
import { printable } from './terminal.ts';
import { readVersion } from './version.ts';

interface RunOptions {
  readonly config?: string;
  readonly manifests?: readonly string[];
  readonly provider?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespaces?: readonly string[];
  readonly binding?: string;
  readonly addressPool?: readonly string[];
  readonly admin?: string;
  readonly workers?: number | 'auto';
  readonly portOffset?: number;
  readonly demo?: boolean;
}

const MAX_WORKERS = 1_024;

/** The options that stand for a key of the configuration. */
const OPTION_KEYS = {
  manifests: { key: 'manifests', option: '--manifests' },
  provider: { key: 'provider', option: '--provider' },
  kubeconfig: { key: 'kubernetes.kubeconfig', option: '--kubeconfig' },
  context: { key: 'kubernetes.context', option: '--context' },
  namespaces: { key: 'kubernetes.namespaces', option: '--namespaces' },
  binding: { key: 'kubernetes.binding', option: '--binding' },
  addressPool: { key: 'kubernetes.addressPool', option: '--address-pool' },
  admin: { key: 'admin.address', option: '--admin' },
  workers: { key: 'workers', option: '--workers' },
  portOffset: { key: 'portOffset', option: '--port-offset' },
  demo: { key: 'demo', option: '--demo' },
} as const;

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .summary('run a gateway')
    .description(
      'Run a gateway on manifests, and follow their changes. The access log goes to standard output, everything else to standard ' +
        'error. SIGTERM and SIGINT finish the requests in flight, then end; a second one ends at once. SIGUSR1 reopens the logs; SIGUSR2 lets the program ' +
        'that is on disk take over, where there are workers.',
    )
    .option('--config <file>', 'configuration file; the other options go before it')
    .option('--manifests <path...>', 'files, and directories with everything below them')
    .option('--provider <name>', 'where the configuration comes from: file, or kubernetes for an API server')
    .option(
      '--kubeconfig <file>',
      'the kubeconfig; default: KUBECONFIG, the service account of the pod, ~/.kube/config',
    )
    .option('--context <name>', 'the context of the kubeconfig')
    .option('--namespaces <names>', 'the namespaces that are looked at, with commas; default: all', splitList)
    .option('--binding <name>', 'how Gateways get addresses: host (all of this machine), or pool')
    .option('--address-pool <ranges>', 'addresses for the binding pool: A, or A-B, with commas', splitList)
    .option('--admin <host:port>', 'where the admin API listens')
    .option('--workers <number>', 'worker processes; 0: all in one process; auto: one for each CPU', (text) =>
      text === 'auto' ? text : parseWholeNumber(text, MAX_WORKERS),
    )
    .option('--port-offset <number>', 'added to the port of each listener', (text) => parseWholeNumber(text, MAX_PORT))
    .option('--demo', 'start two small servers for the demo to route to')
    .addHelpText(
      'after',
      helpEnding({
        examples: [
          'sluice run --config config/sluice.yaml',
          'sluice run --manifests manifests/ --port-offset 8000',
          'sluice run --manifests gateway.yaml routes/ --admin 127.0.0.1:9902',
          'sluice run --provider kubernetes --address-pool 192.0.2.1-192.0.2.9',
        ],
        exitCodes: {
          0: 'ended as asked',
          1: 'could not start, or ended because of a defect; the log says which',
          2: 'wrong usage or configuration, or a path is missing',
          '130, 143': 'ended at once by a second SIGINT or SIGTERM',
        },
      }),
    )
    .action(async (options: RunOptions) => {
      const config = await readConfig(options);
      const version = readVersion();
      const { createLaunch, isLaunchAsked, launchSupervisor } = await import('../app/supervisor/launch.ts');
      if (config.workers > 0) {
        const { accessLogFields } = await import('../app/access-log-output.ts');
        accessLogFields(config.accessLog);
        launchSupervisor(createLaunch(config, version, controlEntry()));
        return;
      }
      if (isLaunchAsked()) throw new CommandError('workers is 0 now; that takes a restart of the gateway', EXIT_FAILED);
      const { runGateway } = await import('../app/run.ts');
      const { runSummary } = await import('./run-summary.ts');
      const exitCode = await runGateway({
        config,
        version,
        describe: (started) => printable(runSummary({ version, started, demo: config.demo })),
      });
      // All is finished and written; whatever may still be open must not keep the process.
      process.exit(exitCode);
    });
}

/** Run from source, the entry is source too; built, it is JavaScript. */
function controlEntry(): string {
  const source = new URL('./control-process.ts', import.meta.url);
  return fileURLToPath(source.href.replace(/\.ts$/, extname(import.meta.url)));
}

async function readConfig({ config: file, ...given }: RunOptions): Promise<Config> {
  const { loadConfig } = await import('../config/load.ts');
  const { addressPool, binding = addressPool && 'pool' } = given;
  const manifests = given.manifests?.map((path) => resolve(path));
  const options = optionValues({ ...given, binding, manifests });
  const config = loadConfig({ file, environment: process.env, options });
  checkPaths(config.manifests);
  if (config.manifests.length > 0 || config.provider === 'kubernetes') return config;
  throw new CommandError(
    'there is nothing to run: name manifests with --manifests, or in a file with --config, or an API server with --provider kubernetes',
    EXIT_USAGE,
  );
}

function splitList(text: string): string[] {
  return text.split(',').map((item) => item.trim());
}

function optionValues(given: Readonly<Record<string, unknown>>): NonNullable<ConfigSources['options']> {
  return Object.entries(OPTION_KEYS).flatMap(([name, source]) =>
    given[name] === undefined ? [] : [{ ...source, value: given[name] }],
  );
}
