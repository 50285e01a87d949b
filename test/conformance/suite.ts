// Runs the released suite: which features and addresses it is told, and the report that it writes.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TESTED_FEATURES } from './features.ts';
import type { RunOptions } from './options.ts';
import { PROGRAMS, SUITE_VERSION } from './programs.ts';
import type { Provenance } from './provenance.ts';
import { SuiteOutput } from './suite-output.ts';
import type { TestResult } from './suite-output.ts';

export const GATEWAY_CLASS = 'gateway-conformance';
const PROFILES = ['GATEWAY-HTTP', 'GATEWAY-TLS', 'GATEWAY-GRPC', 'GATEWAY-TCP', 'GATEWAY-UDP'];
/** The pool's last address: pools are given out from the other end. */
const USABLE_ADDRESS = '127.20.0.240';
/** Reserved for documentation, nobody's. */
const UNUSABLE_ADDRESS = '203.0.113.1';
const PARALLEL_TESTS = 8;
/** One test waits for ever when the gateway accepts a WebSocket's connection and is silent. */
const TIMEOUT = '60m';

/** Who a report is of. */
export interface Implementation {
  readonly organization: string;
  readonly project: string;
  readonly url: string;
  readonly version: string;
  readonly contact: string;
}

export interface SuiteRun {
  readonly options: RunOptions;
  readonly kubeconfig: string;
  /** Of the run: for the log, and the report until it is complete. */
  readonly folder: string;
  readonly implementation: Implementation;
  readonly onResult: (result: TestResult) => void;
  /** When to give up. */
  readonly signal: AbortSignal;
}

export interface SuiteEnd {
  readonly results: readonly TestResult[];
  readonly exitCode: number;
  /** What it said outside of tests. */
  readonly outside: readonly string[];
}

export async function runSuite(run: SuiteRun): Promise<SuiteEnd> {
  const { options, kubeconfig, folder, implementation, onResult, signal } = run;
  const output = new SuiteOutput(onResult);
  const log = createWriteStream(join(folder, 'suite.log'));
  const child = spawn(PROGRAMS.suite, suiteArguments(options, implementation, reportPath(folder)), {
    cwd: folder,
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      log.write(`${line}\n`);
      output.write(line);
    });
  }
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve(code ?? 1));
  });
  output.finish();
  log.end();
  return { results: output.results, exitCode, outside: output.outside };
}

/** What the suite is told; exported for tests. */
export function suiteArguments(options: RunOptions, implementation: Implementation, reportFile: string): string[] {
  const { tests, skip, timeouts, report } = options;
  // Anchored: the package has tests of itself with longer names. The tests of a conformance run are its subtests.
  const selected = tests.length === 0 ? '' : `/^(${tests.join('|')})$`;
  const always = [
    `-test.run=^TestConformance$${selected}`,
    '-test.v=test2json',
    `-test.timeout=${TIMEOUT}`,
    `-test.parallel=${PARALLEL_TESTS}`,
    `--gateway-class=${GATEWAY_CLASS}`,
    `--conformance-profiles=${PROFILES.join(',')}`,
    `--usable-address=${USABLE_ADDRESS}`,
    `--unusable-address=${UNUSABLE_ADDRESS}`,
  ];
  if (report !== undefined) {
    // The features are those that the GatewayClass claims.
    return [
      ...always,
      `--report-output=${reportFile}`,
      ...Object.entries(implementation).map(([name, value]) => `--${name}=${value}`),
    ];
  }
  return [
    ...always,
    `--supported-features=${TESTED_FEATURES.join(',')}`,
    // Every start has a new cluster.
    '--cleanup-base-resources=false',
    ...(skip.length > 0 ? [`--skip-tests=${skip.join(',')}`] : []),
    ...(timeouts === undefined ? [] : [`--timeout-config-overrides=${timeouts}`]),
  ];
}

/** Copies the suite's report into the folder, headed by how it was obtained; gives its path. */
export function publishReport(runFolder: string, target: string, provenance: Provenance): string {
  const { modules, images, files } = provenance;
  const heading = [
    'Obtained with `npm run conformance -- --report FOLDER`: all tests of the five profiles, the released suite, no',
    'test skipped and no timeout changed.',
    ...Object.entries(modules).map(([module, checksum]) => `${module} ${checksum}`),
    `SHA-256 of the suite: ${files['conformance.test']}`,
    images.used === images.wanted
      ? `Echo images: ${images.used}, as the suite's go.mod names them.`
      : `Echo images: ${images.used}, NOT ${images.wanted} as the suite's go.mod names them; they could not be had.`,
  ];
  mkdirSync(target, { recursive: true });
  const path = join(target, `${SUITE_VERSION}-report.yaml`);
  const comment = heading.map((line) => `# ${line}\n`).join('');
  writeFileSync(path, comment + readFileSync(reportPath(runFolder), 'utf8'));
  return path;
}

function reportPath(folder: string): string {
  return join(folder, 'report.yaml');
}
