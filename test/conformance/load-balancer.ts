// A stand-in for a cloud's load balancers: each Service of type LoadBalancer gets an address of the rig's network, where connections are
// passed on to its ready endpoints, which are asked for anew each time. TCP only.
import { execFileSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from './api-client.ts';

interface Service {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: {
    readonly type: string;
    readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol: string }[];
  };
}

interface EndpointSlices {
  readonly items: readonly {
    readonly endpoints?: readonly {
      readonly addresses: readonly string[];
      readonly conditions: { readonly ready?: boolean };
    }[];
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  }[];
}

const SERVICES = '/api/v1/services';
const NETWORK = '10.245.0';
const MAX_ADDRESSES = 254;
const RETRY_MS = 500;

export class LoadBalancer {
  readonly #api: ApiClient;
  readonly #report: (problem: string) => void;
  /** By uid of the Service. */
  readonly #addresses = new Map<string, string>();

  constructor(api: ApiClient, report: (problem: string) => void) {
    this.#api = api;
    this.#report = report;
  }

  /** Works until its process ends. */
  start(): void {
    void this.#follow();
  }

  async #follow(): Promise<void> {
    for (;;) {
      try {
        const list = await this.#api.call<{
          readonly metadata: { readonly resourceVersion: string };
          readonly items: readonly Service[];
        }>('GET', SERVICES);
        for (const service of list.items) await this.#take(service);
        for await (const { type, object } of this.#api.watch<Service>(SERVICES, list.metadata.resourceVersion)) {
          if (type === 'ADDED' || type === 'MODIFIED') await this.#take(object);
          if (type === 'ERROR') break;
        }
      } catch (error) {
        this.#report(`services: ${String(error)}`);
        await delay(RETRY_MS);
      }
    }
  }

  async #take(service: Service): Promise<void> {
    const { metadata, spec } = service;
    if (spec.type !== 'LoadBalancer' || this.#addresses.has(metadata.uid)) return;
    if (this.#addresses.size >= MAX_ADDRESSES) throw new Error(`no address left after ${MAX_ADDRESSES}`);
    const ip = `${NETWORK}.${this.#addresses.size + 1}`;
    this.#addresses.set(metadata.uid, ip);
    execFileSync('ip', ['address', 'add', `${ip}/32`, 'dev', 'lo']);
    for (const { name, port, protocol } of spec.ports) {
      if (protocol === 'TCP') this.#listen(service, ip, port, name);
    }
    await this.#api.call(
      'PATCH',
      `/api/v1/namespaces/${metadata.namespace}/services/${metadata.name}/status`,
      { status: { loadBalancer: { ingress: [{ ip }] } } },
      'application/merge-patch+json',
    );
  }

  #listen(service: Service, ip: string, port: number, portName: string | undefined): void {
    createServer({ allowHalfOpen: true }, (client) => {
      this.#forward(client, service, portName).catch((error: unknown) => {
        this.#report(`${ip}:${port}: ${String(error)}`);
        client.resetAndDestroy();
      });
    }).listen(port, ip);
  }

  async #forward(client: Socket, { metadata }: Service, portName: string | undefined): Promise<void> {
    const selector = `labelSelector=kubernetes.io/service-name=${metadata.name}`;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${metadata.namespace}/endpointslices?${selector}`;
    const { items } = await this.#api.call<EndpointSlices>('GET', path);
    const endpoints = items.flatMap(({ endpoints = [], ports = [] }) =>
      endpoints
        .filter(({ conditions }) => conditions.ready === true)
        .flatMap(({ addresses }) =>
          ports
            .filter(({ name = '' }) => name === (portName ?? ''))
            .map(({ port }) => ({ host: addresses[0] ?? '', port })),
        ),
    );
    const endpoint = endpoints[Math.floor(Math.random() * endpoints.length)];
    if (endpoint === undefined) throw new Error(`no endpoint of ${metadata.namespace}/${metadata.name} is ready`);
    const server = connect({ ...endpoint, allowHalfOpen: true });
    // Who is cut, cuts the other.
    pipeline(client, server, client, () => undefined);
  }
}
