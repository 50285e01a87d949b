// The command line of a run. A report is only written for the whole suite, as it was released: what leaves out tests or shortens their
// patience excludes it.
import { parseArgs } from 'node:util';

export interface RunOptions {
  /** Leaves everything up after the suite. */
  readonly keep: boolean;
  readonly skipGateway: boolean;
  /** Names of tests; all, when there is none. */
  readonly tests: readonly string[];
  /** Names of tests to leave out. */
  readonly skip: readonly string[];
  /** "Name:seconds;…", as the suite takes them. */
  readonly timeouts: string | undefined;
  /** Folder for the report. */
  readonly report: string | undefined;
  /** Folder of the manifests that give the gateway its rights. */
  readonly deploy: string;
  /** Command line; `{kubeconfig}` and `{node}` are replaced. */
  readonly gateway: string;
}

export const USAGE = `npm run conformance -- [options]

Builds what is missing, starts a cluster in namespaces of its own, starts the gateway in it, and runs the conformance suite of Gateway API.

  --run NAME           only this test; may be given several times
  --report FOLDER      write the report there; the whole suite, unaltered
  --keep               leave everything up at the end, until Ctrl-C
  --skip-gateway       no gateway; without --run, no suite either
  --gateway COMMAND    how the gateway is started; {kubeconfig} and {node} are replaced
  --deploy FOLDER      manifests whose ServiceAccount and RBAC the gateway gets (deploy/kustomize/base)
  --skip NAME          leave this test out; may be given several times
  --timeouts LIST      "Name:seconds;…", the suite's timeout-config-overrides
  --help
`;

export class UsageError extends Error {
  readonly code = 'USAGE';
}

const DEFAULT_GATEWAY =
  '{node} bin/sluice.js run --provider kubernetes --kubeconfig {kubeconfig} --address-pool 127.20.0.1-127.20.0.240';
const DEFAULT_DEPLOY = 'deploy/kustomize/base';

/** Undefined when help is asked for. @throws UsageError */
export function parseOptions(argv: readonly string[]): RunOptions | undefined {
  const values = parseValues(argv);
  if (values.help === true) return undefined;
  const options: RunOptions = {
    keep: values.keep ?? false,
    skipGateway: values['skip-gateway'] ?? false,
    tests: values.run ?? [],
    skip: values.skip ?? [],
    timeouts: values.timeouts,
    report: values.report,
    deploy: values.deploy ?? DEFAULT_DEPLOY,
    gateway: values.gateway ?? DEFAULT_GATEWAY,
  };
  if (options.report !== undefined) refuseWithReport(options);
  return options;
}

/** The words of the gateway's command. */
export function gatewayCommand(template: string, replacements: Readonly<Record<string, string>>): string[] {
  return template
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => word.replaceAll(/\{(\w+)\}/g, (whole, name: string) => replacements[name] ?? whole));
}

function parseValues(argv: readonly string[]): ReturnType<typeof parse>['values'] {
  try {
    return parse(argv).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      keep: { type: 'boolean' },
      'skip-gateway': { type: 'boolean' },
      run: { type: 'string', multiple: true },
      skip: { type: 'string', multiple: true },
      timeouts: { type: 'string' },
      report: { type: 'string' },
      deploy: { type: 'string' },
      gateway: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
}

function refuseWithReport({ tests, skip, timeouts, skipGateway }: RunOptions): void {
  const refused = Object.entries({
    '--run': tests.length > 0,
    '--skip': skip.length > 0,
    '--timeouts': timeouts !== undefined,
    '--skip-gateway': skipGateway,
  })
    .filter(([, given]) => given)
    .map(([name]) => name);
  if (refused.length > 0) throw new UsageError(`a report is of the whole suite: no ${refused.join(', no ')}`);
}
