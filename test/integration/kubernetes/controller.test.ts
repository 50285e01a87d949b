// Sluice as a controller, against a real API server: what users of a cluster see of it, and what it does while others fail. The tests share
// one cluster and go on from each other; each prints what it measured.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts, skipWithoutCluster } from '../../conformance/cluster.ts';
import { ClusterStage, Sluice } from './cluster-stage.ts';
import type { Manifest, Stored } from './cluster-stage.ts';

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const OWN = 'sluice.dev/gateway-controller';
const FOREIGN = 'example.com/other-controller';
/** Of a Lease that nobody gives back, and the time between two tries to get it. */
const TAKE_OVER_BOUND_MS = 15_000 + 2_000 + 3_000;

function manifest(kind: string, name: string, spec?: object, apiVersion = GATEWAY_API): Manifest {
  return { apiVersion, kind, metadata: { name }, ...(spec && { spec }) };
}

function backendRefs(): readonly object[] {
  return [{ group: 'sluice.dev', kind: 'Backend', name: 'web' }];
}

function httpRoute(name: string, path: string): Manifest {
  const matches = [{ path: { type: 'PathPrefix', value: path } }];
  return manifest('HTTPRoute', name, {
    parentRefs: [{ name: 'gw' }],
    rules: [{ matches, backendRefs: backendRefs() }],
  });
}

describe('Sluice in a cluster', { skip: skipWithoutCluster() }, () => {
  let stage: ClusterStage;
  let sluice: Sluice;
  let port = 0;
  let replicaPort = 0;
  let streamPorts: readonly number[] = [];

  before(async () => {
    stage = await ClusterStage.open();
    [port = 0, replicaPort = 0] = (await freePorts(2)).toSorted((a, b) => a - b);
    streamPorts = await freePorts(3);
    sluice = await stage.sluice();
  });
  after(() => stage?.[Symbol.asyncDispose]());

  async function answers(path = '/', at = port): Promise<number> {
    try {
      const response = await fetch(`http://127.0.0.1:${at}${path}`);
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 0;
    }
  }

  async function untilAnswers(path: string, status: number, at = port): Promise<void> {
    const deadlineMs = performance.now() + 10_000;
    while ((await answers(path, at)) !== status) {
      if (performance.now() > deadlineMs) throw new Error(`${path} is not answered with ${status}`);
      await delay(5);
    }
  }

  /** Asks without pause while something happens. */
  async function underTraffic(work: () => Promise<void>): Promise<{ readonly asked: number; readonly failed: number }> {
    const counts = { asked: 0, failed: 0 };
    const over = new AbortController();
    const asking = (async (): Promise<void> => {
      while (!over.signal.aborted) {
        counts.asked++;
        if ((await answers()) !== 200) counts.failed++;
        await delay(10);
      }
    })();
    try {
      await work();
    } finally {
      over.abort();
      await asking;
    }
    return counts;
  }

  test('a Gateway and its route are served and say so', async (t) => {
    const [tcp = 0, tls = 0, udp = 0] = streamPorts;
    await using writes = await stage.watch('Gateway');
    const startMs = performance.now();
    const endpoints = [{ ip: { address: '127.0.0.1', port: stage.upstreamPort } }];
    await stage.create(
      manifest('GatewayClass', 'sluice', { controllerName: OWN }),
      manifest('Gateway', 'gw', {
        gatewayClassName: 'sluice',
        allowedListeners: { namespaces: { from: 'Same' } },
        listeners: [
          { name: 'http', port, protocol: 'HTTP' },
          { name: 'tcp', port: tcp, protocol: 'TCP' },
          { name: 'tls', port: tls, protocol: 'TLS', tls: { mode: 'Passthrough' } },
          { name: 'udp', port: udp, protocol: 'UDP' },
        ],
      }),
      manifest('Backend', 'web', { endpoints }, 'sluice.dev/v1alpha1'),
      httpRoute('web', '/'),
    );
    await untilAnswers('/', 200);
    const servedMs = performance.now() - startMs;
    const programmed = /"type":"Programmed"[^}]*|"status":"True"[^}]*"type":"Programmed"/;
    await stage.untilStatus('Gateway', 'gw', programmed);
    await stage.untilStatus('Gateway', 'gw', /"attachedRoutes":1/);
    await stage.untilStatus('HTTPRoute', 'web', /"status":"True","type":"Accepted"/);
    t.diagnostic(
      `created to served ${Math.round(servedMs)} ms, to all statuses ${Math.round(performance.now() - startMs)} ms, ` +
        `${writes.statusWrites('gw').length} writes of the Gateway's`,
    );
    const { status } = await stage.get('Gateway', 'gw');
    const conditions = (status?.['conditions'] ?? []) as readonly { readonly type: string; readonly status: string }[];
    assert.equal(conditions.find(({ type }) => type === 'Programmed')?.status, 'True');
  });

  test('statuses of all kinds come to rest', async (t) => {
    const parentRefs = (sectionName: string): object => [{ name: 'gw', sectionName }];
    const rules = [{ backendRefs: [{ ...backendRefs()[0] }] }];
    await stage.create(
      manifest('GRPCRoute', 'grpc', { parentRefs: parentRefs('http'), hostnames: ['grpc.example'], rules }),
      manifest('TLSRoute', 'tls', { parentRefs: parentRefs('tls'), hostnames: ['tls.example'], rules }),
      manifest('TCPRoute', 'tcp', { parentRefs: parentRefs('tcp'), rules }),
      manifest('UDPRoute', 'udp', { parentRefs: parentRefs('udp'), rules }),
      manifest('ListenerSet', 'set', {
        parentRef: { name: 'gw' },
        listeners: [{ name: 'more', port, protocol: 'HTTP', hostname: 'set.example' }],
      }),
      manifest('BackendTLSPolicy', 'policy', {
        targetRefs: [{ group: 'sluice.dev', kind: 'Backend', name: 'web' }],
        validation: { hostname: 'web.example', wellKnownCACertificates: 'System' },
      }),
    );
    const kinds = ['GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'];
    for (const kind of kinds) await stage.untilStatus(kind, kind.slice(0, -5).toLowerCase(), /"controllerName"/);
    await stage.untilStatus('ListenerSet', 'set', /"type":"Programmed"/);
    await stage.untilStatus('BackendTLSPolicy', 'policy', /"ancestors":\[\{/);
    await stage.delete('BackendTLSPolicy', 'policy');
    await untilAnswers('/', 200);
    const all = ['GatewayClass', 'Gateway', 'HTTPRoute', ...kinds, 'ListenerSet', 'Backend'];
    await delay(1_000);
    const before = await stage.versions(...all);
    await delay(1_500);
    assert.deepEqual(await stage.versions(...all), before);
    assert.deepEqual(sluice.logged(/otherwise than it was written|again and again|could not be written/), []);
    t.diagnostic(`${Object.keys(before).length} objects of ${all.length} kinds, no write in 1.5 s`);
  });

  test('what another controller says of a route stays, and what it takes away comes back once', async (t) => {
    await using writes = await stage.watch('HTTPRoute');
    const { status } = await stage.get('HTTPRoute', 'web');
    const own = status?.['parents'] as readonly object[];
    const foreign = { ...own[0], controllerName: FOREIGN };
    const controllers = ({ status: now }: Stored): unknown[] =>
      ((now?.['parents'] ?? []) as readonly { controllerName: string }[]).map(({ controllerName }) => controllerName);
    await stage.patch('HTTPRoute', 'web', { status: { parents: [foreign, ...own] } }, '/status');
    // Sluice writes beside it…
    await stage.patch('HTTPRoute', 'web', { spec: { hostnames: ['localhost', '127.0.0.1'] } });
    const moved = await stage.untilStatus('HTTPRoute', 'web', new RegExp(`"observedGeneration":2.*${OWN}`));
    assert.deepEqual(controllers(moved), [FOREIGN, OWN]);
    // …and anew, where it was overwritten.
    await stage.patch('HTTPRoute', 'web', { status: { parents: [foreign] } }, '/status');
    const mended = await stage.untilStatus('HTTPRoute', 'web', new RegExp(OWN));
    assert.deepEqual(controllers(mended), [FOREIGN, OWN]);
    const count = writes.versions.length;
    await delay(1_500);
    assert.equal(writes.versions.length, count, 'somebody still writes');
    t.diagnostic(`${count} versions for 3 writes of others: ${count - 3} of Sluice's`);
    assert.equal(count - 3, 2);
  });

  test('a thousand Secrets that nobody names cost next to nothing', async (t) => {
    const applies = await sluice.applies();
    const beforeMib = sluice.residentMebibytes();
    const data = { key: Buffer.alloc(4_096, 'x').toString('base64') };
    const names = Array.from({ length: 1_000 }, (_, index) => `secret-${index}`);
    await stage.create(...names.map((name) => ({ ...manifest('Secret', name, undefined, 'v1'), data })));
    await stage.delete('Secret', ...names.slice(0, 500));
    const grownMib = sluice.residentMebibytes() - beforeMib;
    assert.equal(await sluice.applies(), applies);
    t.diagnostic(`1 500 events of 5.4 KiB: ${grownMib} MiB more resident memory, no apply`);
    assert.ok(grownMib < 64, `${grownMib} MiB`);
  });

  test('a thousand routes come and go', async (t) => {
    await using writes = await stage.watch('Gateway');
    const attached = (count: number) => (): boolean =>
      JSON.stringify(writes.versions.at(-1)?.status ?? {}).includes(`"attachedRoutes":${count},`);
    const names = Array.from({ length: 1_000 }, (_, index) => `mass-${index}`);
    const startMs = performance.now();
    await stage.create(...names.map((name) => httpRoute(name, `/${name}`)));
    const createdMs = performance.now();
    // The two that were there are attached, too.
    await writes.until('1 002 attached', attached(1_002));
    const attachedMs = performance.now();
    await untilAnswers('/mass-999', 200);
    const writesUp = writes.statusWrites('gw').length;
    await stage.delete('HTTPRoute', ...names);
    const deletedMs = performance.now();
    await writes.until('2 attached', attached(2));
    const detachedMs = performance.now();
    const writesDown = writes.statusWrites('gw').length - writesUp;
    t.diagnostic(
      `created in ${Math.round(createdMs - startMs)} ms, attached ${Math.round(attachedMs - createdMs)} ms later, ${writesUp} writes; ` +
        `deleted in ${Math.round(deletedMs - attachedMs)} ms, detached ${Math.round(detachedMs - deletedMs)} ms later, ${writesDown} writes`,
    );
    assert.ok(attachedMs - createdMs < 5_000 && detachedMs - deletedMs < 5_000, 'slower than 5 s');
    assert.ok(writesUp + writesDown <= 50, `${writesUp + writesDown} writes`);
  });

  test('a flood of events', async (t) => {
    const slices = Array.from({ length: 24 }, (_, index) => `flood-${index}`);
    const slice = (name: string, tick: number): object => ({
      ...manifest('EndpointSlice', name, undefined, 'discovery.k8s.io/v1'),
      metadata: { name, labels: { 'kubernetes.io/service-name': 'flood' }, annotations: { tick: `${tick}` } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [`192.0.2.${tick % 250}`] }],
      ports: [{ name: 'http', port: 80 }],
    });
    await stage.create(...slices.map((name) => slice(name, 0) as Manifest));
    await stage.create({
      ...manifest('Service', 'flood', { selector: {}, ports: [{ name: 'http', port: 80 }] }, 'v1'),
    });
    const route = httpRoute('flood', '/flood');
    const rules = [
      { backendRefs: [{ name: 'flood', port: 80 }], matches: [{ path: { type: 'PathPrefix', value: '/flood' } }] },
    ];
    await stage.create({ ...route, spec: { ...route.spec, rules } });
    await stage.untilStatus('HTTPRoute', 'flood', /"type":"ResolvedRefs"/);
    const applies = await sluice.applies();
    const beforeMib = sluice.residentMebibytes();
    const startMs = performance.now();
    let events = 0;
    let peakMib = 0;
    const traffic = await underTraffic(async () => {
      await stage.inParallel(slices, async (name) => {
        for (let tick = 1; performance.now() - startMs < 3_000; tick++) {
          await stage.patch('EndpointSlice', name, slice(name, tick));
          events++;
          if (events % 200 === 0) peakMib = Math.max(peakMib, sluice.residentMebibytes());
        }
      });
    });
    const seconds = (performance.now() - startMs) / 1_000;
    const appliesPerSecond = ((await sluice.applies()) - applies) / seconds;
    t.diagnostic(
      `${Math.round(events / seconds)} events/s for ${seconds.toFixed(1)} s: ${appliesPerSecond.toFixed(1)} applies/s, ` +
        `${peakMib - beforeMib} MiB more at the peak, ${traffic.failed} of ${traffic.asked} requests failed`,
    );
    assert.ok(appliesPerSecond <= 10, `${appliesPerSecond} applies/s`);
    assert.ok(peakMib - beforeMib < 150, `${peakMib - beforeMib} MiB`);
    assert.equal(traffic.failed, 0);
    await stage.delete('HTTPRoute', 'flood');
    await stage.delete('Service', 'flood');
    await stage.delete('EndpointSlice', ...slices);
  });

  test('a CRD that is deleted and made again takes along what is of its kind, and nothing else', async (t) => {
    const name = 'udproutes.gateway.networking.k8s.io';
    const { apiVersion, kind, spec, metadata } = await stage.get('CustomResourceDefinition', name);
    const { annotations } = metadata as { readonly annotations?: Readonly<Record<string, string>> };
    const gateway = await stage.get('Gateway', 'gw');
    const traffic = await underTraffic(async () => {
      await stage.delete('CustomResourceDefinition', name);
      await stage.cluster.admin.until('/apis/gateway.networking.k8s.io/v1', (list: { resources: { name: string }[] }) =>
        list.resources.every((resource) => resource.name !== 'udproutes'),
      );
      const crd = { apiVersion, kind, spec, metadata: { name, annotations } };
      await stage.cluster.admin.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
      await stage.cluster.admin.until('/apis/gateway.networking.k8s.io/v1', (list: { resources: { name: string }[] }) =>
        list.resources.some((resource) => resource.name === 'udproutes'),
      );
    });
    const startMs = performance.now();
    const route = manifest('UDPRoute', 'again', {
      parentRefs: [{ name: 'gw', sectionName: 'udp' }],
      rules: [{ backendRefs: backendRefs() }],
    });
    // The API server may take a moment to serve what it has listed.
    while ((await stage.create(route).catch((error: unknown) => error)) !== undefined) await delay(50);
    const createdMs = performance.now();
    await stage.untilStatus('UDPRoute', 'again', /"controllerName"/, 40_000);
    t.diagnostic(
      `a route of the new CRD is taken ${Math.round(createdMs - startMs)} ms after the CRD is listed, ` +
        `its status is there ${Math.round(performance.now() - createdMs)} ms later; ` +
        `${traffic.failed} of ${traffic.asked} requests failed`,
    );
    assert.equal(traffic.failed, 0);
    assert.equal((await stage.get('Gateway', 'gw')).metadata.generation, gateway.metadata.generation);
  });

  test('an API server that is away for longer than the Lease: traffic goes on, and nothing is done anew', async (t) => {
    const kinds = ['GatewayClass', 'Gateway', 'HTTPRoute', 'GRPCRoute', 'TCPRoute', 'UDPRoute', 'Backend'];
    const before = await stage.versions(...kinds);
    const applies = await sluice.applies();
    const traffic = await underTraffic(async () => {
      stage.link.cut();
      await stage.cluster.stopServer();
      await sluice.process.untilErrors(/"leading no more"/);
      await stage.cluster.startServer();
      stage.link.mend();
      await sluice.process.untilErrors(/"leading no more"[^]*"leading"/);
      await delay(2_000);
    });
    const after = await stage.versions(...kinds);
    assert.deepEqual(after, before);
    assert.equal(await sluice.applies(), applies);
    t.diagnostic(`${traffic.failed} of ${traffic.asked} requests failed; no status written, no configuration applied`);
    assert.equal(traffic.failed, 0);
    // It follows again.
    const startMs = performance.now();
    await stage.create(httpRoute('afterwards', '/afterwards'));
    await stage.untilStatus('HTTPRoute', 'afterwards', /"controllerName"/);
    t.diagnostic(`a new route has its status after ${Math.round(performance.now() - startMs)} ms`);
  });

  test('a leader that is killed: the other replica writes within the time of the Lease, and only what changed', async (t) => {
    await using writes = await stage.watch('HTTPRoute');
    await using gatewayWrites = await stage.watch('Gateway');
    const replica = await stage.sluice('--port-offset', `${replicaPort - port}`);
    await untilAnswers('/', 200, replicaPort);
    await delay(1_500);
    assert.deepEqual([writes.versions.length, gatewayWrites.versions.length], [0, 0], 'the second replica writes');
    const killedMs = performance.now();
    sluice.process.signal('SIGKILL');
    await stage.patch('HTTPRoute', 'web', { spec: { hostnames: ['127.0.0.1'] } });
    await stage.untilStatus('HTTPRoute', 'web', new RegExp(`"observedGeneration":3.*${OWN}`), TAKE_OVER_BOUND_MS);
    const takenOverMs = performance.now() - killedMs;
    await delay(1_500);
    t.diagnostic(
      `${Math.round(takenOverMs)} ms until it was written; ${writes.versions.length} versions of routes, ` +
        `${gatewayWrites.versions.length} of Gateways`,
    );
    assert.deepEqual([writes.versions.length, gatewayWrites.versions.length], [2, 0]);
    const { status } = await stage.get('HTTPRoute', 'web');
    assert.match(JSON.stringify(status), new RegExp(FOREIGN));
    assert.equal(replica.logged(/could not be written/).length, 0);
  });

  test('one that waits for its API server ends when it is asked to', async () => {
    stage.link.cut();
    await using waiting = new Sluice(stage.kubeconfig).process;
    await waiting.untilErrors(/configuration comes from an API server/);
    waiting.signal('SIGTERM');
    assert.equal((await waiting.ending()).code, 0);
  });
});
