import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Certificate } from '../../../src/ir/certificate.ts';
import { CLUSTER_DEFAULTS } from '../../../src/ir/cluster.ts';
import { createIr, type Resource } from '../../../src/ir/ir.ts';
import type { Route } from '../../../src/ir/route.ts';
import { SecretText } from '../../../src/lib/secret-text.ts';
import { parsePrometheusText } from '../observability/prometheus-parser.ts';
import { startAdmin } from './admin-fixture.ts';

const CERTIFICATE: Certificate = {
  kind: 'certificate',
  key: 'certificate/infra/tls',
  chainPem: 'CHAIN',
  privateKeyPem: new SecretText('PRIVATE KEY'),
};

test('/healthz, /version and /metrics', async (context) => {
  const { send } = await startAdmin(context);
  assert.deepEqual((await send('GET', '/healthz')).json, { status: 'ok' });
  assert.deepEqual((await send('GET', '/version')).json, { version: '1.2.3', node: 'v24.0.0' });
  const metrics = await send('GET', '/metrics');
  assert.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(parsePrometheusText(metrics.body).get('x')?.samples[0]?.value, 1);
});

test('/metrics takes the text in pieces too', async (context) => {
  const { send, source } = await startAdmin(context);
  const whole = (await send('GET', '/metrics')).body;
  source.metrics = () => [whole.slice(0, 5), whole.slice(5)];
  const pieces = await send('GET', '/metrics');
  assert.equal(pieces.body, whole);
  assert.equal(pieces.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
});

test('/readyz follows the source and gives the reasons', async (context) => {
  const { send, source } = await startAdmin(context);
  const readiness = { ready: false, reasons: ['no configuration has been applied yet', 'draining'] };
  source.readinessNow = readiness;
  const notReady = await send('GET', '/readyz');
  assert.deepEqual([notReady.status, notReady.json], [503, readiness]);
  source.readinessNow = { ready: true, reasons: [] };
  const ready = await send('GET', '/readyz');
  assert.deepEqual([ready.status, ready.json], [200, { ready: true, reasons: [] }]);
});

test('/config shows the IR by key, without secrets', async (context) => {
  const { send, source } = await startAdmin(context);
  source.irNow = createIr([route(2), CERTIFICATE, route(1)]);
  const answer = await send('GET', '/config');
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  const { hash, resources } = answer.json as { hash: string; resources: readonly Resource[] };
  assert.equal(hash, source.irNow.hash);
  assert.deepEqual(
    resources.map(({ key }) => key),
    [CERTIFICATE.key, route(1).key, route(2).key],
  );
  assert.deepEqual(resources[0], { ...CERTIFICATE, privateKeyPem: '[redacted]' });
  assert.doesNotMatch(answer.body, /PRIVATE|HIDDEN/);
  assert.match(answer.body, /"name":"Authorization","value":"\[redacted\]"/);
  assert.match(answer.body, /"name":"x-team","value":"shop"/);
});

test('/config?key= shows what begins like that', async (context) => {
  const { send, source } = await startAdmin(context);
  source.irNow = createIr([route(1), route(2), CERTIFICATE]);
  const keys = async (query: string): Promise<readonly string[]> => {
    const { json } = await send('GET', `/config${query}`);
    return (json as { resources: readonly Resource[] }).resources.map(({ key }) => key);
  };
  assert.deepEqual(await keys('?key=certificate/'), [CERTIFICATE.key]);
  assert.deepEqual(await keys(`?key=${encodeURIComponent(route(2).key)}`), [route(2).key]);
  assert.deepEqual(await keys('?key=nothing'), []);
  assert.equal((await keys('?key=')).length, 3);
});

test('/status shows objects, chosen by kind, namespace and name', async (context) => {
  const { send, source } = await startAdmin(context);
  const gatewayClass = { apiVersion: 'g/v1', kind: 'GatewayClass', name: 'sluice', status: { conditions: [] } };
  const gateway = {
    apiVersion: 'g/v1',
    kind: 'Gateway',
    namespace: 'infra',
    name: 'a',
    generation: 3,
    status: { x: 1 },
  };
  const shop = {
    apiVersion: 'g/v1',
    kind: 'HTTPRoute',
    namespace: 'shop',
    name: 'a',
    status: { parents: [{ y: 'z' }] },
  };
  source.statusesNow = [gatewayClass, gateway, shop];
  const items = async (query: string): Promise<unknown> => {
    const { json } = await send('GET', `/status${query}`);
    return (json as { items: unknown }).items;
  };
  assert.deepEqual(await items(''), [gatewayClass, gateway, shop]);
  assert.deepEqual(await items('?kind=Gateway'), [gateway]);
  assert.deepEqual(await items('?name=a'), [gateway, shop]);
  assert.deepEqual(await items('?name=a&namespace=shop'), [shop]);
  assert.deepEqual(await items('?kind=Gateway&namespace=shop'), []);
});

test('/problems lists them', async (context) => {
  const { send, source } = await startAdmin(context);
  source.problemsNow = [
    { message: 'unknown field', file: 'a.yaml', line: 3, column: 5, object: 'Gateway infra/a', path: 'spec.x' },
  ];
  assert.deepEqual((await send('GET', '/problems')).json, { items: source.problemsNow });
});

test('5 000 routes are shown without holding up the event loop', async (context) => {
  const { send, source } = await startAdmin(context);
  const routes = Array.from({ length: 5_000 }, (_, i) => route(i));
  source.irNow = createIr(routes);
  const watch = { longestMs: 0, isOn: true };
  const watching = (async () => {
    for (let last = performance.now(); watch.isOn;) {
      await nextTurn();
      const now = performance.now();
      watch.longestMs = Math.max(watch.longestMs, now - last);
      last = now;
    }
  })();
  const answer = await send('GET', '/config');
  watch.isOn = false;
  await watching;
  const { longestMs } = watch;
  context.diagnostic(`${answer.body.length} bytes, longest turn of the event loop ${longestMs.toFixed(1)} ms`);
  assert.equal((answer.json as { resources: readonly Resource[] }).resources.length, 5_000);
  assert.ok(longestMs < 500, `${longestMs} ms`);
});

function route(index: number): Route {
  const name = `shop/route-${String(index).padStart(4, '0')}`;
  return {
    kind: 'route',
    protocol: 'http',
    key: `route/HTTPRoute/${name}`,
    name,
    createdAtMs: 0,
    attachments: [{ virtualHost: 'infra/public/http', hostnames: [{ served: 'shop.example.com', declared: '*' }] }],
    rules: [
      {
        name: '0',
        matches: [{ path: { type: 'prefix', value: `/cart/${index}` }, headers: [], queryParams: [] }],
        filters: [
          {
            kind: 'requestHeaderModifier',
            set: [
              { name: 'Authorization', value: 'Bearer HIDDEN' },
              { name: 'x-team', value: 'shop' },
            ],
            add: [{ name: 'x-api-key', value: 'HIDDEN' }],
            remove: ['cookie'],
          },
        ],
        backends: [{ name: 'shop/cart:80', weight: 1, cluster: 'cluster/Service/shop/cart/80', filters: [] }],
        requestTimeoutMs: CLUSTER_DEFAULTS.idleTimeoutMs,
        backendRequestTimeoutMs: 0,
      },
    ],
  };
}
