// A real API server with the kinds that Sluice follows, real `sluice run` processes that speak for its administrator, and somebody who
// watches what becomes of objects.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient } from '../../conformance/api-client.ts';
import { startCluster } from '../../conformance/cluster.ts';
import type { Cluster } from '../../conformance/cluster.ts';
import { GATEWAY_API_CRDS } from '../../conformance/programs.ts';
import { readManifests, ROOT } from '../../conformance/rig.ts';
import { SluiceProcess } from '../../harness/sluice-process.ts';
import { residentBytes } from '../processes/process-tree.ts';
import { MetricsView } from '../system/system-gateway.ts';
import { SeverableLink } from './severable-link.ts';

const GATEWAY_API = '/apis/gateway.networking.k8s.io/v1';
const PATHS: Readonly<Record<string, string>> = {
  Secret: '/api/v1/namespaces/default/secrets',
  Service: '/api/v1/namespaces/default/services',
  EndpointSlice: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  GatewayClass: `${GATEWAY_API}/gatewayclasses`,
  Gateway: `${GATEWAY_API}/namespaces/default/gateways`,
  ListenerSet: `${GATEWAY_API}/namespaces/default/listenersets`,
  HTTPRoute: `${GATEWAY_API}/namespaces/default/httproutes`,
  GRPCRoute: `${GATEWAY_API}/namespaces/default/grpcroutes`,
  TLSRoute: `${GATEWAY_API}/namespaces/default/tlsroutes`,
  TCPRoute: `${GATEWAY_API}/namespaces/default/tcproutes`,
  UDPRoute: `${GATEWAY_API}/namespaces/default/udproutes`,
  BackendTLSPolicy: `${GATEWAY_API}/namespaces/default/backendtlspolicies`,
  Backend: '/apis/sluice.dev/v1alpha1/namespaces/default/backends',
  ListenerPolicy: '/apis/sluice.dev/v1alpha1/namespaces/default/listenerpolicies',
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
};
const BOUND_MS = 30_000;
const POLL_MS = 20;
const CONCURRENT_CALLS = 24;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: object;
}

export interface Stored extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly resourceVersion: string; readonly generation: number };
  readonly status?: Readonly<Record<string, unknown>>;
}

export class ClusterStage implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly upstream: Server;
  /** Between all that Sluice runs and the API server. */
  readonly link: SeverableLink;
  /** By way of the link. */
  readonly kubeconfig: string;
  readonly #folder: string;
  readonly #sluices: Sluice[] = [];

  private constructor(folder: string, cluster: Cluster, upstream: Server, link: SeverableLink) {
    this.#folder = folder;
    this.cluster = cluster;
    this.upstream = upstream;
    this.link = link;
    this.kubeconfig = join(folder, 'linked.kubeconfig');
    const linked = readFileSync(cluster.kubeconfig, 'utf8').replaceAll(
      cluster.server,
      `https://127.0.0.1:${link.port}`,
    );
    writeFileSync(this.kubeconfig, linked, { mode: 0o600 });
  }

  static async open(): Promise<ClusterStage> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-cluster-'));
    const upstream = createServer((request, response) => response.end(request.url));
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const cluster = await startCluster(folder);
    const crds = [GATEWAY_API_CRDS, join(ROOT, 'deploy/crds')].flatMap(readManifests);
    await Promise.all(crds.map((text) => cluster.admin.apply(text)));
    const link = await SeverableLink.open(Number(new URL(cluster.server).port));
    return new ClusterStage(folder, cluster, upstream, link);
  }

  get upstreamPort(): number {
    return (this.upstream.address() as AddressInfo).port;
  }

  /** Resolves when it serves. */
  async sluice(...args: readonly string[]): Promise<Sluice> {
    const sluice = new Sluice(this.kubeconfig, args);
    this.#sluices.push(sluice);
    await sluice.started();
    return sluice;
  }

  async create(...manifests: readonly Manifest[]): Promise<void> {
    await this.inParallel(manifests, (manifest) =>
      this.cluster.admin.call('POST', PATHS[manifest.kind] ?? '', manifest),
    );
  }

  async delete(kind: string, ...names: readonly string[]): Promise<void> {
    await this.inParallel(names, (name) => this.cluster.admin.call('DELETE', pathOf(kind, name)));
  }

  async patch(kind: string, name: string, patch: object, subresource = ''): Promise<void> {
    const path = `${pathOf(kind, name)}${subresource}`;
    await this.cluster.admin.call('PATCH', path, patch, 'application/merge-patch+json');
  }

  async get(kind: string, name: string): Promise<Stored> {
    return await this.cluster.admin.call<Stored>('GET', pathOf(kind, name));
  }

  /** Of all objects of these kinds, by `kind/name`. */
  async versions(...kinds: readonly string[]): Promise<Readonly<Record<string, string>>> {
    const versions: Record<string, string> = {};
    for (const kind of kinds) {
      // For a while after its start, the API server asks for patience.
      const { items } = await this.cluster.admin.until<{ items: Stored[] }>(PATHS[kind] ?? '', () => true);
      for (const { metadata } of items) versions[`${kind}/${metadata.name}`] = metadata.resourceVersion;
    }
    return versions;
  }

  async untilStatus(kind: string, name: string, pattern: RegExp, boundMs: number = BOUND_MS): Promise<Stored> {
    const isThere = ({ status }: Stored): boolean => pattern.test(JSON.stringify(status ?? {}));
    return await this.cluster.admin.until<Stored>(pathOf(kind, name), isThere, boundMs);
  }

  async watch(kind: string): Promise<ObjectWatch> {
    const { server, credentials } = this.cluster;
    const subject = { commonName: 'watcher', organization: 'system:masters' };
    const client = new ApiClient(server, credentials.authority.certificate, credentials.issue('watcher', subject));
    const path = PATHS[kind] ?? '';
    const { metadata } = await client.call<{ metadata: { resourceVersion: string } }>('GET', path);
    return new ObjectWatch(client, path, metadata.resourceVersion);
  }

  /** As many at once as an API server of a busy machine takes well. */
  async inParallel<T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<void> {
    const rest = [...items];
    const work = async (): Promise<void> => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await call(item);
    };
    await Promise.all(Array.from({ length: CONCURRENT_CALLS }, work));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sluices.map((sluice) => sluice.process[Symbol.asyncDispose]()));
    await this.link.close();
    await this.cluster.stop();
    this.upstream.close();
    this.upstream.closeAllConnections();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** One replica. */
export class Sluice {
  readonly process: SluiceProcess;
  #admin = '';

  constructor(kubeconfig: string, args: readonly string[] = []) {
    const given = [
      '--provider',
      'kubernetes',
      '--kubeconfig',
      kubeconfig,
      '--binding',
      'host',
      '--admin',
      '127.0.0.1:0',
    ];
    const environment = { SLUICE_DRAIN_DELAY: '0s', SLUICE_ACCESS_LOG_ENABLED: 'false' };
    this.process = new SluiceProcess(['run', ...given, ...args], { environment });
  }

  async started(): Promise<void> {
    const [, admin = ''] = await this.process.untilErrors(/(http:\S+) +admin API/);
    this.#admin = admin;
  }

  async metric(name: string): Promise<number> {
    return new MetricsView(await (await fetch(new URL('/metrics', this.#admin))).text()).sum(name);
  }

  /** Configurations that were served. */
  async applies(): Promise<number> {
    return await this.metric('sluice_config_applies_total');
  }

  residentMebibytes(): number {
    return Math.round(residentBytes(this.process.child.pid ?? 0) / 1_048_576);
  }

  /** Lines of its log. */
  logged(pattern: RegExp): readonly string[] {
    return this.process.errors.split('\n').filter((line) => pattern.test(line));
  }
}

/** All versions of objects that came since it was opened. */
export class ObjectWatch implements AsyncDisposable {
  readonly versions: Stored[] = [];
  readonly #client: ApiClient;
  readonly #ended: Promise<void>;

  /** Of its own: closing it is the only way to end a watch. */
  constructor(client: ApiClient, path: string, resourceVersion: string) {
    this.#client = client;
    this.#ended = this.#follow(path, resourceVersion).catch(() => {});
  }

  /** Writes that changed a status alone. */
  statusWrites(name: string): readonly Stored[] {
    const ofName = this.versions.filter(({ metadata }) => metadata.name === name);
    return ofName.filter((stored, index) => {
      const before = ofName[index - 1];
      const hasStatus = before === undefined ? stored.status !== undefined : !isSame(before.status, stored.status);
      return hasStatus && (before === undefined || before.metadata.generation === stored.metadata.generation);
    });
  }

  async until(what: string, probe: () => boolean, boundMs: number = BOUND_MS): Promise<void> {
    const deadlineMs = performance.now() + boundMs;
    while (!probe()) {
      if (performance.now() > deadlineMs) throw new Error(`not within ${boundMs} ms: ${what}`);
      await delay(POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.#ended;
  }

  async #follow(path: string, resourceVersion: string): Promise<void> {
    for await (const { type, object } of this.#client.watch<Stored>(path, resourceVersion))
      if (type === 'ADDED' || type === 'MODIFIED') this.versions.push(object);
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function pathOf(kind: string, name: string): string {
  return `${PATHS[kind] ?? ''}/${name}`;
}
