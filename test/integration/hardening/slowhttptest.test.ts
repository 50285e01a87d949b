// R01–R03 by slowhttptest, against the gateway as its users run it: all of its connections are closed while it still attacks, and
// whoever asks meanwhile is served.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify, stripVTControlCharacters } from 'node:util';
import { ADDRESS } from '../../harness/resources.ts';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';

const CONNECTIONS = 20;
/** How long it would go on. */
const LIMIT_S = 14;
/** Until when its connections must be closed. */
const BOUND_MS = 10_000;
const POLL_MS = 50;
const TIMEOUT = '1s';
/** Beyond what the kernels on both sides keep. */
const ANSWER_BYTES = 16 * 1024 * 1024;

const ATTACKS = [
  ['R01 heads without end', '/', ['-H', '-i', '1']],
  ['R02 bodies that stop', '/', ['-B', '-i', '10', '-s', '8192']],
  // What comes a few bytes at a time has not stopped: the rule's timeout bounds the whole.
  ['R02 bodies a few bytes at a time', '/bounded', ['-B', '-i', '1', '-s', '8192', '-x', '10']],
  ['R03 answers that are hardly read', '/large', ['-X', '-i', '1', '-w', '512', '-y', '1024', '-n', '5', '-z', '32']],
] as const;

interface Stage {
  readonly sluice: SystemGateway;
  /** One for each attack. */
  readonly ports: readonly number[];
}

async function startStage(t: TestContext): Promise<Stage> {
  const directory = new TemporaryDirectory(t);
  const upstream = createServer((request, response) => {
    if (request.url === '/large') response.end(Buffer.alloc(ANSWER_BYTES));
    else request.resume().on('end', () => response.end('ok'));
  });
  await once(upstream.listen(0, ADDRESS), 'listening');
  t.after(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const ports = await Promise.all(ATTACKS.map(() => freePort()));
  directory.write({
    'manifests/all.yaml': documents(
      gateway(...ports.map((port, index) => ({ name: `attack-${index}`, port }))),
      backend('node', (upstream.address() as AddressInfo).port),
      route('all', { backend: 'node' }, { path: '/bounded', backend: 'node', timeouts: { request: '3s' } }),
    ),
  });
  const sluice = await SystemGateway.start(t, directory.at('manifests'), {
    environment: {
      SLUICE_TIMEOUTS_HEAD: TIMEOUT,
      SLUICE_TIMEOUTS_BODY_IDLE: TIMEOUT,
      SLUICE_TIMEOUTS_WRITE_STALL: TIMEOUT,
      SLUICE_TIMEOUTS_LINGER: TIMEOUT,
    },
  });
  return { sluice, ports };
}

/** Until the gateway has closed as many connections as the attack opens. */
async function untilClosed({ sluice }: Stage, port: number): Promise<void> {
  const deadlineMs = performance.now() + BOUND_MS;
  for (;;) {
    const metrics = await sluice.metrics();
    const addresses = metrics.labelValues('sluice_connections_total', 'address');
    const address = addresses.find((each) => each.endsWith(`:${port}`)) ?? '';
    const total = metrics.sum('sluice_connections_total', { address });
    const active = metrics.sum('sluice_active_connections', { address });
    if (total >= CONNECTIONS && active === 0) return;
    assert.ok(performance.now() < deadlineMs, `${active} of ${total} connections are open after ${BOUND_MS} ms`);
    await delay(POLL_MS);
  }
}

/** Attacks as long as `during` takes. Whether each request that it makes beside its attack is answered. */
async function attack(url: string, args: readonly string[], during: () => Promise<void>): Promise<boolean> {
  const fixed = ['-c', `${CONNECTIONS}`, '-r', `${CONNECTIONS}`, '-l', `${LIMIT_S}`, '-p', '3', '-u', url];
  const running = promisify(execFile)('slowhttptest', [...args, ...fixed]);
  // It ends in order, and reports.
  await during().finally(() => running.child.kill('SIGINT'));
  const report = stripVTControlCharacters((await running).stdout);
  assert.match(report, /^service available: +YES/m);
  return !/^service available: +NO/m.test(report);
}

test('slowhttptest', { concurrency: true, timeout: 60_000 }, async (t) => {
  const stage = await startStage(t);
  const runs = ATTACKS.map(([what, path, args], index) =>
    t.test(what, async () => {
      const port = stage.ports[index] ?? assert.fail();
      const url = `http://${ADDRESS}:${port}${path}`;
      assert.ok(await attack(url, args, () => untilClosed(stage, port)), 'others are served meanwhile');
    }),
  );
  await Promise.all(runs);
});
