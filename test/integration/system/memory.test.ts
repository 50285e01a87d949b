// What a gateway keeps: after many requests and many changes of its configuration its memory is bounded, and every file and connection
// that it opened is closed again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
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
/** Of resident memory. V8 takes what it gets as long as there is work; measured: 400. */
const MAX_PEAK_MIB = 640;
/** Half a minute later; measured: 150 to 200. */
const MAX_SETTLED_MIB = 260;
const SETTLE_BOUND_MS = 30_000;
const POLL_MS = 100;

test('memory and descriptors after 200 000 requests and 50 changes', async (t) => {
  const directory = new TemporaryDirectory(t);
  const authority = new CertificateAuthority(directory);
  const [http, https, a, b] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const server = (port: number): string => `server { listen 127.0.0.1:${port}; location / { return 200 ok; } }`;
  // Idle connections close soon, so that the end can be awaited.
  await startNginx(t, [a, b], `keepalive_timeout 1s; ${server(a)} ${server(b)}`);
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
  const sluice = await SystemGateway.start(t, directory.at('manifests'));
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
  await sluice.untilDescriptors(idleDescriptors);
  const peakMiB = mebibytes(sluice.peakResidentBytes());
  const settledAfterMs = await untilSettled(sluice);
  const metrics = await sluice.metrics();
  t.diagnostic(
    `resident: ${idleMiB} MiB at start, ${peakMiB} at most, ${mebibytes(sluice.residentBytes())} after ${settledAfterMs} ms; ` +
      `${changesUnderLoad} changes under load; ${sluice.descriptorCount()} descriptors, ${idleDescriptors} at start`,
  );
  assert.ok(changesUnderLoad > 0);
  assert.ok(peakMiB < MAX_PEAK_MIB, `${peakMiB} MiB`);
  for (const gauge of ['active_requests', 'active_connections', 'upstream_active_connections', 'upstream_idle_connections'])
    assert.equal(metrics.sum(`sluice_${gauge}`), 0, gauge);
  // What left the configuration is not shown any more.
  assert.deepEqual(metrics.labelValues('sluice_upstream_connects_total', 'cluster'), [`default/backend-${CHANGES}`]);
  assert.equal((await sluice.stop()).code, 0);
});

/** V8 gives memory back little by little, and tells nobody. @throws where it takes too long. */
async function untilSettled(sluice: SystemGateway): Promise<number> {
  const startMs = performance.now();
  while (mebibytes(sluice.residentBytes()) >= MAX_SETTLED_MIB) {
    if (performance.now() - startMs > SETTLE_BOUND_MS)
      throw new Error(`${mebibytes(sluice.residentBytes())} MiB resident after ${SETTLE_BOUND_MS} ms`);
    await delay(POLL_MS);
  }
  return Math.round(performance.now() - startMs);
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
