// The commands that look at manifests without serving them, and `sluice status` of a gateway that does.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
import { freePort, sluice, SluiceProcess } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { gatewayManifest } from './manifests.ts';

const GOOD = gatewayManifest({ port: 8080, upstreamPort: 81 });

const BAD = `# one line before
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad, namespace: shop}
spec:
  parentRef: [{name: web}]
`;

const WARNED = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: warned, namespace: shop}
spec:
  parentRefs: [{name: web}]
  rules:
    - matches: [{path: {value: /old}, headers: [{name: x-a, value: "1"}]}]
      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: authorization, value: hunter2}]}}]
      backendRefs: [{name: nowhere, port: 80}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: shop}
stringData: {password: hunter2}
`;

function manifests(t: TestContext, files: Readonly<Record<string, string>>): TemporaryDirectory {
  const directory = new TemporaryDirectory(t);
  directory.write(files);
  return directory;
}

describe('sluice validate', () => {
  it('is content with good manifests', async (t) => {
    const { path } = manifests(t, { 'good.yaml': GOOD });
    const { code, output, errors } = await sluice(['validate', path]);
    assert.equal(code, 0, errors);
    assert.equal(output, 'no problems (1 Backend, 1 Gateway, 1 HTTPRoute)\n');
  });

  it('names place, object, field and reason of problems', async (t) => {
    const directory = manifests(t, { 'good.yaml': GOOD, 'bad.yaml': BAD, 'torn.json': '{"kind": ' });
    const { code, output } = await sluice(['validate', directory.path]);
    assert.equal(code, 1);
    const place = directory.at('bad.yaml');
    assert.ok(
      output.startsWith(`${place}:6:3 HTTPRoute shop/bad\n  spec.parentRef: unknown field; did you mean`),
      output,
    );
    assert.match(output, /torn\.json:1:\d+\n {2}\S/);
    assert.match(output, /^2 problems \(1 Backend, 1 Gateway, 1 HTTPRoute\)$/m);
  });

  it('warns of what the statuses say, which fails only when it is strict', async (t) => {
    const directory = manifests(t, { 'good.yaml': GOOD, 'warned.yaml': WARNED });
    const { code, output } = await sluice(['validate', directory.path]);
    assert.equal(code, 0);
    const finding = 'parent web: ResolvedRefs is False (BackendNotFound): ';
    assert.ok(
      output.startsWith(`${directory.at('warned.yaml')}:2:1 HTTPRoute shop/warned\n  warning: ${finding}`),
      output,
    );
    assert.match(
      output,
      /no problems, 1 warning \(1 Backend, 1 Gateway, 2 HTTPRoute, 1 Secret; skipped: 1 Deployment\)/,
    );
    assert.equal((await sluice(['validate', '--strict', directory.path])).code, 1);
  });

  it('says the same as JSON', async (t) => {
    const directory = manifests(t, { 'good.yaml': GOOD, 'bad.yaml': BAD, 'warned.yaml': WARNED });
    const { code, output } = await sluice(['validate', '--json', directory.path]);
    assert.equal(code, 1);
    const { problems, warnings, objects, skipped } = JSON.parse(output) as Record<string, Record<string, unknown>[]>;
    assert.deepEqual([problems?.length, problems?.[0]?.['line'], problems?.[0]?.['code']], [1, 6, 'unknown-field']);
    assert.deepEqual([warnings?.length, warnings?.[0]?.['line'], warnings?.[0]?.['type']], [1, 2, 'ResolvedRefs']);
    assert.deepEqual([objects, skipped], [{ Backend: 1, Gateway: 1, HTTPRoute: 2, Secret: 1 }, { Deployment: 1 }]);
  });
});

describe('sluice translate', () => {
  it('prints IR and statuses by key, as YAML and as JSON, without secrets', async (t) => {
    const { path } = manifests(t, { 'good.yaml': GOOD, 'warned.yaml': WARNED });
    const { code, output, errors } = await sluice(['translate', '--port-offset', '1000', path]);
    assert.equal(code, 0, errors);
    const { ir, statuses } = parse(output) as Record<string, Record<string, Record<string, unknown>>>;
    assert.deepEqual(Object.keys(ir ?? {}), [
      'cluster/Backend/shop/upstream',
      'listener/::/9080',
      'route/HTTPRoute/shop/cart',
      'route/HTTPRoute/shop/warned',
    ]);
    assert.equal(ir?.['listener/::/9080']?.['port'], 8080);
    assert.ok(statuses?.['Gateway/shop/web'] && statuses['HTTPRoute/shop/cart']);
    assert.doesNotMatch(output, /hunter2/);

    const { output: json } = await sluice(['translate', '--json', '--port-offset', '1000', path]);
    assert.deepEqual(JSON.parse(json), parse(output));
  });

  it('translates what is good, and says that not all is', async (t) => {
    const { path } = manifests(t, { 'good.yaml': GOOD, 'bad.yaml': BAD });
    const { code, output, errors } = await sluice(['translate', path]);
    assert.equal(code, 1);
    assert.equal(errors, '1 problem in the manifests; sluice validate shows them\n');
    assert.ok('route/HTTPRoute/shop/cart' in (parse(output) as { ir: object }).ir);
  });

  it('writes all of it into a pipe, however slow the reader', async (t) => {
    const routes = Array.from({ length: 400 }, (_, index) =>
      WARNED.split('---')[0]?.replace('warned', `route-${index}`),
    );
    const { path } = manifests(t, { 'good.yaml': GOOD, 'routes.yaml': routes.join('---') });
    const { output } = await sluice(['translate', path]);
    assert.ok(output.length > 200_000);
    assert.equal(Object.keys((parse(output) as { ir: object }).ir).length, 403);
  });
});

it('a reader that has seen enough is no failure', async (t) => {
  const { path } = manifests(t, { 'good.yaml': GOOD });
  await using command = new SluiceProcess(['translate', path]);
  command.child.stdout?.destroy();
  const { code, errors } = await command.ending();
  assert.deepEqual([code, errors], [0, '']);
});

describe('sluice explain', () => {
  it('tells where a request goes, and why not elsewhere', async (t) => {
    const { path } = manifests(t, { 'good.yaml': GOOD, 'warned.yaml': WARNED });
    const { code, output, errors } = await sluice(['explain', path, '--request', 'GET http://any:8080/old?x']);
    assert.equal(code, 0, errors);
    assert.match(output, /^GET http:\/\/any:8080\/old\?x\n {2}forwarded as \/old\?x to host any:8080\n/);
    assert.match(output, / route +HTTPRoute shop\/cart /);
    assert.match(output, / backends +100\.0 % +shop\/upstream \(weight 1\): 127\.0\.0\.1:81\n/);
    assert.match(output, /HTTPRoute shop\/warned, rule 0: path under \/old, header x-a = 1\n +header x-a is absent\n/);
  });

  it('takes headers into account, and says when the answer is an error', async (t) => {
    const { path } = manifests(t, { 'good.yaml': GOOD, 'warned.yaml': WARNED });
    const request = ['--request', 'GET http://any:8080/old', '-H', 'x-a: 1', '-H', 'x-b: 2'];
    const { code, output } = await sluice(['explain', path, ...request]);
    assert.equal(code, 1);
    assert.match(output, /answered 500: no backend of the rule can be used/);
    assert.doesNotMatch(output, /hunter2/);
    const { output: json } = await sluice(['explain', path, ...request, '--json']);
    const { outcome, route } = JSON.parse(json) as { outcome: { status: number }; route: { route: string } };
    assert.deepEqual([outcome.status, route.route], [500, 'HTTPRoute shop/warned']);
  });
});

describe('sluice status', () => {
  it('shows what a running gateway serves', async (t) => {
    const port = await freePort();
    const directory = manifests(t, {
      'good.yaml': gatewayManifest({ port, upstreamPort: 81 }),
      'bad.yaml': BAD,
      'warned.yaml': WARNED,
    });
    await using gateway = new SluiceProcess(['run', '--manifests', directory.path, '--admin', '127.0.0.1:0']);
    const [, admin = ''] = await gateway.untilErrors(/(http:\S+) +admin API/);
    const { code, output, errors } = await sluice(['status', '--admin', admin]);
    assert.equal(code, 0, errors);
    const lines = output.split('\n');
    assert.equal(lines[0], 'ready');
    assert.match(output, /^Gateway +shop\/web +Accepted, Programmed, AddressesAssigned, ResolvedRefs +2 +\S/m);
    assert.match(
      output,
      /^HTTPRoute +shop\/warned +Accepted, ResolvedRefs=False\n {2}parent web: ResolvedRefs is False /m,
    );
    assert.match(output, /^1 problem in the manifests\n\S+bad\.yaml:6:3 HTTPRoute shop\/bad\n {2}spec\.parentRef: /m);

    const environment = { SLUICE_ADMIN_ADDRESS: admin.replace('http://', '') };
    const { output: json } = await sluice(['status', 'gateways', 'web', '-n', 'shop', '--json'], { environment });
    const { items } = JSON.parse(json) as { items: { name: string; status: { conditions: object[] } }[] };
    assert.deepEqual(
      items.map(({ name }) => name),
      ['web'],
    );
    assert.ok('lastTransitionTime' in (items[0]?.status.conditions[0] ?? {}));
  });
});
