// What a gateway keeps: after many requests and many changes of its configuration its memory is bounded, and every file and connection
// that it opened is closed again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { CertificateAuthority } from './certificates.ts';
import { backend, documents, gateway, route, tlsSecret } from './manifests.ts';
import { startNginx } from './nginx.ts';
import { SystemGateway } from './system-gateway.ts';
import { Client } from './traffic.ts';
import { runWrk } from './wrk.ts';

const REQUESTS = 200_000;
const CHANGES = 50;
const ROUTES = 100;
const BOUND_SECONDS = 120;
const SERVER_NAME = 'shop.example.com';
/** At any time. Most of it is garbage that V8 is in no hurry to collect. Measured: 290. */
const MAX_RESIDENT_MIB = 400;
/** What is live in the end. Measured: 31. */
const MAX_HEAP_MIB = 48;
const COLLECT_ON_SIGUSR2 = "process.on('SIGUSR2', () => { gc(); console.error('collected'); });";

test('memory and descriptors after 200 000 requests and 50 changes', async (t) => {
  const directory = new TemporaryDirectory(t);
  const authority = new CertificateAuthority(directory);
  const [http, https, a, b] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const server = (port: number): string => `server { listen 127.0.0.1:${port}; location / { return 200 ok; } }`;
  await startNginx(t, [a, b], `keepalive_timeout 300s; ${server(a)} ${server(b)}`);
  const pairs = [authority.issue(SERVER_NAME), authority.issue(SERVER_NAME)] as const;
  /** Every version has other backends, routes, clusters and certificates; the listeners are the same. */
  const version = (number: number): string =>
    documents(
      gateway({ name: 'http', port: http }, { name: 'https', port: https, secret: 'pair' }),
      backend(`backend-${number}`, number % 2 === 0 ? a : b),
      tlsSecret('pair', number % 2 === 0 ? pairs[0] : pairs[1]),
      route('all', { backend: `backend-${number}` }),
      ...Array.from({ length: ROUTES }, (_, index) =>
        route(`r${number}-${index}`, { path: `/r${index}`, backend: `backend-${number}` }),
      ),
    );
  directory.write({ 'manifests/all.yaml': version(0) });
  const sluice = await SystemGateway.start(t, directory.at('manifests'), {
    nodeArguments: ['--expose-gc', '--import', `data:text/javascript,${COLLECT_ON_SIGUSR2}`],
  });
  const idleDescriptors = sluice.descriptorCount();
  const idleMiB = mebibytes(sluice.residentBytes());

  const tls = { ca: authority.pem, serverName: SERVER_NAME };
  let isLoadOver = false;
  const load = runWrk({
    port: http,
    requests: REQUESTS,
    connections: 64,
    boundSeconds: BOUND_SECONDS,
    signal: sluice.unexpectedEnd,
  }).finally(() => (isLoadOver = true));
  let changesUnderLoad = 0;
  for (let number = 1; number <= CHANGES; number++) {
    directory.replace('manifests/all.yaml', version(number));
    await sluice.untilConfigVersion(number + 1);
    if (!isLoadOver) changesUnderLoad++;
    const client = new Client({ port: https, tls }, false);
    assert.equal((await client.ask()).status, 200);
    client.close();
  }
  const { requests, non2xx, socketErrors } = await load;
  assert.deepEqual([requests, non2xx, socketErrors], [REQUESTS, 0, 0]);
  // Nothing is asked of the last version: all connections are of older ones.
  directory.replace('manifests/all.yaml', version(CHANGES + 1));
  await sluice.untilConfigVersion(CHANGES + 2);
  await sluice.untilDescriptors(idleDescriptors);
  sluice.process.signal('SIGUSR2');
  await sluice.process.untilErrors(/collected/);
  const metrics = await sluice.metrics();
  const peakMiB = mebibytes(sluice.peakResidentBytes());
  const heapMiB = mebibytes(metrics.sum('sluice_process_heap_used_bytes'));
  t.diagnostic(
    `resident: ${idleMiB} MiB at start, ${peakMiB} at most, ${mebibytes(sluice.residentBytes())} in the end; heap: ${heapMiB} MiB; ` +
      `${changesUnderLoad} changes under load; ${sluice.descriptorCount()} descriptors, ${idleDescriptors} at start`,
  );
  assert.ok(changesUnderLoad > 0);
  assert.ok(peakMiB < MAX_RESIDENT_MIB, `${peakMiB} MiB resident`);
  assert.ok(heapMiB < MAX_HEAP_MIB, `${heapMiB} MiB of heap`);
  for (const gauge of [
    'active_requests',
    'active_connections',
    'upstream_active_connections',
    'upstream_idle_connections',
  ])
    assert.equal(metrics.sum(`sluice_${gauge}`), 0, gauge);
  // What left the configuration is not shown any more.
  assert.deepEqual(metrics.labelValues('sluice_upstream_connects_total', 'cluster'), [
    `default/backend-${CHANGES + 1}`,
  ]);
  assert.equal((await sluice.stop()).code, 0);
});

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
