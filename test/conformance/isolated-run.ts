// The inside of a run, first process of its namespaces: cluster, gateway, suite, report. Its exit ends everything that it started.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { auditLog } from './audit-log.ts';
import { checkAuthorship } from './authorship.ts';
import type { ChildProgram } from './child-program.ts';
import { hasManifests, installGateway, startGateway } from './gateway.ts';
import type { RunOptions } from './options.ts';
import { SUITE_FOLDER } from './programs.ts';
import { verifyProvenance } from './provenance.ts';
import { ROOT, startRig } from './rig.ts';
import { everythingPassed, summarize } from './suite-output.ts';
import type { TestResult } from './suite-output.ts';
import { publishReport, runSuite } from './suite.ts';
import type { Implementation } from './suite.ts';

export interface IsolatedRun {
  readonly options: RunOptions;
  readonly folder: string;
  /** The process that started it, as the world outside numbers it. */
  readonly starter: number;
}

/** The API server writes its log a moment later. */
const AUDIT_FLUSH_MS = 2_000;
const startedAt = performance.now();
const { options, folder, starter } = JSON.parse(process.argv[2] ?? '') as IsolatedRun;
// Who started this has ended, or wants it to end.
process.stdin.resume().once('end', () => process.exit(143));
try {
  process.exit(await run());
} catch (error) {
  report(`failed: ${(error as Error).stack ?? String(error)}`);
  process.exit(1);
}

async function run(): Promise<number> {
  const provenance = verifyProvenance(SUITE_FOLDER);
  if (options.report !== undefined && !hasManifests(options.deploy)) {
    throw new Error(`a report is of a gateway with the rights that it ships with: no ${options.deploy}`);
  }
  const cluster = await startRig(folder, report);
  const { kubeconfig, user } = await installGateway(cluster, options.deploy);
  if (!hasManifests(options.deploy)) report(`no ${options.deploy}: the gateway may do everything`);
  let gateway: ChildProgram | undefined;
  if (!options.skipGateway) {
    gateway = await startGateway(cluster, options.gateway, kubeconfig, folder);
    report('the gateway has accepted its GatewayClass');
  }
  let exitCode = 0;
  if (!options.skipGateway || options.tests.length > 0) {
    exitCode = (await runTests(cluster.kubeconfig, gateway)) ? 0 : 1;
    if (gateway !== undefined && !(await isAuthorOfItsStatuses(user))) exitCode = 1;
    if (options.report !== undefined) {
      report(`wrote ${publishReport(folder, resolve(ROOT, options.report), provenance)}`);
    }
  }
  if (options.keep) await keep(cluster.kubeconfig, kubeconfig);
  await gateway?.stop();
  return exitCode;
}

async function runTests(kubeconfig: string, gateway: ChildProgram | undefined): Promise<boolean> {
  const suiteStartedAt = performance.now();
  const counts = { passed: 0, failed: 0, skipped: 0, unfinished: 0 };
  const onResult = ({ name, outcome, seconds }: TestResult): void => {
    counts[outcome] += 1;
    const failed = counts.failed + counts.unfinished;
    report(`${outcome.padEnd(7)} ${name} (${seconds} s)  ${counts.passed} passed, ${failed} failed`);
  };
  const givingUp = new AbortController();
  let isRunning = true;
  void gateway?.ended.then(() => {
    if (isRunning) report(`the gateway ended:\n${gateway.lastLines()}`);
    givingUp.abort();
  });
  const { signal } = givingUp;
  const end = await runSuite({ options, kubeconfig, folder, implementation: implementation(), onResult, signal });
  isRunning = false;
  console.log(summarize(end.results, (performance.now() - suiteStartedAt) / 1000));
  const passed = everythingPassed(end.results);
  if (passed && end.exitCode === 0) return true;
  if (passed || end.results.length === 0) {
    console.log(`the suite ended with ${end.exitCode}:\n${end.outside.join('\n')}`);
  }
  return false;
}

/** What the gateway is praised for, it must have written. */
async function isAuthorOfItsStatuses(user: string): Promise<boolean> {
  await delay(AUDIT_FLUSH_MS);
  const { wrong, writes } = checkAuthorship(auditLog(folder), user);
  for (const line of wrong) console.log(`a condition that the gateway did not write: ${line}`);
  report(`${writes} writes of statuses by the gateway; ${wrong.length} objects with conditions that it did not write`);
  return writes > 0 && wrong.length === 0;
}

async function keep(admin: string, gateway: string): Promise<never> {
  console.log(`
left up; Ctrl-C or "kill ${starter}" ends it
  in its network:       ${join(folder, 'enter')} COMMAND
  administrator:        KUBECONFIG=${admin}
  the gateway's rights: KUBECONFIG=${gateway}
  logs:                 ${folder}`);
  return await new Promise(() => undefined);
}

function implementation(): Implementation {
  const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, string>;
  return {
    organization: name ?? '',
    project: name ?? '',
    url: 'https://sluice.dev',
    version: `v${version}`,
    contact: 'https://sluice.dev/contact',
  };
}

function report(line: string): void {
  console.log(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s] ${line}`);
}
