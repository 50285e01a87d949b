// The composition root for a gateway in one process: builds every component, starts them in order, and stops them the other way round.
import { createAdmin } from '../admin/admin.ts';
import type { Admin, AdminAddress } from '../admin/admin.ts';
import type { AdminSource, Readiness } from '../admin/admin-source.ts';
import { CONTROLLER_NAME } from '../api/condition.ts';
import { createEngine } from '../dataplane/engine.ts';
import type { Engine } from '../dataplane/engine.ts';
import type { EngineLimits, EngineTimeouts } from '../dataplane/engine-defaults.ts';
import type { Listener } from '../ir/listener.ts';
import { enableLinearRegExp } from '../lib/linear-regexp.ts';
import type { SecretText } from '../lib/secret-text.ts';
import type { AccessLog } from '../observability/access-log.ts';
import { Metrics } from '../observability/metric-names.ts';
import { startProcessMetrics } from '../observability/process-metrics.ts';
import type { ProcessMetrics } from '../observability/process-metrics.ts';
import type { Logger } from '../observability/process-log.ts';
import { createFileProvider } from '../provider/file/file-provider.ts';
import type { FileProvider } from '../provider/file/file-provider.ts';
import type { FileProblem } from '../provider/file/file-problem.ts';
import { formatFileProblem } from '../provider/file/file-problem.ts';
import type { ManifestChange } from '../provider/file/manifest-set.ts';
import { ControlLoop } from './control-loop.ts';
import { hostBinding } from './host-binding.ts';
import { EngineReceiver, IrPublisher } from './ir-channel.ts';
import { countObjects } from './object-count.ts';
import type { ObjectCounts } from './object-count.ts';
import { StatusBook } from './status-book.ts';

export interface GatewaySettings {
  /** Files, and directories with everything below them. */
  readonly manifests: readonly string[];
  readonly admin: AdminAddress & { readonly allowedHosts: readonly string[] };
  /** Without it the admin API changes nothing. */
  readonly adminToken?: SecretText | undefined;
  readonly portOffset: number;
  readonly drain: { readonly delayMs: number; readonly graceMs: number };
  readonly limits: Partial<EngineLimits>;
  readonly timeouts: Partial<EngineTimeouts>;
}

export interface GatewayLogs {
  readonly logger: Logger;
  /** Absent: requests are not logged. */
  readonly accessLog: AccessLog | undefined;
}

export interface StartedGateway {
  readonly admin: AdminAddress;
  readonly listeners: readonly BoundListener[];
  /** By port: why it could not be bound. */
  readonly unavailablePorts: ReadonlyMap<number, string>;
  readonly objects: ObjectCounts;
  /** Objects of kinds that are none of ours. */
  readonly skipped: ObjectCounts;
  readonly problems: readonly FileProblem[];
}

export interface BoundListener {
  readonly config: Listener;
  readonly port: number;
}

export class Gateway {
  readonly metrics: Metrics = new Metrics();
  readonly #settings: GatewaySettings;
  readonly #version: string;
  readonly #logger: Logger;
  readonly #engine: Engine;
  readonly #receiver: EngineReceiver;
  readonly #statuses = new StatusBook();
  readonly #control: ControlLoop;
  readonly #provider: FileProvider;
  readonly #admin: Admin;
  readonly #onDrainAsked: () => void;
  #processMetrics: ProcessMetrics | undefined = undefined;
  #problems: readonly FileProblem[] = [];
  #isDraining = false;

  /** @param onDrainAsked the admin API was asked to end the process. */
  constructor(
    settings: GatewaySettings,
    { logger, accessLog }: GatewayLogs,
    version: string,
    onDrainAsked: () => void,
  ) {
    this.#settings = settings;
    this.#version = version;
    this.#logger = logger;
    this.#onDrainAsked = onDrainAsked;
    // Routes may hold regular expressions from users; from here on none can run for long.
    enableLinearRegExp();
    this.#engine = createEngine({
      metrics: this.metrics,
      limits: settings.limits,
      timeouts: settings.timeouts,
      ...(accessLog === undefined ? {} : { accessLog }),
      onDefect: (error) => logger.error({ err: error }, 'defect on the data path; the connection was cut'),
      onConnectFailure: (failure) => logger.warn({ ...failure }, 'an endpoint could not be reached'),
      onResolveFailure: (hostname, error) => logger.warn({ hostname, err: error }, 'an endpoint could not be resolved'),
    });
    this.#receiver = new EngineReceiver(this.#engine);
    this.#control = new ControlLoop({
      publisher: new IrPublisher(this.#receiver),
      statuses: this.#statuses,
      translation: {
        controllerName: CONTROLLER_NAME,
        binding: hostBinding(settings.portOffset),
      },
      metrics: this.metrics,
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
    });
  }

  /** Ends when the first configuration is served. @throws Error when the admin address can't be bound. */
  async start(): Promise<StartedGateway> {
    this.#processMetrics = startProcessMetrics(this.metrics);
    this.metrics.buildInfo.cell({ version: this.#version }).set(1);
    const admin = await this.#admin.listen();
    const first = await this.#provider.start();
    this.#noteProblems(first);
    await this.#control.start(first);
    return {
      admin,
      listeners: this.#boundListeners(),
      unavailablePorts: this.#control.unavailablePorts,
      objects: countObjects(first.put),
      skipped: first.skipped,
      problems: this.#problems,
    };
  }

  /** Not ready from now on; accepts go on for the drain delay, then what is in flight is finished, at most for the grace time. */
  async drain(): Promise<void> {
    const { delayMs, graceMs } = this.#settings.drain;
    this.#isDraining = true;
    this.#engine.startDraining();
    await elapsed(delayMs);
    await this.#provider.close();
    await this.#control.stop();
    await this.#engine.drain(graceMs);
    await this.#admin.close();
    this.#processMetrics?.stop();
  }

  #boundListeners(): BoundListener[] {
    return this.#engine.addresses().flatMap(({ key, port }) => {
      const config = this.#receiver.ir.resources.get(key);
      return config?.kind === 'listener' ? [{ config, port }] : [];
    });
  }

  #onChange(change: ManifestChange): void {
    this.#noteProblems(change);
    if (change.put.length > 0 || change.remove.length > 0) this.#control.change(change);
  }

  #noteProblems({ problems }: ManifestChange): void {
    const known = new Set(this.#problems.map(formatFileProblem));
    this.#problems = problems;
    for (const problem of problems) {
      const text = formatFileProblem(problem);
      if (!known.has(text)) this.#logger.warn({ file: problem.file, line: problem.line, code: problem.code }, text);
    }
  }

  #adminSource(): AdminSource {
    return {
      readiness: () => this.#readiness(),
      metrics: () => this.metrics.registry.texts(),
      ir: () => this.#receiver.ir,
      statuses: () => this.#statuses.list(),
      problems: () => this.#problems,
      version: () => ({ version: this.#version, node: process.version }),
      drain: () => this.#onDrainAsked(),
    };
  }

  #readiness(): Readiness {
    if (this.#isDraining) return { ready: false, reasons: ['draining'] };
    if (this.#control.version === 0) return { ready: false, reasons: ['the first configuration is not served yet'] };
    return { ready: true, reasons: [] };
  }
}

/** What setTimeout takes; beyond it, it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

async function elapsed(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
  await promise;
}
