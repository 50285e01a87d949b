// `npm run bench:routes`: what thousands of routes cost. Cold load until ready, memory afterwards, and how long one changed route
// takes from the write of its file to the first 200, the settling time of the file source included.
//
//   npm run bench:routes -- [--routes N] [--changes N] [--settle S] [--json]
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled } from '../integration/requirements.ts';
import { quantile } from './load-generator.ts';
import { startSluice } from './sluice-process.ts';
import { textTable } from './text-table.ts';
import { startUpstream } from './upstream.ts';
import { createWorkspace, freePort, HOST, untilReady } from './workspace.ts';

const ROUTES_PER_FILE = 100;
/** Long enough for each change to be the first after a quiet time. */
const PAUSE_MS = 1000;
const CHANGE_TIMEOUT_MS = 10_000;
const MIB = 2 ** 20;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const { values: options } = parseArgs({
  options: {
    routes: { type: 'string', default: '5000' },
    changes: { type: 'string', default: '20' },
    settle: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
  },
});
const routes = Number(options.routes);
const changes = Number(options.changes);
const settleSeconds = Number(options.settle);

ensureInstalled([{ command: 'nginx', debianPackage: 'nginx' }]);
const directory = createWorkspace();
await using stack = new AsyncDisposableStack();
const upstream = stack.use(await startUpstream(directory));
const [httpPort, adminPort] = [await freePort(), await freePort()];
const manifests = writeManifests();

const startedAt = performance.now();
const sluice = stack.use(startSluice({ manifests, adminPort, outputPath: join(directory, 'sluice.log') }));
await untilReady(`http://127.0.0.1:${adminPort}/readyz`, () => sluice.assertRunning());
const loadMs = performance.now() - startedAt;
const rssWhenReady = sluice.rssBytes();
if ((await statusOf(pathOf(routes - 1))) !== 200) throw new Error('ready, but the last route does not answer 200');
await pause(settleSeconds * 1000);
const rssSettled = sluice.rssBytes();

const propagationMs: number[] = [];
const otherStatuses: number[] = [];
for (let change = 1; change <= changes; change++) {
  await pause(PAUSE_MS);
  propagationMs.push(await measureChange(change));
}
agent.destroy();
report();

function writeManifests(): string {
  const folder = join(directory, 'manifests');
  mkdirSync(folder);
  for (let first = 0; first < routes; first += ROUTES_PER_FILE) {
    const documents: string[] = [];
    for (let i = first; i < Math.min(first + ROUTES_PER_FILE, routes); i++)
      documents.push(routeText(`route-${i}`, pathOf(i)));
    writeFileSync(join(folder, `routes-${first}.yaml`), documents.join('---\n'));
  }
  writeFileSync(join(folder, 'changing.yaml'), routeText('changing', '/changing/0'));
  writeFileSync(join(folder, 'gateway.yaml'), gatewayText());
  return folder;
}

function pathOf(index: number): string {
  return `/team-${index % 50}/service-${index}/v1`;
}

function routeText(name: string, path: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: bench }
spec:
  parentRefs: [{ name: bench }]
  hostnames: [${HOST}]
  rules:
    - matches: [{ path: { type: PathPrefix, value: ${path} } }]
      backendRefs: [{ group: sluice.dev, kind: Backend, name: upstream }]
`;
}

function gatewayText(): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: bench, namespace: bench }
spec:
  gatewayClassName: sluice
  listeners: [{ name: http, port: ${httpPort}, protocol: HTTP }]
---
apiVersion: sluice.dev/v1alpha1
kind: Backend
metadata: { name: upstream, namespace: bench }
spec:
  endpoints: [{ ip: { address: 127.0.0.1, port: ${upstream.port} } }]
`;
}

/** From the rename of the changed file to the first 200 on its new path. */
async function measureChange(change: number): Promise<number> {
  const path = `/changing/${change}`;
  const written = join(directory, 'changing.yaml');
  writeFileSync(written, routeText('changing', path));
  const changedAt = performance.now();
  renameSync(written, join(manifests, 'changing.yaml'));
  for (;;) {
    const status = await statusOf(path);
    const elapsedMs = performance.now() - changedAt;
    if (status === 200) return elapsedMs;
    if (status !== 404) otherStatuses.push(status);
    if (elapsedMs > CHANGE_TIMEOUT_MS) throw new Error(`${path} is still ${status} after ${CHANGE_TIMEOUT_MS} ms`);
  }
}

function statusOf(path: string): Promise<number> {
  const request = { host: '127.0.0.1', port: httpPort, path, headers: { host: HOST }, agent };
  return new Promise((resolve, reject) => {
    get(request, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', reject);
  });
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function report(): void {
  const sorted = propagationMs.toSorted((a, b) => a - b);
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const figures: readonly (readonly [string, number])[] = [
    ['routes', routes],
    ['cold load until ready, ms', loadMs],
    ['RSS when ready, MiB', rssWhenReady / MIB],
    [`RSS ${settleSeconds} s later, MiB`, rssSettled / MIB],
    ['peak RSS, MiB', sluice.peakRssBytes() / MIB],
    ['changes', changes],
    ['changed file → first 200, mean ms', mean],
    ['changed file → first 200, p50 ms', quantile(sorted, 0.5)],
    ['changed file → first 200, p99 ms', quantile(sorted, 0.99)],
    ['changed file → first 200, max ms', sorted.at(-1) ?? Number.NaN],
    ['answers other than 404 and 200', otherStatuses.length],
  ];
  if (options.json) console.log(JSON.stringify(Object.fromEntries(figures), undefined, 2));
  else
    console.log(
      textTable(
        ['what', 'figure'],
        figures.map(([what, figure]) => [what, String(Math.round(figure))]),
      ),
    );
}
