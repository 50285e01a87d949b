// `npm run bench`: CPU time per proxied request of Sluice beside nginx, haproxy and Envoy, measured alternately in one run.
//
//   npm run bench -- [--rounds N] [--seconds S] [--only h1|tls] [--contenders sluice,nginx,…] [--json]
//
// Figures of a shared machine drift: what counts are the ratios inside a round, and their median over the rounds.
import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { ensureInstalled } from '../integration/requirements.ts';
import { CONTENDERS, startContender } from './contender.ts';
import type { Contender, ContenderName, Scene } from './contender.ts';
import { loadPlaintext, loadTls } from './load-generator.ts';
import { median, textTable } from './text-table.ts';
import { startUpstream } from './upstream.ts';
import { createKeyPair, createWorkspace, HOST, ROOT } from './workspace.ts';

interface Path {
  readonly title: string;
  readonly measure: typeof loadPlaintext;
  readonly port: (contender: Contender) => number;
}

interface Sample {
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssBytes: number;
}

/** Samples of one contender, one per round. */
type Samples = ReadonlyMap<ContenderName, readonly Sample[]>;

const PATHS: Readonly<Record<string, Path>> = {
  h1: { title: 'h1 → h1', measure: loadPlaintext, port: ({ httpPort }) => httpPort },
  tls: { title: 'h1 over TLS → h1', measure: loadTls, port: ({ httpsPort }) => httpsPort },
};
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 3;
const REQUIREMENTS = [
  { command: 'nginx', debianPackage: 'nginx' },
  { command: 'haproxy', debianPackage: 'haproxy' },
  { command: 'wrk', debianPackage: 'wrk' },
  { command: 'h2load', debianPackage: 'nghttp2-client' },
  { command: 'openssl', debianPackage: 'openssl' },
  { command: 'python3', probe: ['-c', 'import ensurepip'], debianPackage: 'python3-venv' },
];

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    only: { type: 'string' },
    contenders: { type: 'string', default: CONTENDERS.join(',') },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const names = CONTENDERS.filter((name) => options.contenders.split(',').includes(name));
const paths = Object.entries(PATHS).filter(([name]) => options.only === undefined || options.only === name);

ensureInstalled(REQUIREMENTS);
const directory = createWorkspace();
await using stack = new AsyncDisposableStack();
const upstream = stack.use(await startUpstream(directory));
const scene: Scene = { directory, upstreamPort: upstream.port, keyPair: createKeyPair(directory) };
const contenders: Contender[] = [];
for (const name of names) {
  const contender = await startContender(name, scene);
  stack.use(contender.process);
  contenders.push(contender);
}

const results: Record<string, Samples> = {};
for (const [name, path] of paths) results[name] = await measurePath(path, contenders);
report(results);

async function measurePath(path: Path, contenders: readonly Contender[]): Promise<Samples> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as Sample[]]));
  for (const contender of contenders) await measure(path, contender, WARM_UP_SECONDS);
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      process.stderr.write(`${path.title}, round ${round}/${rounds}, ${contender.name}: `);
      const sample = await measure(path, contender, seconds);
      samples.get(contender.name)?.push(sample);
      process.stderr.write(`${sample.cpuMicrosPerRequest.toFixed(1)} µs CPU/request\n`);
    }
  }
  return samples;
}

async function measure(path: Path, contender: Contender, durationSeconds: number): Promise<Sample> {
  const cpuBefore = contender.process.cpuMs();
  const load = {
    port: path.port(contender),
    host: HOST,
    connections: CONNECTIONS,
    seconds: durationSeconds,
    directory,
  };
  const { requests, p50Ms, p99Ms } = await path.measure(load);
  const cpuMicrosPerRequest = ((contender.process.cpuMs() - cpuBefore) * 1000) / requests;
  const rssBytes = contender.process.rssBytes();
  truncateSync(contender.accessLog);
  return { cpuMicrosPerRequest, requestsPerSecond: requests / durationSeconds, p50Ms, p99Ms, rssBytes };
}

function report(results: Readonly<Record<string, Samples>>): void {
  const setting = {
    date: new Date().toISOString().slice(0, 10),
    commit: currentCommit(),
    node: process.version,
    cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
    rounds,
    seconds,
    connections: CONNECTIONS,
  };
  if (options.json) {
    const plain = Object.entries(results).map(([path, samples]) => [path, Object.fromEntries(samples)]);
    console.log(JSON.stringify({ ...setting, paths: Object.fromEntries(plain) }, undefined, 2));
    return;
  }
  console.log(
    Object.entries(setting)
      .map(([name, value]) => `${name}: ${value}`)
      .join(', '),
  );
  for (const [name, { title }] of paths) {
    const samples = results[name];
    if (samples !== undefined) console.log(`\n${title}\n\n${samplesTable(samples)}`);
  }
}

function currentCommit(): string {
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: ROOT, encoding: 'utf8' });
  return git.status === 0 ? git.stdout.trim() : 'unknown';
}

function samplesTable(samples: Samples): string {
  const head = ['proxy', 'µs CPU/request', '/ nginx', '/ Envoy', 'requests/s', 'p50 ms', 'p99 ms', 'RSS MiB'];
  const rows = [...samples].map(([name, own]) => {
    const middle = (measure: (sample: Sample) => number): number => median(own.map(measure));
    const cpu = own.map((sample) => sample.cpuMicrosPerRequest);
    return [
      name,
      `${median(cpu).toFixed(1)} (${Math.min(...cpu).toFixed(1)}–${Math.max(...cpu).toFixed(1)})`,
      ratio(own, samples.get('nginx')),
      ratio(own, samples.get('envoy')),
      middle((sample) => sample.requestsPerSecond).toFixed(0),
      middle((sample) => sample.p50Ms).toFixed(2),
      middle((sample) => sample.p99Ms).toFixed(2),
      (middle((sample) => sample.rssBytes) / 2 ** 20).toFixed(0),
    ];
  });
  return textTable(head, rows);
}

/** The median of the ratios inside each round. */
function ratio(own: readonly Sample[], peer: readonly Sample[] | undefined): string {
  if (peer === undefined) return '–';
  const ratios = own.map(
    (sample, round) => sample.cpuMicrosPerRequest / (peer[round]?.cpuMicrosPerRequest ?? Number.NaN),
  );
  return median(ratios).toFixed(2);
}
