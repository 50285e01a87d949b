// Inside its namespaces: starts the rig, types what README.md says into a shell, and looks at what came of it. Exit code 0: all of it held.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from '../../conformance/cluster.ts';
import { LoadBalancer } from '../../conformance/load-balancer.ts';
import { GATEWAY_API_CRDS, PROGRAMS, SUITE_VERSION } from '../../conformance/programs.ts';
import { startRig } from '../../conformance/rig.ts';
import { fencedBlocks, readPage, ROOT } from '../../harness/markdown-page.ts';
import { kubectl } from './kubectl.ts';

const SECTION = 'In a cluster';
/** What can't be fetched here; the cache has the same kinds, of the experimental channel. */
const RELEASE = /-f https:\S+\/standard-install\.yaml/;
const SERVED = /^shop-[0-9a-z]+-[0-9a-z]+ serves \/cart$/m;
const SELECTOR = 'app.kubernetes.io/name=sluice,app.kubernetes.io/component=gateway';
const TWO_PODS_BOUND_MS = 60_000;
/** drain.delay of the shipped configuration. */
const DRAIN_DELAY_MS = 10_000;
const REQUEST_TIMEOUT_MS = 5_000;

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

const startedAt = performance.now();
const [, , folder = ''] = process.argv;
// Who started this has ended.
process.stdin.resume().once('end', () => process.exit(143));
try {
  const cluster = await startRig(folder, report, []);
  new LoadBalancer(cluster.admin, report).start();
  await quickstart(cluster);
  process.exit(0);
} catch (error) {
  report(`failed: ${(error as Error).stack ?? String(error)}`);
  process.exit(1);
}

async function quickstart(cluster: Cluster): Promise<void> {
  const blocks = commandBlocks();
  const cleanUp = blocks.findIndex((block) => block.includes('kubectl delete'));
  for (const block of blocks.slice(0, cleanUp)) {
    const output = await type(cluster, block);
    // The page shows what it prints.
    if (block.includes('curl')) assert.match(output, SERVED);
  }
  await leaveInOrder(cluster);
  await type(cluster, blocks[cleanUp] ?? '');
  const left = await kubectl(cluster.kubeconfig, ['get', 'crds,namespaces,deployments,services', '-A', '-o', 'name']);
  assert.doesNotMatch(left, /sluice|shop/);
}

/** The commands of the section, a text for each block. */
function commandBlocks(): readonly string[] {
  const section = readPage('README.md')
    .split(/^## /m)
    .find((text) => text.startsWith(SECTION));
  const blocks = fencedBlocks(section ?? '').filter(({ language }) => language === 'console');
  assert.ok(blocks.length > 2 && blocks.some(({ text }) => SERVED.test(text)));
  return blocks.map(({ text }) => (text.startsWith('$ ') ? text.replaceAll(/^(?!\$ ).*\n|^\$ /gm, '') : text));
}

/** Gives all that is printed. @throws Error when a command fails */
async function type(cluster: Cluster, commands: string): Promise<string> {
  report(commands.trim());
  const script = commands.replace(RELEASE, (release) => {
    assert.ok(release.includes(`/${SUITE_VERSION}/`), 'the version that conformance is shown for');
    return `-k ${GATEWAY_API_CRDS}`;
  });
  assert.doesNotMatch(script, /https:/, 'nothing else comes from elsewhere');
  const path = [dirname(PROGRAMS.kubectl), process.env['PATH']].join(delimiter);
  const environment = { ...process.env, PATH: path, KUBECONFIG: cluster.kubeconfig };
  const { stdout } = await promisify(execFile)('sh', ['-ec', script], { cwd: ROOT, env: environment });
  console.log(stdout);
  return stdout;
}

/** One of the two pods goes: no request fails, and it ends by itself when it has drained. */
async function leaveInOrder(cluster: Cluster): Promise<void> {
  const pods = await readyPods(cluster);
  const query = 'jsonpath={.status.loadBalancer.ingress[0].ip}';
  const address = await kubectl(cluster.kubeconfig, ['get', '-n', 'sluice-system', 'service/sluice', '-o', query]);
  const leaving = pods[0] ?? '';
  const startedAtMs = performance.now();
  const gone = new AbortController();
  const deletion = kubectl(cluster.kubeconfig, ['delete', '--namespace', 'sluice-system', 'pod', leaving]);
  const asking = askUntil(gone.signal, address);
  await deletion.finally(() => gone.abort());
  const answers = await asking;
  const goneAfterMs = performance.now() - startedAtMs;
  report(`${leaving} is gone after ${Math.round(goneAfterMs)} ms; answers: ${JSON.stringify([...answers])}`);
  assert.deepEqual([...answers.keys()], ['200']);
  assert.ok((answers.get('200') ?? 0) > 100, 'enough of them');
  assert.ok(goneAfterMs > DRAIN_DELAY_MS, 'it served on for the delay');
  const log = readFileSync(join(folder, 'pod-logs', `sluice-system_${leaving}_sluice.log`), 'utf8');
  assert.match(log, /"msg":"drained"/);
}

/** How often each answer came. */
async function askUntil(signal: AbortSignal, address: string): Promise<ReadonlyMap<string, number>> {
  const answers = new Map<string, number>();
  while (!signal.aborted) {
    const answer = await ask(address);
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  return answers;
}

/** The autoscaler asks for two. */
async function readyPods(cluster: Cluster): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/sluice-system/pods?labelSelector=${encodeURIComponent(SELECTOR)}`;
  const ready = ({ items }: PodList): readonly string[] =>
    items
      .filter(({ status }) => status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
      .map(({ metadata }) => metadata.name);
  return ready(await cluster.admin.until<PodList>(path, (list) => ready(list).length === 2, TWO_PODS_BOUND_MS));
}

/** By a connection of its own; gives the status, or what went wrong. */
async function ask(address: string): Promise<string> {
  return await new Promise((resolve) => {
    const request = get({ host: address, path: '/', agent: false, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      response.resume().once('end', () => resolve(String(response.statusCode)));
    });
    request
      .once('timeout', () => request.destroy(new Error('timeout')))
      .once('error', (error) => resolve(error.message));
  });
}

function report(line: string): void {
  console.log(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s] ${line}`);
}
