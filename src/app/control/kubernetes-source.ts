// Configuration from an API server, and the statuses back to it. Of several replicas the one that holds the Lease writes them.
import { randomUUID } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { CONTROLLER_NAME } from '../../api/condition.ts';
import type { Config } from '../../config/config.ts';
import type { Binding } from '../../gatewayapi/binding.ts';
import type { Memo } from '../../gatewayapi/memo.ts';
import { keysRead } from '../../gatewayapi/memo-reads.ts';
import type { TranslateOptions, Translation } from '../../gatewayapi/translate.ts';
import { discoverAccess } from '../../kubernetes/access-discovery.ts';
import { ApiClient } from '../../kubernetes/api-client.ts';
import { SYSTEM_CLOCK } from '../../kubernetes/clock.ts';
import { EventRecorder } from '../../kubernetes/event-recorder.ts';
import { LeaderElection } from '../../kubernetes/lease.ts';
import type { Logger } from '../../observability/process-log.ts';
import { DEMANDED_KINDS, KubernetesProvider, STATUS_KINDS } from '../../provider/kubernetes/kubernetes-provider.ts';
import { GatewayServices } from '../../provider/kubernetes/gateway-services.ts';
import { LiveObjects } from '../../provider/kubernetes/live-objects.ts';
import { newTroubles } from '../../provider/kubernetes/status-events.ts';
import { StatusWriter } from '../../provider/kubernetes/status-writer.ts';
import type { Change } from '../control-loop.ts';
import { hostBinding } from '../host-binding.ts';
import { StartError } from '../start-error.ts';
import type { ConfigurationSource, FirstState } from './configuration-source.ts';

export interface KubernetesSourceOptions {
  readonly config: Config['kubernetes'];
  readonly portOffset: number;
  readonly version: string;
  readonly logger: Logger;
}

const LEASE_NAME = 'sluice-leader';

/** What there is from the moment on when it is known where the API server is. */
interface Connection {
  readonly client: ApiClient;
  readonly provider: KubernetesProvider;
  readonly writer: StatusWriter;
  readonly services: GatewayServices;
  readonly events: EventRecorder;
  readonly election: LeaderElection;
}

export class KubernetesSource implements ConfigurationSource {
  readonly problems: readonly [] = [];
  readonly #options: KubernetesSourceOptions;
  readonly #live = new LiveObjects();
  #connection: Connection | undefined = undefined;
  #statuses: Translation['statuses'] = new Map();
  #isLeading = false;

  constructor(options: KubernetesSourceOptions) {
    this.#options = options;
  }

  /** @throws StartError where it is not known how to reach an API server. One that does not answer is waited for. */
  async start(onChange: (change: Change) => void): Promise<FirstState> {
    const connection = await this.#connect(onChange);
    this.#connection = connection;
    const { put } = await connection.provider.start();
    connection.election.start();
    return { put, skipped: {} };
  }

  translation(): Omit<TranslateOptions, 'unavailablePorts'> {
    const installedCrds = this.#connection?.provider.installedCrds;
    return { controllerName: CONTROLLER_NAME, binding: this.#binding(), ...(installedCrds && { installedCrds }) };
  }

  async demand(memo: Memo): Promise<void> {
    const provider = this.#connection?.provider;
    if (provider === undefined) return;
    await Promise.all(DEMANDED_KINDS.map((kind) => provider.demand(kind, keysRead(memo, kind))));
  }

  onServed({ statuses, plans }: Translation): void {
    const before = this.#statuses;
    this.#statuses = statuses;
    this.#connection?.writer.replace(statuses);
    this.#connection?.services.replace(plans);
    this.#adoptAddresses();
    if (this.#isLeading) this.#recordTroubles(before);
  }

  async stop(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.writer.stop();
    const { provider, services, events, election } = connection;
    await Promise.all([provider.close(), services.stop(), events.stop(), election.stop()]);
    connection.client.close();
  }

  #lead(isLeading: boolean): void {
    this.#isLeading = isLeading;
    this.#adoptAddresses();
    this.#connection?.writer.lead(isLeading);
    this.#connection?.services.lead(isLeading);
  }

  #recordTroubles(before: Translation['statuses']): void {
    const { provider, events } = this.#connection ?? {};
    for (const [key, status] of this.#statuses) {
      const regarding = before.get(key) === status ? undefined : provider?.object(key);
      if (regarding === undefined) continue;
      for (const { reason, message: note } of newTroubles(before.get(key), status))
        events?.record({ regarding, type: 'Warning', reason, action: 'Translate', note });
    }
  }

  /** Whoever does not write them goes by those that are written. */
  #adoptAddresses(): void {
    const given = new Map<string, unknown>();
    if (this.#isLeading)
      for (const [key, { kind, status }] of this.#statuses)
        if (kind === 'Gateway' && 'addresses' in status) given.set(key, status.addresses);
    this.#connection?.provider.adoptAddresses(given);
  }

  #binding(): Binding {
    const { config, portOffset } = this.#options;
    return config.binding === 'pool' ? { kind: 'pool', addresses: config.addressPool } : hostBinding(portOffset);
  }

  async #connect(onChange: (change: Change) => void): Promise<Connection> {
    const { config, version, logger } = this.#options;
    const clock = SYSTEM_CLOCK;
    const random = (): number => Math.random();
    const { kubeconfig, context, namespaces } = config;
    const access = await discoverAccess({
      kubeconfig,
      context,
      environment: process.env,
      homeDirectory: homedir,
      clock,
    }).catch((error: unknown) => {
      throw new StartError((error as Error).message, { cause: error });
    });
    logger.info({ server: access.server.origin, origin: access.origin }, 'configuration comes from an API server');
    const client = new ApiClient({ access, version, clock });
    const writer = new StatusWriter({
      client,
      live: this.#live,
      kinds: STATUS_KINDS,
      controllerName: CONTROLLER_NAME,
      clock,
      logger,
    });
    const provider = new KubernetesProvider({
      client,
      ...(namespaces.length === 0 ? {} : { namespaces }),
      live: this.#live,
      onChange,
      onLive: (key) => writer.onLive(key),
      logger,
      clock,
      random,
    });
    const services = new GatewayServices({
      client,
      gateway: (key) => provider.object(`Gateway/${key}`),
      exists: (key) => provider.object(`Service/${key}`) !== undefined,
      logger,
      clock,
      random,
    });
    const events = new EventRecorder({ client, controller: CONTROLLER_NAME, instance: hostname(), logger, clock });
    const election = new LeaderElection({
      client,
      namespace: access.namespace,
      name: LEASE_NAME,
      identity: `${hostname()}-${randomUUID()}`,
      onLeading: () => this.#lead(true),
      onLost: () => this.#lead(false),
      logger,
      clock,
      random,
    });
    return { client, provider, writer, services, events, election };
  }
}
