// The access log under load: rotation loses no line and splits none; a reader that is slow, or gone, costs lines, never requests.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from './manifests.ts';
import { startNginx } from './nginx.ts';
import { SystemGateway } from './system-gateway.ts';
import { ANY_200, Traffic } from './traffic.ts';
import { runWrk } from './wrk.ts';

const BOUND_SECONDS = 60;
const CONNECTIONS = 16;

/** A gateway in front of nginx. */
async function start(
  t: TestContext,
  directory: TemporaryDirectory,
  environment: Readonly<Record<string, string>>,
): Promise<{ sluice: SystemGateway; port: number }> {
  const [port, upstream] = [await freePort(), await freePort()];
  await startNginx(t, [upstream], `server { listen 127.0.0.1:${upstream}; location / { return 200 ok; } }`);
  const objects = [gateway({ name: 'http', port }), route('all', { backend: 'nginx' }), backend('nginx', upstream)];
  directory.write({ 'manifests/all.yaml': documents(...objects) });
  const options = { environment: { SLUICE_ACCESS_LOG_ENABLED: 'true', ...environment } };
  return { sluice: await SystemGateway.start(t, directory.at('manifests'), options), port };
}

/** @throws where a line is not whole. */
function pathsOf(text: string): string[] {
  assert.ok(text === '' || text.endsWith('\n'));
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { readonly path: string }).path);
}

test('rotation with SIGUSR1 loses no line and splits none', async (t) => {
  const REQUESTS = 100_000;
  const ROTATIONS = 5;
  /** Together less than half of what is written. */
  const ROTATE_AT_BYTES = 4 * 1024 * 1024;
  const directory = new TemporaryDirectory(t);
  directory.makeDirectory('logs');
  const path = 'logs/access.log';
  const { sluice, port } = await start(t, directory, { SLUICE_ACCESS_LOG_PATH: directory.at(path) });
  const load = { port, requests: REQUESTS, connections: CONNECTIONS, boundSeconds: BOUND_SECONDS };
  let isLoadOver = false;
  const result = runWrk({ ...load, signal: sluice.unexpectedEnd }).finally(() => (isLoadOver = true));

  for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
    await untilWritten(directory.at(path), ROTATE_AT_BYTES);
    directory.rename(path, `logs/access.log.${rotation}`);
    sluice.process.signal('SIGUSR1');
  }
  await untilWritten(directory.at(path), 1);
  assert.ok(!isLoadOver, 'the rotations happened during the load');
  const { requests, non2xx, socketErrors } = await result;
  assert.deepEqual([requests, non2xx, socketErrors], [REQUESTS, 0, 0]);
  const dropped = (await sluice.metrics()).sum('sluice_dropped_log_lines_total');
  assert.equal((await sluice.stop()).code, 0);

  const names = [...Array.from({ length: ROTATIONS }, (_, index) => `${path}.${index + 1}`), path];
  const files = names.map((name) => pathsOf(readFileSync(directory.at(name), 'utf8')));
  t.diagnostic(`lines in each file: ${files.map((paths) => paths.length).join(', ')}; dropped: ${dropped}`);
  assert.ok(files.every((paths) => paths.length > 0));
  assert.equal(files.flat().length, REQUESTS);
  assert.equal(new Set(files.flat()).size, REQUESTS, 'one line for each request');
  assert.equal(dropped, 0);
});

/** A file is there, and has that many bytes. */
async function untilWritten(path: string, bytes: number): Promise<void> {
  const watcher = watch(dirname(path));
  try {
    while ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < bytes)
      await once(watcher, 'change', { signal: AbortSignal.timeout(BOUND_SECONDS * 1_000) });
  } finally {
    watcher.close();
  }
}

test('a reader of standard output that is too slow costs lines, and they are counted', async (t) => {
  // More than the pipe and the gateway's buffer hold.
  const REQUESTS = 60_000;
  const { sluice, port } = await start(t, new TemporaryDirectory(t), {});
  sluice.process.child.stdout?.pause();
  const load = { port, requests: REQUESTS, connections: CONNECTIONS, boundSeconds: BOUND_SECONDS };
  const { requests, non2xx, socketErrors } = await runWrk({ ...load, signal: sluice.unexpectedEnd });
  assert.deepEqual([requests, non2xx, socketErrors], [REQUESTS, 0, 0]);
  const dropped = (await sluice.metrics()).sum('sluice_dropped_log_lines_total', { log: 'access' });
  sluice.process.child.stdout?.resume();
  const { code, output } = await sluice.stop();
  assert.equal(code, 0);
  const paths = pathsOf(output);
  t.diagnostic(`${paths.length} lines, ${dropped} dropped`);
  assert.ok(dropped > 0);
  assert.equal(paths.length + dropped, REQUESTS);
  assert.equal(new Set(paths).size, paths.length);
});

test('a reader of standard output that goes away disturbs nobody', async (t) => {
  const { sluice, port } = await start(t, new TemporaryDirectory(t), {});
  const traffic = new Traffic(t, { target: { port }, keepAlive: 4, fresh: 1, judge: ANY_200 });
  await sluice.process.untilOutput(/\n/);
  sluice.process.child.stdout?.destroy();
  await sluice.process.untilErrors(/the access log can not be written/);
  await traffic.untilMore(500);
  await traffic.stop();
  assert.equal(traffic.failed, 0, String(traffic));
  assert.ok((await sluice.metrics()).sum('sluice_dropped_log_lines_total', { log: 'access' }) > 0);
  assert.equal((await sluice.stop()).code, 0);
});
