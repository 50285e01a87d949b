// All of a gateway but its data plane: follows its configuration, translates it, hands the result to whoever serves, and answers the admin API.
// Where that is served from, this process or others, it does not know.
import { createAdmin } from '../../admin/admin.ts';
import type { Admin, AdminAddress, OpenAdminSocket } from '../../admin/admin.ts';
import type { AdminSource, Readiness } from '../../admin/admin-source.ts';
import type { ApplyResult } from '../../dataplane/engine.ts';
import { EMPTY_IR } from '../../ir/ir.ts';
import type { Ir } from '../../ir/ir.ts';
import type { Listener } from '../../ir/listener.ts';
import type { SecretText } from '../../lib/secret-text.ts';
import type { Metrics } from '../../observability/metric-names.ts';
import type { Logger } from '../../observability/process-log.ts';
import type { Config } from '../../config/config.ts';
import type { FileProblem } from '../../provider/file/file-problem.ts';
import { ControlLoop } from '../control-loop.ts';
import type { Publisher } from '../control-loop.ts';
import { countObjects } from '../object-count.ts';
import type { ObjectCounts } from '../object-count.ts';
import { adminStartError } from '../start-error.ts';
import { StatusBook } from '../status-book.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import { FileSource } from './file-source.ts';
import { KubernetesSource } from './kubernetes-source.ts';

export interface ControlSettings extends Pick<Config, 'provider' | 'manifests' | 'kubernetes' | 'portOffset'> {
  readonly admin: AdminAddress & { readonly allowedHosts: readonly string[] };
  /** Without it the admin API changes nothing. */
  readonly adminToken: SecretText | undefined;
}

/** The data plane as control sees it. */
export interface ServingSide extends Publisher {
  /** Why no traffic should come; none when all is well. */
  faults(): readonly string[];
  metrics(): Iterable<string> | Promise<Iterable<string>>;
}

export interface ControlPlaneOptions {
  readonly settings: ControlSettings;
  readonly serving: ServingSide;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly version: string;
  /** What the admin API may ask for. */
  readonly actions: Pick<AdminSource, 'drain' | 'processes'>;
  /** Absent: the admin API binds its address by itself. */
  readonly openAdminSocket?: OpenAdminSocket;
}

export interface StartedGateway {
  readonly admin: AdminAddress;
  readonly listeners: readonly BoundListener[];
  /** By name of the port (`80`, `53/udp`): why it could not be bound. */
  readonly unavailablePorts: ReadonlyMap<string, string>;
  readonly objects: ObjectCounts;
  /** Objects of kinds that are none of ours. */
  readonly skipped: ObjectCounts;
  readonly problems: readonly FileProblem[];
}

export interface BoundListener {
  readonly config: Listener;
  readonly port: number;
}

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #statuses = new StatusBook();
  readonly #source: ConfigurationSource;
  readonly #loop: ControlLoop;
  readonly #admin: Admin;
  #served: Ir = EMPTY_IR;
  /** Keys of Listeners that could not be bound. */
  #unbound: ReadonlySet<string> = new Set();
  #isDraining = false;

  constructor(options: ControlPlaneOptions) {
    const { settings, metrics, logger, openAdminSocket } = options;
    this.#options = options;
    const source = createSource(options);
    this.#source = source;
    this.#loop = new ControlLoop({
      publisher: { publish: (ir) => this.#publish(ir) },
      onServed: (translation) => {
        this.#statuses.replace(translation.statuses);
        source.onServed?.(translation);
      },
      translation: () => source.translation(),
      demand: async (memo) => await source.demand?.(memo),
      metrics,
      logger,
    });
    this.#admin = createAdmin({
      address: settings.admin,
      allowedHosts: settings.admin.allowedHosts,
      source: this.#adminSource(),
      logger,
      ...(settings.adminToken === undefined ? {} : { token: settings.adminToken }),
      ...(openAdminSocket === undefined ? {} : { openSocket: openAdminSocket }),
    });
  }

  /** Whether a configuration was served already. */
  get hasServed(): boolean {
    return this.#loop.version > 0;
  }

  /** @throws StartError when the admin address can't be bound. */
  async listen(): Promise<AdminAddress> {
    try {
      return await this.#admin.listen();
    } catch (error) {
      throw adminStartError(this.#options.settings.admin, error);
    }
  }

  /** Ends when the first configuration is served. */
  async start(): Promise<Omit<StartedGateway, 'admin'>> {
    this.#options.metrics.buildInfo.cell({ version: this.#options.version }).set(1);
    const first = await this.#source.start((change) => this.#loop.change(change));
    await this.#loop.start({ put: first.put, remove: [] });
    return {
      listeners: this.#boundListeners(),
      unavailablePorts: this.#loop.unavailablePorts,
      objects: countObjects(first.put),
      skipped: first.skipped,
      problems: this.#source.problems,
    };
  }

  /** Not ready from now on. */
  startDraining(): void {
    this.#isDraining = true;
  }

  /** Follows no changes any more. */
  async stop(): Promise<void> {
    await this.#source.stop();
    await this.#loop.stop();
  }

  async close(): Promise<void> {
    await this.#admin.close();
  }

  async #publish(ir: Ir): Promise<ApplyResult> {
    const result = await this.#options.serving.publish(ir);
    this.#served = ir;
    this.#unbound = new Set(result.failures.map(({ key }) => key));
    return result;
  }

  #boundListeners(): BoundListener[] {
    return [...this.#served.resources.values()].flatMap((config) =>
      config.kind === 'listener' && !this.#unbound.has(config.key) ? [{ config, port: config.bindPort }] : [],
    );
  }

  #adminSource(): AdminSource {
    const { serving, version, actions } = this.#options;
    return {
      readiness: () => this.#readiness(),
      metrics: () => serving.metrics(),
      ir: () => this.#served,
      statuses: () => this.#statuses.list(),
      problems: () => this.#source.problems,
      version: () => ({ version, node: process.version }),
      ...actions,
    };
  }

  #readiness(): Readiness {
    const reasons = this.#isDraining ? ['draining'] : this.#options.serving.faults();
    return { ready: reasons.length === 0, reasons };
  }
}

function createSource({ settings, logger, version }: ControlPlaneOptions): ConfigurationSource {
  const { provider, manifests, kubernetes, portOffset } = settings;
  return provider === 'kubernetes'
    ? new KubernetesSource({ config: kubernetes, portOffset, version, logger })
    : new FileSource({ paths: manifests, portOffset, logger });
}
