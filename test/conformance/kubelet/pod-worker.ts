// The life of one pod on this node: address, volumes, containers, status; and back again, until the API server may forget it.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiClient } from '../api-client.ts';
import { ContainerLog } from './container-log.ts';
import { Container } from './container.ts';
import { imageNamed, prepareRoot } from './image.ts';
import type { Images } from './image.ts';
import { expand, PodData } from './pod-data.ts';
import type { PodAddress, PodNetwork } from './pod-network.ts';
import type { ContainerSpec, ContainerStatus, Pod } from './pod-types.ts';

export interface Node {
  readonly api: ApiClient;
  readonly network: PodNetwork;
  readonly images: Images;
  /** Of pods' file systems. */
  readonly folder: string;
  readonly logFolder: string;
  /** What every container finds in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly report: (problem: string) => void;
}

const DEFAULT_GRACE_SECONDS = 30;

export class PodWorker {
  readonly #node: Node;
  readonly #pod: Pod;
  readonly #path: string;
  readonly #folder: string;
  readonly #startTime = `${new Date().toISOString().slice(0, 19)}Z`;
  readonly #stopped = new AbortController();
  readonly #containers: Container[] = [];
  readonly #logs = new Map<string, ContainerLog>();
  /** What keeps the pod from starting. */
  #waiting: { readonly reason: string; readonly message?: string } = { reason: 'ContainerCreating' };
  #address: PodAddress | undefined;
  #starting: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  #written = '';
  #writing: Promise<void> = Promise.resolve();

  constructor(node: Node, pod: Pod) {
    const { namespace, name, uid } = pod.metadata;
    this.#node = node;
    this.#pod = pod;
    this.#path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    this.#folder = join(node.folder, `${namespace}_${name}_${uid}`);
  }

  is(namespace: string, name: string): boolean {
    return this.#pod.metadata.namespace === namespace && this.#pod.metadata.name === name;
  }

  logOf(container: string): ContainerLog | undefined {
    return this.#logs.get(container);
  }

  start(): void {
    this.#starting = this.#start().catch((error: unknown) => {
      if (this.#stopped.signal.aborted) return;
      this.#waiting = { reason: 'CreateContainerError', message: String(error) };
      this.#node.report(`${this.#path}: ${String(error)}`);
      this.#publish();
    });
  }

  /** Ends its containers and tells the API server that they are gone. */
  stop(graceSeconds: number = DEFAULT_GRACE_SECONDS): Promise<void> {
    this.#stopping ??= this.#stop(graceSeconds);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { api, network } = this.#node;
    const { signal } = this.#stopped;
    this.#address = await network.add();
    this.#publish();
    const data = new PodData(api, this.#pod, this.#address.ip, signal);
    await data.writeVolumes(join(this.#folder, 'volumes'));
    for (const spec of this.#pod.spec.containers) {
      const container = await this.#prepare(spec, data, this.#address);
      if (signal.aborted) return;
      this.#containers.push(container);
    }
    for (const container of this.#containers) container.start();
  }

  async #prepare(spec: ContainerSpec, data: PodData, address: PodAddress): Promise<Container> {
    const image = imageNamed(this.#node.images, spec.image);
    if (image === undefined) throw new Error(`no program stands for the image ${spec.image}`);
    const root = join(this.#folder, 'containers', spec.name);
    mkdirSync(root, { recursive: true });
    const volumes = (spec.volumeMounts ?? []).map(({ name, mountPath, subPath = '' }) => [
      mountPath,
      join(this.#folder, 'volumes', name, subPath),
    ]);
    const mounts = prepareRoot(root, image, Object.fromEntries(volumes) as Record<string, string>);
    const environment = { ...this.#node.environment, ...(await data.environmentOf(spec)) };
    const words = [...(spec.command ?? image.entrypoint), ...(spec.args ?? [])];
    const { namespace, name } = this.#pod.metadata;
    const log = new ContainerLog(join(this.#node.logFolder, `${namespace}_${name}_${spec.name}.log`));
    this.#logs.set(spec.name, log);
    return new Container({
      spec,
      command: words.map((word) => expand(word, environment)),
      root,
      mounts,
      environment,
      networkNamespace: address.namespace,
      podIP: address.ip,
      log,
      restart: this.#pod.spec.restartPolicy !== 'Never',
      changed: () => this.#publish(),
    });
  }

  async #stop(graceSeconds: number): Promise<void> {
    this.#stopped.abort();
    await this.#starting;
    await Promise.all(this.#containers.map((container) => container.stop(graceSeconds * 1000)));
    if (this.#address !== undefined) await this.#node.network.remove(this.#address);
    for (const log of this.#logs.values()) log.close();
    rmSync(this.#folder, { recursive: true, force: true });
    await this.#writing;
    await this.#node.api.request('DELETE', this.#path, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
      preconditions: { uid: this.#pod.metadata.uid },
    });
  }

  /** Writes the status when it is another one, after what is being written already. */
  #publish(): void {
    this.#writing = this.#writing
      .then(() => this.#write())
      .catch((error: unknown) => {
        this.#node.report(`${this.#path}: ${String(error)}`);
      });
  }

  async #write(): Promise<void> {
    const status = this.#status();
    const text = JSON.stringify(status);
    if (text === this.#written) return;
    this.#written = text;
    const answer = await this.#node.api.request(
      'PATCH',
      `${this.#path}/status`,
      { status },
      'application/merge-patch+json',
    );
    if (answer.status >= 300 && answer.status !== 404) throw new Error(`status: ${JSON.stringify(answer.body)}`);
  }

  #status(): object {
    const containerStatuses = this.#containerStatuses();
    const ready = containerStatuses.every((status) => status.ready);
    const podIP = this.#address?.ip;
    return {
      phase: phaseOf(containerStatuses),
      hostIP: '127.0.0.1',
      hostIPs: [{ ip: '127.0.0.1' }],
      ...(podIP !== undefined && { podIP, podIPs: [{ ip: podIP }] }),
      startTime: this.#startTime,
      conditions: [
        condition('PodScheduled', true),
        condition('Initialized', true),
        condition('ContainersReady', ready),
        condition('Ready', ready),
      ],
      containerStatuses,
    };
  }

  #containerStatuses(): ContainerStatus[] {
    if (this.#containers.length > 0) return this.#containers.map(({ status }) => status);
    return this.#pod.spec.containers.map(({ name, image }) => {
      const state = { waiting: this.#waiting };
      return { name, image, imageID: '', ready: false, started: false, restartCount: 0, state };
    });
  }
}

function phaseOf(statuses: readonly ContainerStatus[]): string {
  const exitCodes = statuses.map(({ state }) => ('terminated' in state ? state.terminated.exitCode : undefined));
  if (!exitCodes.includes(undefined)) return exitCodes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  return statuses.some(({ started, restartCount }) => started || restartCount > 0) ? 'Running' : 'Pending';
}

function condition(type: string, holds: boolean): object {
  return { type, status: holds ? 'True' : 'False' };
}
