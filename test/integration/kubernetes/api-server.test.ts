// The client of src/kubernetes against a real kube-apiserver and etcd: everything that a scripted server could only imitate.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CORE_KINDS } from '../../../src/api/kinds.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import type { ResourceKind } from '../../../src/api/schema.ts';
import { ApiClient } from '../../../src/kubernetes/api-client.ts';
import { SYSTEM_CLOCK } from '../../../src/kubernetes/clock.ts';
import type { ClusterAccess } from '../../../src/kubernetes/cluster-access.ts';
import { COUNT_INTERVAL_MS, EventRecorder } from '../../../src/kubernetes/event-recorder.ts';
import { loadKubeconfig } from '../../../src/kubernetes/kubeconfig.ts';
import { LeaderElection } from '../../../src/kubernetes/lease.ts';
import { PAGE_SIZE, Reflector } from '../../../src/kubernetes/reflector.ts';
import type { ReflectorOptions } from '../../../src/kubernetes/reflector.ts';
import { CUSTOM_RESOURCE_DEFINITION, EVENT, X_BACKEND } from '../../../src/kubernetes/resource.ts';
import type { StoredObject } from '../../../src/kubernetes/object-reading.ts';
import { SILENT_LOGGER } from '../../../src/observability/process-log.ts';
import { skipWithoutCluster, startCluster } from '../../conformance/cluster.ts';
import type { Cluster } from '../../conformance/cluster.ts';
import { Conditions } from '../../harness/deadline.ts';
import { FakeClock } from '../../harness/fake-clock.ts';
import { SeverableLink } from './severable-link.ts';

const BOUND_MS = 60_000;
const [NAMESPACE, SECRET, CONFIG_MAP] = CORE_KINDS as [ResourceKind, ResourceKind, ResourceKind];
const ROLE: ResourceKind = kindOf('rbac.authorization.k8s.io', 'v1', 'Role', 'roles');
const ROLE_BINDING: ResourceKind = kindOf('rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings');
const SERVICE_ACCOUNT: ResourceKind = kindOf('', 'v1', 'ServiceAccount', 'serviceaccounts');
const WIDGET: ResourceKind = kindOf('example.dev', 'v1', 'Widget', 'widgets');

function kindOf(group: string, version: string, kind: string, plural: string): ResourceKind {
  return { group, versions: [version], kind, plural, namespaced: true };
}

function configMap(
  namespace: string,
  name: string,
  data: Readonly<Record<string, string>> = {},
): KubernetesObject & { data: object } {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

/** What a reflector told, as a set and as a story. */
class Watcher {
  readonly reflector: Reflector<StoredObject>;
  readonly story: string[] = [];
  readonly names = new Set<string>();
  readonly #conditions = new Conditions();

  constructor(
    options: Pick<ReflectorOptions<StoredObject>, 'client' | 'kind'> & Partial<ReflectorOptions<StoredObject>>,
  ) {
    this.reflector = new Reflector<StoredObject>({
      keep: (object) => (object.metadata.name === 'kube-root-ca.crt' ? undefined : object),
      onChanges: (changes) => {
        for (const { kind, name } of changes) {
          this.story.push(`${kind} ${name}`);
          if (kind === 'upsert') this.names.add(name);
          else this.names.delete(name);
        }
        this.#conditions.changed();
      },
      onState: () => this.#conditions.changed(),
      logger: SILENT_LOGGER,
      clock: SYSTEM_CLOCK,
      random: Math.random,
      ...options,
    });
    this.reflector.start();
  }

  async until(what: string, probe: (watcher: this) => boolean): Promise<void> {
    await this.#conditions.until(what, () => probe(this) || undefined, BOUND_MS);
  }

  untilState(state: string): Promise<void> {
    return this.until(`state ${state}`, ({ reflector }) => reflector.state.kind === state);
  }
}

describe('a real API server', { skip: skipWithoutCluster() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cluster-'));
  let cluster: Cluster;
  let access: ClusterAccess;
  let client: ApiClient;

  before(async () => {
    cluster = await startCluster(folder);
    access = await loadKubeconfig({ files: [cluster.kubeconfig], environment: {}, clock: SYSTEM_CLOCK });
    client = new ApiClient({ access, version: 'test', clock: SYSTEM_CLOCK });
  });
  after(async () => {
    client?.close();
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function makeNamespace(name: string): Promise<string> {
    await client.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  }

  function watch(t: TestContext, kind: ResourceKind, options: Partial<ReflectorOptions<StoredObject>> = {}): Watcher {
    const watcher = new Watcher({ client, kind, ...options });
    t.after(() => watcher.reflector.stop());
    return watcher;
  }

  test('every verb, and what a reflector sees of it', async (t) => {
    const namespace = await makeNamespace('verbs');
    const watcher = watch(t, CONFIG_MAP, { namespace });
    await watcher.untilState('synced');
    const created = await client.create(CONFIG_MAP, configMap(namespace, 'one', { a: '1' }));
    await client.update(CONFIG_MAP, { ...created, data: { a: '2' } });
    await assert.rejects(client.update(CONFIG_MAP, { ...created, data: {} }), { status: 409, reason: 'Conflict' });
    await client.mergePatch(CONFIG_MAP, { namespace, name: 'one' }, { data: { b: '3' } });
    await client.apply(CONFIG_MAP, configMap(namespace, 'one', { a: '4' }), { fieldManager: 'sluice', force: true });
    const { data } = await client.get<KubernetesObject & { data: object }>(CONFIG_MAP, { namespace, name: 'one' });
    assert.deepEqual(data, { a: '4', b: '3' });
    await client.delete(CONFIG_MAP, { namespace, name: 'one' });
    await watcher.until('the deletion', ({ story }) => story.includes('delete one'));
    assert.deepEqual(watcher.story, [...Array.from({ length: 4 }, () => 'upsert one'), 'delete one']);
    await assert.rejects(client.get(CONFIG_MAP, { namespace, name: 'one' }), { status: 404, reason: 'NotFound' });
  });

  test('more than a page; a cut link, a restart and a compaction in the middle', async (t) => {
    const namespace = await makeNamespace('pages');
    const count = PAGE_SIZE + 100;
    const link = await SeverableLink.open(Number(new URL(cluster.server).port));
    t.after(() => link.close());
    const linked = new ApiClient({
      access: { ...access, server: new URL(`https://127.0.0.1:${link.port}`) },
      version: 'test',
      clock: SYSTEM_CLOCK,
    });
    t.after(() => linked.close());
    await Promise.all(
      Array.from({ length: count }, (_, index) => client.create(CONFIG_MAP, configMap(namespace, `map-${index}`))),
    );
    const watcher = watch(t, CONFIG_MAP, { client: linked, namespace });
    await watcher.untilState('synced');
    assert.equal(watcher.names.size, count);

    // A link that is mended soon: the watch goes on where it was.
    link.cut();
    await watcher.untilState('failing');
    await client.delete(CONFIG_MAP, { namespace, name: 'map-0' });
    link.mend();
    await watcher.until('the deletion', ({ names }) => !names.has('map-0'));
    assert.equal(watcher.reflector.counts.lists, 1);

    // A server that is restarted: nobody else tells of what came before and after.
    await cluster.stopServer();
    await watcher.untilState('failing');
    await cluster.startServer();
    await client.create(CONFIG_MAP, configMap(namespace, 'after-restart'));
    await watcher.until('the new one', ({ names }) => names.has('after-restart'));

    // A history that is gone.
    link.cut();
    await watcher.untilState('failing');
    const [, ...doomed] = watcher.names;
    await Promise.all(doomed.slice(0, 50).map((name) => client.delete(CONFIG_MAP, { namespace, name })));
    await client.create(CONFIG_MAP, configMap(namespace, 'unseen'));
    const { resourceVersion } = await client.list(CONFIG_MAP, { namespace, limit: 1 });
    const compacted = await fetch(`${cluster.etcdServer}/v3/kv/compaction`, {
      method: 'POST',
      body: JSON.stringify({ revision: resourceVersion, physical: true }),
    });
    assert.equal(compacted.status, 200);
    await cluster.stopServer();
    await cluster.startServer();
    const { lists } = watcher.reflector.counts;
    watcher.story.length = 0;
    link.mend();
    await watcher.until('all of it', ({ names }) => names.has('unseen') && names.size === count + 1 - 50);
    assert.ok(watcher.reflector.counts.lists > lists);
    assert.deepEqual(
      watcher.story.toSorted(),
      ['upsert unseen', ...doomed.slice(0, 50).map((name) => `delete ${name}`)].toSorted(),
    );
  });

  test('a thousand Secrets that nobody names cost nothing', async (t) => {
    const namespace = await makeNamespace('secrets');
    const data = { key: Buffer.alloc(4_096, 'x').toString('base64') };
    const secrets = Array.from({ length: 1_000 }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name: `secret-${index}` },
      data,
    }));
    await Promise.all(secrets.map((secret) => client.create(SECRET, secret)));
    secrets.length = 0;
    const before = heapBytes();
    const wanted = new Set(['secret-7']);
    const watcher = watch(t, SECRET, {
      namespace,
      keep: (object) => (wanted.has(object.metadata.name) ? object : undefined),
    });
    await watcher.untilState('synced');
    const grownBytes = heapBytes() - before;
    assert.deepEqual([...watcher.names], ['secret-7']);
    assert.ok(grownBytes < 300_000, `${grownBytes} bytes`);
    wanted.add('secret-8');
    await watcher.reflector.refresh({ namespace, name: 'secret-8' });
    assert.deepEqual([...watcher.names], ['secret-7', 'secret-8']);
  });

  test('a kind that comes and goes with its CRD', async (t) => {
    const namespace = await makeNamespace('crd');
    const watcher = watch(t, WIDGET);
    await watcher.untilState('absent');
    await client.create(CUSTOM_RESOURCE_DEFINITION, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.example.dev' },
      spec: {
        group: 'example.dev',
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    } as KubernetesObject);
    const crds = watch(t, CUSTOM_RESOURCE_DEFINITION, {
      onChanges: () => watcher.reflector.retry(),
    });
    await watcher.untilState('synced');
    await client.create(WIDGET, { apiVersion: 'example.dev/v1', kind: 'Widget', metadata: { namespace, name: 'one' } });
    await watcher.until('the widget', ({ names }) => names.has('one'));
    await client.delete(CUSTOM_RESOURCE_DEFINITION, { name: 'widgets.example.dev' });
    await watcher.until('its end', ({ names }) => names.size === 0);
    await watcher.untilState('absent');
    assert.equal(crds.reflector.state.kind, 'synced');
  });

  test('a kind whose group this server does not know', async (t) => {
    await watch(t, X_BACKEND).untilState('absent');
  });

  test('a role that is missing, and given later', async (t) => {
    const namespace = await makeNamespace('roles');
    await client.create(SERVICE_ACCOUNT, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace, name: 'gateway' },
    });
    const files = [await cluster.writeServiceAccountKubeconfig(namespace, 'gateway')];
    const asPod = new ApiClient({
      access: await loadKubeconfig({ files, environment: {}, clock: SYSTEM_CLOCK }),
      version: 'test',
      clock: SYSTEM_CLOCK,
    });
    t.after(() => asPod.close());
    const watcher = watch(t, CONFIG_MAP, { client: asPod, namespace });
    await watcher.untilState('forbidden');
    const { state } = watcher.reflector;
    assert.match(
      'message' in state ? state.message : '',
      /^may not list configmaps in namespace roles: .*serviceaccount:roles:gateway/,
    );
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }];
    const metadata = { namespace, name: 'gateway' };
    await client.create(ROLE, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules,
    } as KubernetesObject);
    await client.create(ROLE_BINDING, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'gateway' },
      subjects: [{ kind: 'ServiceAccount', namespace, name: 'gateway' }],
    } as KubernetesObject);
    const asked = setInterval(() => watcher.reflector.retry(), 100);
    t.after(() => clearInterval(asked));
    await watcher.untilState('synced');
  });

  test('two candidates for one Lease', async (t) => {
    const namespace = await makeNamespace('leases');
    const conditions = new Conditions();
    const enter = (identity: string): LeaderElection => {
      const changed = (): void => conditions.changed();
      const election = new LeaderElection({
        client,
        namespace,
        name: 'leader',
        identity,
        onLeading: changed,
        onLost: changed,
        onLeader: changed,
        logger: SILENT_LOGGER,
        clock: SYSTEM_CLOCK,
        random: Math.random,
      });
      t.after(() => election.stop());
      election.start();
      return election;
    };
    const one = enter('one');
    await conditions.until('a leader', () => one.isLeading || undefined);
    const two = enter('two');
    await conditions.until('the leader is seen', () => two.leader === 'one' || undefined);
    assert.equal(two.isLeading, false);
    await one.stop();
    await conditions.until('another leader', () => two.isLeading || undefined);
  });

  test('Events that the server accepts, new and counted', async (t) => {
    const namespace = await makeNamespace('events');
    const clock = new FakeClock();
    const recorder = new EventRecorder({
      client,
      controller: 'sluice.dev/gateway-controller',
      instance: 'sluice-1',
      logger: SILENT_LOGGER,
      clock,
    });
    t.after(() => recorder.stop());
    const watcher = watch(t, EVENT, { namespace });
    const regarding = await client.create(CONFIG_MAP, configMap(namespace, 'subject'));
    const occurrence = { regarding, type: 'Warning', reason: 'Tested', action: 'Test', note: 'as said' } as const;
    recorder.record(occurrence);
    await watcher.until('the Event', ({ names }) => names.size === 1);
    clock.advance(COUNT_INTERVAL_MS);
    recorder.record(occurrence);
    await watcher.until('its count', ({ story }) => story.length === 2);
    assert.equal(recorder.dropped, 0);
    const [name = ''] = watcher.names;
    const { series } = await client.get<KubernetesObject & { series: { count: number } }>(EVENT, { namespace, name });
    assert.equal(series.count, 2);
  });
});

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
