import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject } from '../../../../src/api/object.ts';
import { SILENT_LOGGER } from '../../../../src/observability/process-log.ts';
import type { LogFields, Logger } from '../../../../src/observability/process-log.ts';
import { KubernetesProvider } from '../../../../src/provider/kubernetes/kubernetes-provider.ts';
import type { KubernetesChange } from '../../../../src/provider/kubernetes/kubernetes-provider.ts';
import { liveKey, LiveObjects } from '../../../../src/provider/kubernetes/live-objects.ts';
import { Conditions } from '../../../harness/deadline.ts';
import { FakeClock } from '../../../harness/fake-clock.ts';
import { ApiStore } from './api-store.ts';
import type { StoredManifest } from './api-store.ts';

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const STATUS = { parents: [] };

function route(name: string, path = '/', setup: { namespace?: string; status?: object } = {}): StoredManifest {
  const { namespace = 'shop', status = STATUS } = setup;
  const rules = [
    { matches: [{ path: { type: 'PathPrefix', value: path } }], backendRefs: [{ name: 'web', port: 80 }] },
  ];
  const spec = { parentRefs: [{ name: 'gw' }], rules };
  return { apiVersion: GATEWAY_API, kind: 'HTTPRoute', metadata: { namespace, name }, spec, status };
}

/** That the API server took, but that Sluice doesn't understand: of a CRD to come. */
function strangeRoute(name: string, status: object = STATUS): StoredManifest {
  return {
    ...route(name),
    spec: { parentRefs: [{ name: 'gw' }], rules: [{ filters: [{ type: 'Teleport' }] }] },
    status,
  };
}

function gateway(addresses?: readonly object[]): StoredManifest {
  const spec = { gatewayClassName: 'sluice', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] };
  const metadata = { namespace: 'shop', name: 'gw' };
  return { apiVersion: GATEWAY_API, kind: 'Gateway', metadata, spec, ...(addresses && { status: { addresses } }) };
}

function secret(name: string, value = 'one', namespace = 'shop'): StoredManifest {
  const data = { key: Buffer.from(value).toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, data };
}

function crd(name: string): StoredManifest {
  const annotations = { 'gateway.networking.k8s.io/bundle-version': 'v1.7.0' };
  const spec = { group: name.slice(name.indexOf('.') + 1) };
  const metadata = { name, annotations };
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata, spec };
}

/** A provider, and what it told: applied as its owner does. */
class Follower {
  readonly clock: FakeClock = new FakeClock();
  readonly live: LiveObjects = new LiveObjects();
  readonly provider: KubernetesProvider;
  readonly objects = new Map<string, KubernetesObject>();
  /** That are not empty. */
  changes = 0;
  readonly liveKeys: string[] = [];
  readonly warnings: string[] = [];
  readonly #conditions = new Conditions();
  #draws = 0;

  constructor(t: TestContext, store: ApiStore, namespaces?: readonly string[]) {
    const warn = (first: LogFields | string, second?: string): void =>
      void this.warnings.push(second ?? (first as string));
    const logger: Logger = { ...SILENT_LOGGER, warn, child: () => SILENT_LOGGER };
    this.provider = new KubernetesProvider({
      client: store.client(t, this.clock),
      namespaces,
      live: this.live,
      onChange: (change) => this.#apply(change),
      onLive: (key) => {
        this.liveKeys.push(key);
        this.#conditions.changed();
      },
      logger,
      clock: this.clock,
      // No two pauses are alike.
      random: () => (++this.#draws * 0.37) % 1,
    });
    t.after(() => this.provider.close());
  }

  static async start(t: TestContext, store: ApiStore, namespaces?: readonly string[]): Promise<Follower> {
    const follower = new Follower(t, store, namespaces);
    follower.#apply(await follower.provider.start());
    follower.changes = 0;
    await store.server.until('all watches', () => (store.server.watches.length >= KINDS_FOLLOWED ? true : undefined));
    return follower;
  }

  until(what: string, probe: (follower: this) => boolean): Promise<true> {
    return this.#conditions.until(what, () => probe(this) || undefined);
  }

  /** Whoever waits for another try need not wait long. */
  letTimePass(t: TestContext): void {
    const timer = setInterval(() => this.clock.advance(500), 5);
    t.after(() => clearInterval(timer));
  }

  spec(name: string): string {
    return JSON.stringify(this.objects.get(`HTTPRoute/shop/${name}`));
  }

  #apply({ put, remove }: KubernetesChange): void {
    if (put.length + remove.length > 0) this.changes++;
    for (const { kind, namespace, name } of remove)
      this.objects.delete(liveKey({ kind, metadata: { name, ...(namespace && { namespace }) } }));
    for (const object of put) this.objects.set(liveKey(object), object);
    this.#conditions.changed();
  }
}

const CRD_SETTLING_MS = 3_000;
/** With CRDs, where one may be absent. */
const KINDS_FOLLOWED = 19;

async function start(t: TestContext, ...objects: readonly StoredManifest[]): Promise<[ApiStore, Follower]> {
  const store = await ApiStore.open(t);
  for (const object of objects) store.put(object);
  return [store, await Follower.start(t, store)];
}

describe('a provider that follows an API server', () => {
  test('begins with all that is there, but for what nobody named, and without statuses', async (t) => {
    const [, follower] = await start(t, route('a'), gateway([{ value: '192.0.2.1' }]), secret('s'));
    assert.deepEqual([...follower.objects.keys()].sort(), ['Gateway/shop/gw', 'HTTPRoute/shop/a']);
    const found = follower.objects.get('HTTPRoute/shop/a');
    assert.deepEqual([found?.metadata.uid, found?.metadata.generation, 'status' in (found ?? {})], ['uid-1', 1, false]);
    const { status } = follower.objects.get('Gateway/shop/gw') as StoredManifest;
    assert.deepEqual(status, { addresses: [{ value: '192.0.2.1' }] });
    assert.deepEqual([...follower.live.keys()].sort(), ['Gateway/shop/gw', 'HTTPRoute/shop/a']);
  });

  test('a status concerns the writer of statuses alone', async (t) => {
    const [store, follower] = await start(t, route('a'));
    store.put(route('a', '/', { status: { parents: [{ controllerName: 'somebody' }] } }));
    await follower.until('the status', ({ liveKeys }) => liveKeys.length > 0);
    assert.deepEqual([follower.changes, follower.liveKeys], [0, ['HTTPRoute/shop/a']]);
    assert.deepEqual(follower.live.get('HTTPRoute/shop/a')?.status, { parents: [{ controllerName: 'somebody' }] });
  });

  test('a spec and then a status in one piece: the spec is told', async (t) => {
    const [store, follower] = await start(t, route('a', '/old'));
    store.atOnce(() => {
      store.put(route('a', '/new'));
      store.put(route('a', '/new', { status: { parents: [{ controllerName: 'somebody' }] } }));
    });
    await follower.until('the spec', ({ changes }) => changes > 0);
    assert.match(follower.spec('a'), /\/new/);
  });

  test('made and deleted in one piece: nothing stays', async (t) => {
    const [store, follower] = await start(t);
    store.atOnce(() => {
      store.put(route('a'));
      store.delete(route('a'));
      store.put(route('b'));
    });
    await follower.until('the other one', ({ objects }) => objects.has('HTTPRoute/shop/b'));
    assert.equal(follower.objects.has('HTTPRoute/shop/a'), false);
    assert.deepEqual([...follower.live.keys()], ['HTTPRoute/shop/b']);
  });

  test('changed and deleted in one piece: it is gone', async (t) => {
    const [store, follower] = await start(t, route('a', '/old'));
    store.atOnce(() => {
      store.put(route('a', '/new'));
      store.delete(route('a'));
    });
    await follower.until('a change', ({ changes }) => changes > 0);
    assert.deepEqual([[...follower.objects.keys()], [...follower.live.keys()]], [[], []]);
  });

  test('deleted and made anew in one piece: it is the new one, with its status', async (t) => {
    const [store, follower] = await start(t, route('a'));
    store.atOnce(() => {
      store.delete(route('a'));
      store.put(route('a'));
    });
    await follower.until('a change', ({ changes }) => changes > 0);
    assert.equal(follower.objects.get('HTTPRoute/shop/a')?.metadata.uid, 'uid-2');
    assert.equal(follower.live.get('HTTPRoute/shop/a')?.metadata.uid, 'uid-2');
  });

  test('a list in which nothing changed tells nothing', async (t) => {
    const [store, follower] = await start(t, route('a'));
    store.expire('httproutes');
    await store.server.until('another list and watch', () => {
      const asked = store.server.requests.filter(({ path }) => path.endsWith('/httproutes'));
      return asked.length >= 4 || undefined;
    });
    assert.equal(follower.changes, 0);
  });

  test('what was missed in the meantime: gone, changed, and another one of the same name', async (t) => {
    const [store, follower] = await start(t, route('gone'), route('changed', '/old'), route('other'));
    store.leave();
    await follower.clock.untilWaiting(1, 30_000);
    store.isAway = false;
    store.delete(route('gone'));
    store.delete(route('other'));
    store.put(route('other'));
    store.put(route('changed', '/new'));
    // A version that is too old is learnt at the next watch.
    const { script } = store.server;
    store.server.script = (request) => {
      const isOld = request.isWatch && Number(request.query.get('resourceVersion')) < 105;
      return isOld ? request.refuse(410, 'Expired') : script(request);
    };
    follower.letTimePass(t);
    await follower.until('all of it', ({ objects }) => !objects.has('HTTPRoute/shop/gone'));
    assert.match(follower.spec('changed'), /\/new/);
    assert.equal(follower.objects.get('HTTPRoute/shop/other')?.metadata.uid, 'uid-4');
    assert.equal(follower.live.get('HTTPRoute/shop/gone'), undefined);
  });

  test('when the API server is back, no kind waits for the end of its own pause', async (t) => {
    const [store, follower] = await start(t);
    store.leave();
    // All kinds fail until their pauses are of 15 to 30 s.
    const pauses = (): number => follower.clock.delays.filter((pauseMs) => pauseMs <= 30_000).length;
    for (let round = 0; round < 7; round++) {
      if (round > 0) follower.clock.advance(30_000);
      while (pauses() < KINDS_FOLLOWED) await delay(2);
    }
    const { script } = store.server;
    const reached = new Set<string>();
    store.server.script = (request) => {
      if (request.isWatch) reached.add(request.path);
      return script(request);
    };
    store.isAway = false;
    follower.clock.advance(follower.clock.delays[0] ?? 0);
    await store.server.until('a first watch', () => reached.size > 0 || undefined);
    for (let ms = 0; ms < 5_000 && reached.size < KINDS_FOLLOWED; ms += 500) {
      follower.clock.advance(500);
      await delay(20);
    }
    assert.ok(reached.size >= KINDS_FOLLOWED, `${reached.size} kinds`);
  });

  test('an object that it does not understand is ignored, said once, and taken when it is mended', async (t) => {
    const [store, follower] = await start(t, strangeRoute('a'), route('b'));
    assert.deepEqual([...follower.objects.keys()], ['HTTPRoute/shop/b']);
    for (let index = 0; index < 5; index++) store.put(strangeRoute('a', { parents: [], index }));
    await follower.until('all statuses', ({ liveKeys }) => liveKeys.length === 5);
    assert.equal(follower.warnings.length, 1);
    assert.match(follower.warnings[0] ?? '', /ignored: .*Teleport|ignored: .*type/);
    store.put(route('a'));
    await follower.until('the mended one', ({ objects }) => objects.has('HTTPRoute/shop/a'));
    store.put(strangeRoute('b'));
    await follower.until('its end', ({ objects }) => !objects.has('HTTPRoute/shop/b'));
    assert.equal(follower.warnings.length, 2);
    assert.notEqual(follower.live.get('HTTPRoute/shop/b'), undefined);
  });

  test('a Secret is held as soon as it is named, followed, and given up with its name', async (t) => {
    const [store, follower] = await start(t, secret('a'), secret('b'));
    await follower.provider.demand('Secret', new Set(['shop/a', 'shop/missing', 'shop/no/name', 'elsewhere/a']));
    assert.deepEqual([...follower.objects.keys()], ['Secret/shop/a']);
    store.put(secret('b', 'two'));
    store.put(secret('missing'));
    await follower.until('the one that was missing', ({ objects }) => objects.has('Secret/shop/missing'));
    assert.deepEqual([...follower.objects.keys()], ['Secret/shop/a', 'Secret/shop/missing']);
    await follower.provider.demand('Secret', new Set(['shop/b']));
    assert.deepEqual([...follower.objects.keys()], ['Secret/shop/b']);
    const asked = store.server.requests.length;
    await follower.provider.demand('Secret', new Set(['shop/b']));
    assert.equal(store.server.requests.length, asked);
  });

  test('a Secret that is named while the API server is away comes when that is back', async (t) => {
    const [store, follower] = await start(t, secret('a'));
    store.leave();
    await follower.provider.demand('Secret', new Set(['shop/a']));
    assert.equal(follower.objects.size, 0);
    store.isAway = false;
    follower.letTimePass(t);
    await follower.until('the Secret', ({ objects }) => objects.has('Secret/shop/a'));
  });

  test('kinds without a CRD keep nobody waiting, and come with it', async (t) => {
    const store = await ApiStore.open(t);
    store.absent.add('tlsroutes');
    store.put(route('a'));
    const follower = await Follower.start(t, store);
    assert.deepEqual([[...follower.objects.keys()], follower.provider.installedCrds], [['HTTPRoute/shop/a'], []]);
    const asked = (): number => store.server.requests.filter(({ path }) => path.endsWith('/tlsroutes')).length;
    const before = asked();
    const spec = {
      parentRefs: [{ name: 'gw' }],
      hostnames: ['a.example'],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
    };
    store.put({ apiVersion: GATEWAY_API, kind: 'TLSRoute', metadata: { namespace: 'shop', name: 't' }, spec });
    store.put(crd('widgets.example.com'));
    store.put(crd('tlsroutes.gateway.networking.k8s.io'));
    // It is asked for at once, too early, and again a little later.
    await store.server.until('another try', () => asked() > before || undefined);
    await follower.clock.untilWaiting(30_000, 60_000);
    store.absent.clear();
    follower.clock.advance(CRD_SETTLING_MS);
    await follower.until('the route', ({ objects }) => objects.has('TLSRoute/shop/t'));
    assert.deepEqual(follower.provider.installedCrds, [
      { name: 'tlsroutes.gateway.networking.k8s.io', bundleVersion: 'v1.7.0' },
    ]);
  });

  test('kinds that it may not read keep nobody waiting', async (t) => {
    const store = await ApiStore.open(t);
    store.forbidden.add('clustertrustbundles');
    store.put(route('a'));
    const follower = await Follower.start(t, store);
    assert.deepEqual([...follower.objects.keys()], ['HTTPRoute/shop/a']);
  });

  test('within namespaces it asks for no others, save what has none', async (t) => {
    const store = await ApiStore.open(t);
    for (const namespace of ['one', 'two', 'three']) {
      store.put(route('a', '/', { namespace }));
      store.put(secret('s', 'one', namespace));
    }
    const follower = await Follower.start(t, store, ['one', 'two']);
    const keys = new Set(['one/s', 'two/s', 'three/s']);
    await follower.provider.demand('Secret', keys);
    assert.deepEqual([...follower.objects.keys()].sort(), [
      'HTTPRoute/one/a',
      'HTTPRoute/two/a',
      'Secret/one/s',
      'Secret/two/s',
    ]);
    const clusterWide = store.server.requests.map(({ path }) => path).filter((path) => !path.includes('/namespaces/'));
    assert.deepEqual([...new Set(clusterWide.map((path) => path.slice(path.lastIndexOf('/') + 1)))].sort(), [
      'clustertrustbundles',
      'customresourcedefinitions',
      'gatewayclasses',
      'namespaces',
    ]);
    assert.ok(!store.server.requests.some(({ path }) => path.includes('/three/')));
  });

  test('addresses that were given count before the status says so, for the Gateway that they were given to', async (t) => {
    const [store, follower] = await start(t, gateway());
    const given = [{ type: 'IPAddress', value: '192.0.2.7' }];
    const addresses = (): unknown => (follower.objects.get('Gateway/shop/gw') as StoredManifest).status;
    follower.provider.adoptAddresses(new Map([['Gateway/shop/gw', given]]));
    assert.deepEqual([addresses(), follower.changes], [{ addresses: given }, 1]);
    follower.provider.adoptAddresses(new Map([['Gateway/shop/gw', [...given]]]));
    assert.equal(follower.changes, 1);
    // Something else changes, while the status still says nothing.
    store.put({ ...gateway(), metadata: { ...gateway().metadata, labels: { a: 'b' } } });
    await follower.until('the label', ({ changes }) => changes === 2);
    assert.deepEqual(addresses(), { addresses: given });
    store.atOnce(() => {
      store.delete(gateway());
      store.put(gateway());
    });
    await follower.until('the new one', ({ changes }) => changes === 3);
    assert.equal(addresses(), undefined);
  });
});
