// Keeps a Service for each Gateway, in the Gateway's namespace and owned by it: it says under a name of the cluster what the Gateway serves,
// and carries the labels and annotations of spec.infrastructure (GEP-1762). Only the leader writes; the garbage collector of the cluster
// deletes what belonged to a Gateway that is gone.
import { createHash } from 'node:crypto';
import type { NamespacedObjectMeta, KubernetesObject } from '../../api/object.ts';
import type { ResourceKind } from '../../api/schema.ts';
import { CORE_KINDS } from '../../api/kinds.ts';
import type { GatewayPlan } from '../../gatewayapi/gateway-model.ts';
import { hasStatus } from '../../kubernetes/api-error.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { Backoff } from '../../kubernetes/backoff.ts';
import type { Clock } from '../../kubernetes/clock.ts';
import type { Logger } from '../../observability/process-log.ts';

export interface GatewayServicesOptions {
  readonly client: ApiClient;
  /** By `namespace/name`. */
  readonly gateway: (key: string) => KubernetesObject | undefined;
  /** Whether a Service exists, by `namespace/name`. */
  readonly exists: (key: string) => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

interface ServiceManifest extends KubernetesObject {
  readonly metadata: NamespacedObjectMeta & { readonly ownerReferences: readonly unknown[] };
  readonly spec: {
    readonly clusterIP: 'None';
    readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: 'TCP' | 'UDP' }[];
  };
}

interface Written {
  readonly service: string;
  /** Of the manifest. */
  readonly text: string;
}

const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';
const GATEWAY_CLASS_NAME = 'gateway.networking.k8s.io/gateway-class-name';
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const FIELD_MANAGER = 'sluice';
/** Of labels' values, and of names of Services. */
const MAX_LABEL_LENGTH = 63;
const HASH_LENGTH = 8;
const SERVICE = CORE_KINDS.find(({ kind }) => kind === 'Service') as ResourceKind;

export class GatewayServices {
  readonly #options: GatewayServicesOptions;
  readonly #backoff: Backoff;
  readonly #written = new Map<string, Written>();
  readonly #stopping = new AbortController();
  #plans: ReadonlyMap<string, GatewayPlan> = new Map();
  #isLeading = false;
  #running: Promise<void> | undefined = undefined;
  #isAskedAgain = false;
  #cancelRetry: () => void = () => {};

  constructor(options: GatewayServicesOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
  }

  /** By `namespace/name` of the Gateway. Call it after each translation: what exists is compared, too. */
  replace(plans: ReadonlyMap<string, GatewayPlan>): void {
    this.#plans = plans;
    this.#look();
  }

  lead(isLeading: boolean): void {
    this.#isLeading = isLeading;
    this.#written.clear();
    this.#look();
  }

  async stop(): Promise<void> {
    this.#isLeading = false;
    this.#cancelRetry();
    this.#stopping.abort();
    await this.#running;
  }

  #look(): void {
    this.#isAskedAgain = true;
    if (this.#isLeading) this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  async #run(): Promise<void> {
    while (this.#isAskedAgain && this.#isLeading) {
      this.#isAskedAgain = false;
      this.#cancelRetry();
      let hasFailed = false;
      for (const [key, plan] of this.#plans) if (!(await this.#write(key, plan))) hasFailed = true;
      for (const key of this.#written.keys()) if (!this.#plans.has(key)) await this.#remove(key);
      if (!hasFailed) this.#backoff.reset();
      else this.#cancelRetry = this.#options.clock.after(this.#backoff.nextMs(undefined), () => this.#look());
    }
  }

  /** Returns whether what is wanted is there. */
  async #write(key: string, plan: GatewayPlan): Promise<boolean> {
    const { client, gateway, exists, logger } = this.#options;
    const owner = gateway(key);
    if (!this.#isLeading || owner?.metadata.uid === undefined) return true;
    const manifest = serviceFor(owner, plan);
    const text = JSON.stringify(manifest);
    const service = `${manifest.metadata.namespace}/${manifest.metadata.name}`;
    if (this.#written.get(key)?.text === text && exists(service)) return true;
    try {
      await client.apply(SERVICE, manifest, {
        fieldManager: FIELD_MANAGER,
        force: true,
        signal: this.#stopping.signal,
      });
      this.#written.set(key, { service, text });
      return true;
    } catch (error) {
      // The namespace is going, and takes the Gateway along.
      if (this.#stopping.signal.aborted || hasStatus(error, 404)) return true;
      logger.warn({ err: error, gateway: key, service }, 'the Service of a Gateway could not be written');
      return false;
    }
  }

  /** The Gateway is there, but not ours any more, or not accepted; where it is gone, the Service goes by itself. */
  async #remove(key: string): Promise<void> {
    const written = this.#written.get(key);
    this.#written.delete(key);
    if (written === undefined || this.#options.gateway(key) === undefined) return;
    const [namespace = '', name = ''] = written.service.split('/');
    try {
      await this.#options.client.delete(SERVICE, { namespace, name, signal: this.#stopping.signal });
    } catch (error) {
      if (!this.#stopping.signal.aborted && !hasStatus(error, 404))
        this.#options.logger.warn({ err: error, service: written.service }, 'a Service could not be deleted');
    }
  }
}

function serviceFor({ apiVersion, kind, metadata, ...rest }: KubernetesObject, plan: GatewayPlan): ServiceManifest {
  const { name, namespace = '', uid } = metadata;
  const { gatewayClassName = '' } = (rest as { readonly spec?: { readonly gatewayClassName?: string } }).spec ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: serviceName(`${name}-${gatewayClassName}`),
      namespace,
      labels: {
        ...plan.labels,
        [GATEWAY_NAME]: labelValue(name),
        [GATEWAY_CLASS_NAME]: labelValue(gatewayClassName),
        [MANAGED_BY]: 'sluice',
      },
      ...(Object.keys(plan.annotations).length === 0 ? {} : { annotations: plan.annotations }),
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
    },
    spec: {
      // There is no address of the cluster's to be had: the Gateway has its own.
      clusterIP: 'None',
      ports: plan.ports.map(({ port, transport }) => ({
        name: `${transport.toLowerCase()}-${port}`,
        port,
        protocol: transport,
      })),
    },
  };
}

/** A name of a Service is a DNS label that begins with a letter; names of Gateways may be longer, and have dots. */
export function serviceName(text: string): string {
  const label = text.replaceAll('.', '-').replace(/^(?=[0-9])/, 'gw-');
  return label === text && label.length <= MAX_LABEL_LENGTH ? label : withHash(label, text);
}

function labelValue(text: string): string {
  return text.length <= MAX_LABEL_LENGTH ? text : withHash(text, text);
}

/** Cut, and told apart from others that begin alike. */
function withHash(label: string, text: string): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
  return `${label.slice(0, MAX_LABEL_LENGTH - HASH_LENGTH - 1).replace(/[^a-z0-9]+$/, '')}-${hash}`;
}
