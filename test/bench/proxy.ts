// `npm run bench`: what traffic costs in Sluice beside nginx, haproxy and Envoy, measured alternately in one run.
//
//   npm run bench -- [--only path[,path]] [--rounds N] [--seconds S] [--contenders sluice,nginx,…] [--profile folder] [--json]
//
// Figures of a shared machine drift: what counts are the ratios inside a round, and their median over the rounds. Paths and how to add
// one: paths/registry.ts. `--profile` has Sluice write CPU profiles and prints the hottest functions; the figures suffer.
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled } from '../integration/requirements.ts';
import { CONTENDERS } from './contender.ts';
import type { Scene } from './contender.ts';
import { hotFunctions } from './hot-functions.ts';
import { measurePath } from './measurement.ts';
import type { Plan } from './measurement.ts';
import type { Path } from './path.ts';
import { PATHS } from './paths/registry.ts';
import { budgetReport, pathReport } from './report.ts';
import type { PathResult } from './report.ts';
import { startUpstream } from './upstream.ts';
import { createKeyPair, createWorkspace, ROOT } from './workspace.ts';

const NGINX_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
const REQUIREMENTS = [
  { command: 'nginx', debianPackage: 'nginx' },
  { command: 'test', probe: ['-e', NGINX_STREAM_MODULE], debianPackage: 'libnginx-mod-stream' },
  { command: 'haproxy', debianPackage: 'haproxy' },
  { command: 'wrk', debianPackage: 'wrk' },
  { command: 'h2load', debianPackage: 'nghttp2-client' },
  { command: 'openssl', debianPackage: 'openssl' },
  { command: 'python3', probe: ['-c', 'import ensurepip'], debianPackage: 'python3-venv' },
];
const HOTTEST = 10;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: PATHS.map(({ name }) => name).join(',') },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    contenders: { type: 'string', default: CONTENDERS.join(',') },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const plan: Plan = {
  contenders: chosen(CONTENDERS, options.contenders),
  rounds: Number(options.rounds),
  seconds: Number(options.seconds),
};
const pathNames = chosen(
  PATHS.map(({ name }) => name),
  options.only,
);

ensureInstalled(REQUIREMENTS);
const directory = createWorkspace();
await using stack = new AsyncDisposableStack();
const upstream = stack.use(await startUpstream(directory));
const keyPair = createKeyPair(directory);

const results: PathResult[] = [];
for (const path of PATHS.filter(({ name }) => pathNames.includes(name))) {
  const profileDirectory = profileDirectoryOf(path);
  const scene: Scene = { directory, upstreamPorts: upstream.ports, keyPair, profileDirectory };
  results.push({ path, samples: await measurePath(path, plan, scene) });
  if (profileDirectory !== undefined) console.error(`\n${hotFunctions(profileDirectory, HOTTEST)}\n`);
}
report();

/** @throws Error when one of the names is of nothing. */
function chosen<Name extends string>(names: readonly Name[], list: string): readonly Name[] {
  const wanted = list.split(',');
  const unknown = wanted.filter((name) => !names.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: unknown; there are ${names.join(', ')}`);
  return names.filter((name) => wanted.includes(name));
}

function profileDirectoryOf({ name }: Path): string | undefined {
  return options.profile === undefined ? undefined : join(resolve(options.profile), name);
}

function report(): void {
  const setting = {
    date: new Date().toISOString().slice(0, 10),
    commit: currentCommit(),
    node: process.version,
    cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
    rounds: plan.rounds,
    seconds: plan.seconds,
  };
  if (options.json) {
    const paths = results.map(({ path, samples }) => [path.name, Object.fromEntries(samples)]);
    console.log(JSON.stringify({ ...setting, paths: Object.fromEntries(paths) }, undefined, 2));
    return;
  }
  const settings = Object.entries(setting).map(([name, value]) => `${name}: ${value}`);
  console.log([settings.join(', '), ...results.map(pathReport), budgetReport(results)].join('\n\n'));
}

function currentCommit(): string {
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: ROOT, encoding: 'utf8' });
  return git.status === 0 ? git.stdout.trim() : 'unknown';
}
