// More events than a real API server can be made to send on a small machine: a real `sluice run` behind a scripted one.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../../conformance/cluster.ts';
import { ApiStore } from '../../unit/provider/kubernetes/api-store.ts';
import type { StoredManifest } from '../../unit/provider/kubernetes/api-store.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { Sluice } from './cluster-stage.ts';

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const ROUTES = 50;
const EVENTS_PER_MS = 2;
const PIECE_EVERY_MS = 10;
const FLOOD_MS = 4_000;

function manifest(kind: string, name: string, spec: object): StoredManifest {
  const metadata = kind === 'GatewayClass' ? { name } : { namespace: 'default', name };
  return { apiVersion: GATEWAY_API, kind, metadata, spec };
}

function route(index: number, tick: number): StoredManifest {
  const matches = [{ path: { type: 'PathPrefix', value: `/route-${index}/${tick}` } }];
  return manifest('HTTPRoute', `route-${index}`, { parentRefs: [{ name: 'gw' }], rules: [{ matches }] });
}

function kubeconfig(server: URL): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a', namespace: 'default' } }],
    clusters: [{ name: 'a', cluster: { server: server.origin } }],
    users: [{ name: 'a', user: {} }],
  });
}

test('a thousand changes a second: memory and applies are bounded, and the last state is served at once', async (t) => {
  const store = await ApiStore.open(t);
  const [port = 0] = await freePorts(1);
  store.put(manifest('GatewayClass', 'sluice', { controllerName: 'sluice.dev/gateway-controller' }));
  const listeners = [{ name: 'http', port, protocol: 'HTTP' }];
  store.put(manifest('Gateway', 'gw', { gatewayClassName: 'sluice', listeners }));
  for (let index = 0; index < ROUTES; index++) store.put(route(index, 0));
  const file = new TemporaryDirectory(t).at('kubeconfig');
  writeFileSync(file, kubeconfig(store.server.url));
  const sluice = new Sluice(file);
  t.after(() => sluice.process[Symbol.asyncDispose]());
  await sluice.started();
  // Without backends: 500; a path that no route has: 404.
  const status = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  assert.deepEqual([await status('/route-7/0'), await status('/route-7/1')], [500, 404]);

  const applies = await sluice.applies();
  const beforeMib = sluice.residentMebibytes();
  const startMs = performance.now();
  let events = 0;
  let peakMib = 0;
  for (let elapsedMs = 0; elapsedMs < FLOOD_MS; elapsedMs = performance.now() - startMs) {
    store.atOnce(() => {
      while (events <= elapsedMs * EVENTS_PER_MS) store.put(route(events % ROUTES, 1 + Math.floor(events++ / ROUTES)));
    });
    peakMib = Math.max(peakMib, sluice.residentMebibytes());
    await delay(PIECE_EVERY_MS);
  }
  const endMs = performance.now();
  const last = events - 1;
  const path = `/route-${last % ROUTES}/${1 + Math.floor(last / ROUTES)}`;
  while ((await status(path)) !== 500) {
    assert.ok(performance.now() - endMs < 5_000, `${path} is not served`);
    await delay(10);
  }
  const lateMs = performance.now() - endMs;
  const seconds = (endMs - startMs) / 1_000;
  const appliesPerSecond = ((await sluice.applies()) - applies) / seconds;
  t.diagnostic(
    `${Math.round(events / seconds)} events/s for ${seconds.toFixed(1)} s: ${appliesPerSecond.toFixed(1)} applies/s, ` +
      `${peakMib - beforeMib} MiB more at the peak, the last one served ${Math.round(lateMs)} ms after it was sent`,
  );
  assert.ok(events / seconds >= 1_000, `only ${events / seconds} events/s`);
  assert.ok(appliesPerSecond <= 10, `${appliesPerSecond} applies/s`);
  assert.ok(peakMib - beforeMib < 100, `${peakMib - beforeMib} MiB`);
});
