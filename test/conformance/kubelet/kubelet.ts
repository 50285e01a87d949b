// A stand-in for scheduler, kubelet and network plugin: one node that takes every pod and runs it as processes in a network namespace. No
// probes but HTTP readiness, no init containers, no exec; volumes are written once.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient } from '../api-client.ts';
import type { Cluster } from '../cluster.ts';
import type { Images } from './image.ts';
import { LogServer } from './log-server.ts';
import { BRIDGE_ADDRESS, PodNetwork } from './pod-network.ts';
import { PodWorker } from './pod-worker.ts';
import type { Node } from './pod-worker.ts';
import type { Pod } from './pod-types.ts';

const NODE_NAME = 'node';
const PODS = '/api/v1/pods';
const RETRY_MS = 500;
const CAPACITY = { cpu: '64', memory: '64Gi', pods: '1000', 'ephemeral-storage': '100Gi' };

interface PodList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Pod[];
}

export interface KubeletOptions {
  readonly images: Images;
  readonly folder: string;
  readonly report: (problem: string) => void;
}

export class Kubelet {
  readonly #api: ApiClient;
  readonly #node: Node;
  readonly #logs: LogServer;
  /** By uid. */
  readonly #workers = new Map<string, PodWorker>();
  /** By uid: pods that a node was asked for. */
  readonly #bound = new Set<string>();

  constructor(cluster: Cluster, { images, folder, report }: KubeletOptions) {
    const identity = cluster.credentials.issue('kubelet', { commonName: 'kubelet', organization: 'system:masters' });
    this.#api = new ApiClient(cluster.server, cluster.credentials.authority.certificate, identity);
    const logFolder = join(folder, 'pod-logs');
    mkdirSync(logFolder, { recursive: true });
    const environment = {
      KUBERNETES_SERVICE_HOST: BRIDGE_ADDRESS,
      KUBERNETES_SERVICE_PORT: new URL(cluster.server).port,
    };
    const network = new PodNetwork();
    this.#node = { api: this.#api, network, images, folder: join(folder, 'pods'), logFolder, environment, report };
    this.#logs = new LogServer(cluster.credentials, (namespace, name, container) =>
      this.#workers
        .values()
        .find((worker) => worker.is(namespace, name))
        ?.logOf(container),
    );
  }

  /** Returns when the node is registered. It works until its process ends, which is how it is stopped. */
  async start(): Promise<void> {
    await this.#node.network.start();
    const port = await this.#logs.start();
    await this.#register(port);
    void this.#follow();
  }

  async #register(port: number): Promise<void> {
    const labels = { 'kubernetes.io/hostname': NODE_NAME, 'kubernetes.io/os': 'linux' };
    const metadata = { name: NODE_NAME, labels };
    await this.#api.call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata, spec: {} });
    const status = {
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: NODE_NAME },
      ],
      capacity: CAPACITY,
      allocatable: CAPACITY,
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    };
    const path = `/api/v1/nodes/${NODE_NAME}/status`;
    await this.#api.call('PATCH', path, { status }, 'application/merge-patch+json');
  }

  async #follow(): Promise<void> {
    for (;;) {
      try {
        const list = await this.#api.call<PodList>('GET', PODS);
        for (const pod of list.items) await this.#take(pod);
        const listed = new Set(list.items.map(({ metadata }) => metadata.uid));
        for (const uid of this.#workers.keys().filter((uid) => !listed.has(uid))) this.#drop(uid, 0);
        for await (const { type, object } of this.#api.watch<Pod>(PODS, list.metadata.resourceVersion)) {
          if (type === 'ADDED' || type === 'MODIFIED') await this.#take(object);
          if (type === 'DELETED') this.#drop(object.metadata.uid, 0);
          if (type === 'ERROR') break;
        }
      } catch (error) {
        this.#node.report(`pods: ${String(error)}`);
        await delay(RETRY_MS);
      }
    }
  }

  async #take(pod: Pod): Promise<void> {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      this.#drop(uid, deletionGracePeriodSeconds);
    } else if (pod.spec.nodeName === undefined) {
      await this.#bind(pod);
    } else if (!this.#workers.has(uid)) {
      this.#bound.delete(uid);
      const worker = new PodWorker(this.#node, pod);
      this.#workers.set(uid, worker);
      worker.start();
    }
  }

  async #bind({ metadata: { namespace, name, uid } }: Pod): Promise<void> {
    if (this.#bound.has(uid)) return;
    this.#bound.add(uid);
    const target = { apiVersion: 'v1', kind: 'Node', name: NODE_NAME };
    const answer = await this.#api.request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target,
    });
    if (answer.status >= 300) this.#node.report(`bind ${namespace}/${name}: ${JSON.stringify(answer.body)}`);
  }

  #drop(uid: string, graceSeconds: number | undefined): void {
    this.#bound.delete(uid);
    const worker = this.#workers.get(uid);
    worker
      ?.stop(graceSeconds)
      .catch((error: unknown) => this.#node.report(`stop: ${String(error)}`))
      .finally(() => this.#workers.delete(uid));
  }
}
