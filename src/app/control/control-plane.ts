// All of a gateway but its data plane: reads manifests, translates them, hands the result to whoever serves, and answers the admin API.
// Where that is served from, this process or others, it does not know.
import { createAdmin } from '../../admin/admin.ts';
import type { Admin, AdminAddress, OpenAdminSocket } from '../../admin/admin.ts';
import type { AdminSource, Readiness } from '../../admin/admin-source.ts';
import { CONTROLLER_NAME } from '../../api/condition.ts';
import type { ApplyResult } from '../../dataplane/engine.ts';
import { EMPTY_IR } from '../../ir/ir.ts';
import type { Ir } from '../../ir/ir.ts';
import type { Listener } from '../../ir/listener.ts';
import type { SecretText } from '../../lib/secret-text.ts';
import type { Metrics } from '../../observability/metric-names.ts';
import type { Logger } from '../../observability/process-log.ts';
import { createFileProvider } from '../../provider/file/file-provider.ts';
import type { FileProvider } from '../../provider/file/file-provider.ts';
import type { FileProblem } from '../../provider/file/file-problem.ts';
import { formatFileProblem } from '../../provider/file/file-problem.ts';
import type { ManifestChange } from '../../provider/file/manifest-set.ts';
import { ControlLoop } from '../control-loop.ts';
import type { Publisher } from '../control-loop.ts';
import { hostBinding } from '../host-binding.ts';
import { countObjects } from '../object-count.ts';
import type { ObjectCounts } from '../object-count.ts';
import { adminStartError } from '../start-error.ts';
import { StatusBook } from '../status-book.ts';

export interface ControlSettings {
  /** Files, and directories with everything below them. */
  readonly manifests: readonly string[];
  readonly admin: AdminAddress & { readonly allowedHosts: readonly string[] };
  /** Without it the admin API changes nothing. */
  readonly adminToken: SecretText | undefined;
  readonly portOffset: number;
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
  readonly #loop: ControlLoop;
  readonly #provider: FileProvider;
  readonly #admin: Admin;
  #served: Ir = EMPTY_IR;
  /** Keys of Listeners that could not be bound. */
  #unbound: ReadonlySet<string> = new Set();
  #problems: readonly FileProblem[] = [];
  #isDraining = false;

  constructor(options: ControlPlaneOptions) {
    const { settings, metrics, logger, openAdminSocket } = options;
    this.#options = options;
    this.#loop = new ControlLoop({
      publisher: { publish: (ir) => this.#publish(ir) },
      statuses: this.#statuses,
      translation: { controllerName: CONTROLLER_NAME, binding: hostBinding(settings.portOffset) },
      metrics,
      logger,
    });
    this.#provider = createFileProvider({
      paths: settings.manifests,
      logger,
      onChange: (change) => this.#onChange(change),
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
    const first = await this.#provider.start();
    this.#noteProblems(first);
    await this.#loop.start(first);
    return {
      listeners: this.#boundListeners(),
      unavailablePorts: this.#loop.unavailablePorts,
      objects: countObjects(first.put),
      skipped: first.skipped,
      problems: this.#problems,
    };
  }

  /** Not ready from now on. */
  startDraining(): void {
    this.#isDraining = true;
  }

  /** Follows no changes any more. */
  async stop(): Promise<void> {
    await this.#provider.close();
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

  #onChange(change: ManifestChange): void {
    this.#noteProblems(change);
    if (change.put.length > 0 || change.remove.length > 0) this.#loop.change(change);
  }

  #noteProblems({ problems }: ManifestChange): void {
    const known = new Set(this.#problems.map(formatFileProblem));
    this.#problems = problems;
    for (const problem of problems) {
      const text = formatFileProblem(problem);
      if (known.has(text)) continue;
      this.#options.logger.warn({ file: problem.file, line: problem.line, code: problem.code }, text);
    }
  }

  #adminSource(): AdminSource {
    const { serving, version, actions } = this.#options;
    return {
      readiness: () => this.#readiness(),
      metrics: () => serving.metrics(),
      ir: () => this.#served,
      statuses: () => this.#statuses.list(),
      problems: () => this.#problems,
      version: () => ({ version, node: process.version }),
      ...actions,
    };
  }

  #readiness(): Readiness {
    const reasons = this.#isDraining ? ['draining'] : this.#options.serving.faults();
    return { ready: reasons.length === 0, reasons };
  }
}
