// `npm run bench:scale`: what thousands of routes cost, at rest and while 10 routes and 50 endpoints a second change. Cold load until
// ready, memory afterwards, and how long one changed route takes from the write of its file to the first 200.
//
//   npm run bench:scale -- [--routes N] [--changes N] [--settle S] [--json]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled } from '../integration/requirements.ts';
import { startChurn } from './scale/churn.ts';
import { Manifests } from './scale/manifests.ts';
import { SteadyClient } from './scale/steady-client.ts';
import { startSluice } from './sluice-process.ts';
import { quantile } from './statistics.ts';
import { textTable } from './text-table.ts';
import { startUpstream } from './upstream.ts';
import { createWorkspace, freePort, untilReady } from './workspace.ts';

/** Long enough for each change to be the first after a quiet time. */
const PAUSE_MS = 1000;
/** The file source waits so long for a file to settle; the budget counts from then. */
const SETTLE_MS = 50;
const MIB = 2 ** 20;

const { values: options } = parseArgs({
  options: {
    routes: { type: 'string', default: '5000' },
    changes: { type: 'string', default: '30' },
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
const atRest = await measure('at rest', false);
const inChurn = await measure('in churn', true);
report();

async function measure(state: string, hasChurn: boolean): Promise<Readonly<Record<string, number>>> {
  const place = join(directory, state);
  mkdirSync(place);
  const [httpPort, adminPort] = [await freePort(), await freePort()];
  const manifests = new Manifests({ directory: place, routes, httpPort, upstreamPort: upstream.ports.upstreamPort });
  using _churn = hasChurn ? startChurn(manifests) : undefined;

  process.stderr.write(`${state}: load, `);
  const startedAt = performance.now();
  const outputPath = join(place, 'sluice.log');
  await using sluice = startSluice({ manifests: manifests.folder, adminPort, outputPath, workers: 1 });
  await untilReady(`http://127.0.0.1:${adminPort}/readyz`, () => sluice.assertRunning());
  const loadMs = performance.now() - startedAt;
  await using client = new SteadyClient(httpPort, manifests.steadyPath);

  process.stderr.write(`memory after ${settleSeconds} s, `);
  await pause(settleSeconds * 1000);
  const workerRss = sluice.rssBytes('sluice worker');
  const rss = sluice.rssBytes('sluice');

  process.stderr.write(`${changes} changes\n`);
  const propagationMs: number[] = [];
  for (let change = 1; change <= changes; change++) {
    await pause(PAUSE_MS);
    const path = `/changing/${change}`;
    const changedAt = performance.now();
    manifests.changeRoute(path);
    propagationMs.push((await client.firstAnswer(path)) - changedAt);
  }
  const sorted = propagationMs.toSorted((a, b) => a - b);
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return {
    'cold load until ready, ms (must ≤ 5000, aim ≤ 2000)': loadMs,
    [`RSS of the worker after ${settleSeconds} s, MiB (must ≤ 180, aim ≤ 120)`]: workerRss / MIB,
    'RSS of all processes, MiB': rss / MIB,
    'changed file → first 200, mean ms': mean,
    'changed file → first 200, p50 ms': quantile(sorted, 0.5),
    'changed file → first 200, p99 ms': quantile(sorted, 0.99),
    [`without ${SETTLE_MS} ms for the file to settle, mean ms (aim ≤ 20)`]: mean - SETTLE_MS,
    [`without ${SETTLE_MS} ms for the file to settle, p99 ms (must ≤ 50)`]: quantile(sorted, 0.99) - SETTLE_MS,
    answers: client.answers,
    'answers other than 404 (not yet) and 200': client.unexpected,
    'RSS of the worker at the end, MiB': sluice.rssBytes('sluice worker') / MIB,
  };
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function report(): void {
  if (options.json) {
    console.log(JSON.stringify({ routes, changes, atRest, inChurn }, undefined, 2));
    return;
  }
  const head = [`${routes} routes, ${changes} changes`, 'at rest', '10 routes and 50 endpoints/s change'];
  const rows = Object.entries(atRest).map(([what, figure]) => [what, figure, inChurn[what] ?? Number.NaN] as const);
  console.log(
    textTable(
      head,
      rows.map(([what, ...figures]) => [what, ...figures.map((figure) => figure.toFixed(0))]),
    ),
  );
}
