// A million requests through the process to nginx, connections kept on both sides. wrk, the metrics and the access log have to agree on
// every one of them.
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from './manifests.ts';
import { startNginx } from './nginx.ts';
import { SystemGateway } from './system-gateway.ts';
import { runWrk } from './wrk.ts';

const REQUESTS = 1_000_000;
const CONNECTIONS = 32;
/** Three times what it takes where nothing runs beside. */
const BOUND_SECONDS = 240;
/** What nginx does by default. */
const REQUESTS_PER_UPSTREAM_CONNECTION = 1_000;
const BODY = 'x'.repeat(130);

test('1 000 000 requests of wrk are answered, counted and logged, each once', async (t) => {
  const directory = new TemporaryDirectory(t);
  const [port, upstreamPort] = [await freePort(), await freePort()];
  await startNginx(
    t,
    [upstreamPort],
    `server { listen 127.0.0.1:${upstreamPort}; location / { return 200 "${BODY}"; } }`,
  );
  directory.write({
    'manifests/all.yaml': documents(
      gateway({ name: 'http', port }),
      route('all', { backend: 'nginx' }),
      backend('nginx', upstreamPort),
    ),
  });
  const sluice = await SystemGateway.start(t, directory.at('manifests'), {
    environment: {
      SLUICE_ACCESS_LOG_ENABLED: 'true',
      SLUICE_ACCESS_LOG_PATH: directory.at('access.log'),
      SLUICE_ACCESS_LOG_FIELDS: 'path,status,flag,route,bytesSent,durationMs',
    },
  });

  const result = await runWrk({
    port,
    requests: REQUESTS,
    connections: CONNECTIONS,
    boundSeconds: BOUND_SECONDS,
    signal: sluice.unexpectedEnd,
  });
  t.diagnostic(`wrk: ${JSON.stringify(result)}; resident: ${Math.round(sluice.residentBytes() / 2 ** 20)} MiB`);
  const { requests, non2xx, socketErrors, timeouts } = result;
  assert.deepEqual([requests, non2xx, socketErrors, timeouts], [REQUESTS, 0, 0, 0]);

  const metrics = await sluice.metrics();
  const onRoute = { route: 'default/all', listener: 'default/web/http' };
  assert.equal(metrics.sum('sluice_requests_total'), REQUESTS, 'no others');
  assert.equal(metrics.sum('sluice_requests_total', { ...onRoute, status: '2xx' }), REQUESTS);
  assert.equal(metrics.sum('sluice_request_duration_seconds_count', onRoute), REQUESTS);
  assert.equal(metrics.sum('sluice_sent_bytes_total', onRoute), REQUESTS * BODY.length);
  assert.equal(metrics.sum('sluice_flagged_requests_total'), 0);
  assert.equal(metrics.sum('sluice_active_requests'), 0);
  // wrk tries the address first.
  assert.equal(metrics.sum('sluice_connections_total'), CONNECTIONS + 1, 'connections of clients are kept');
  assert.equal(metrics.sum('sluice_upstream_connect_failures_total'), 0);
  const upstreamConnects = metrics.sum('sluice_upstream_connects_total', { cluster: 'default/nginx' });
  const fewest = REQUESTS / REQUESTS_PER_UPSTREAM_CONNECTION;
  assert.ok(upstreamConnects >= fewest && upstreamConnects <= fewest + CONNECTIONS, `${upstreamConnects} connects`);
  assert.equal(metrics.sum('sluice_dropped_log_lines_total'), 0);

  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /"level":"(?:warn|error|fatal)"/);
  await assertLogged(directory.at('access.log'));
});

/** Each path from /1 up has exactly one line. */
async function assertLogged(path: string): Promise<void> {
  const isSeen = new Uint8Array(REQUESTS + 1);
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    lines++;
    const { durationMs, ...entry } = JSON.parse(line) as { path: string; durationMs: number };
    const number = Number(entry.path.slice(1));
    assert.ok(number >= 1 && number <= REQUESTS && isSeen[number] === 0, line);
    isSeen[number] = 1;
    assert.ok(durationMs > 0 && durationMs < 10_000, line);
    if (lines === 1)
      assert.deepEqual(entry, { path: entry.path, status: 200, route: 'default/all', bytesSent: BODY.length });
  }
  assert.equal(lines, REQUESTS);
}
