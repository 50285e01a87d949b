// The configuration's way from changed objects to what is served, again and again: collect, hold off, translate, publish, and tell in
// the statuses what came of it. One cycle at a time; changes that come during one are the next.
import type { KubernetesObject } from '../api/object.ts';
import type { ApplyResult, BindFailure } from '../dataplane/engine.ts';
import { secretOfCertificate } from '../gatewayapi/certificate-model.ts';
import { Resources } from '../gatewayapi/resources.ts';
import type { ObjectIdentity } from '../gatewayapi/resources.ts';
import type { Memo } from '../gatewayapi/memo.ts';
import { createMemo, translate } from '../gatewayapi/translate.ts';
import type { TranslateOptions, Translation } from '../gatewayapi/translate.ts';
import { APPLY_PACE, HoldOff } from '../lib/hold-off.ts';
import type { Certificate } from '../ir/certificate.ts';
import type { Ir } from '../ir/ir.ts';
import { portNameOfKey } from '../ir/listener.ts';
import type { Metrics } from '../observability/metric-names.ts';
import type { Logger } from '../observability/process-log.ts';

export interface Change {
  readonly put: readonly KubernetesObject[];
  readonly remove: readonly ObjectIdentity[];
}

/** Who brings an IR to those who serve it. */
export interface Publisher {
  /** @throws Error where it could not be applied; what was served goes on. */
  publish(ir: Ir): Promise<ApplyResult>;
}

export interface ControlLoopOptions {
  readonly publisher: Publisher;
  /** Called for each translation that is served. */
  readonly onServed: (translation: Translation) => void;
  readonly translation: () => Omit<TranslateOptions, 'unavailablePorts'>;
  /** Fetches what a translation asked for and was not told; it comes by `change`. */
  readonly demand?: (memo: Memo) => Promise<void>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** How often binding a port is tried again while something else holds it. */
const BIND_RETRY_MS = 5_000;
/** What is fetched may name something else, but not for long. */
const MAX_DEMAND_ROUNDS = 4;

export class ControlLoop {
  readonly #options: ControlLoopOptions;
  readonly #resources = new Resources();
  readonly #memo = createMemo();
  readonly #holdOff: HoldOff;
  #unavailablePorts: ReadonlyMap<string, string> = new Map();
  /** In force, by `namespace/name` of their Secrets. */
  #certificates: ReadonlyMap<string, Certificate> = new Map();
  #retryTimer: NodeJS.Timeout | undefined = undefined;
  #running: Promise<void> | undefined = undefined;
  #isAskedAgain = false;
  /** Of what was taken; tells whether anything came in between. */
  #changes = 0;
  /** The same, of what is in the last translation. */
  #translatedChanges = 0;
  #version = 0;
  #appliedHash = '';

  constructor(options: ControlLoopOptions) {
    this.#options = options;
    // Counters that stay at 0 for long are there from the start, so that an alert on their rate works.
    options.metrics.configRejects.cell({});
    this.#holdOff = new HoldOff({ ...APPLY_PACE, onDue: () => void this.runNow() });
  }

  /** 0 before the first apply. */
  get version(): number {
    return this.#version;
  }

  /** By name of the port (`80`, `53/udp`): why it could not be bound. */
  get unavailablePorts(): ReadonlyMap<string, string> {
    return this.#unavailablePorts;
  }

  /** Takes a change; it is applied at the pace of HoldOff. */
  change(change: Change): void {
    this.#take(change);
    this.#holdOff.trigger();
  }

  /** Takes the first, complete state and applies it at once. */
  async start(first: Change): Promise<void> {
    this.#take(first);
    await this.runNow();
  }

  async stop(): Promise<void> {
    this.#holdOff.cancel();
    clearTimeout(this.#retryTimer);
    await this.#running;
  }

  /** Translates and applies what is there. Ends when it is served. */
  async runNow(): Promise<void> {
    this.#isAskedAgain = true;
    this.#running ??= this.#run();
    await this.#running;
  }

  #take({ put, remove }: Change): void {
    this.#changes++;
    for (const identity of remove) this.#resources.delete(identity);
    for (const object of put) this.#resources.put(object);
  }

  async #run(): Promise<void> {
    while (this.#isAskedAgain) {
      this.#isAskedAgain = false;
      try {
        await this.#cycle();
      } catch (error) {
        this.#options.metrics.configRejects.cell({}).inc();
        this.#options.logger.error({ err: error }, 'the configuration could not be applied; what was served goes on');
      }
    }
    this.#running = undefined;
  }

  async #cycle(): Promise<void> {
    const { publisher, onServed, metrics, logger } = this.#options;
    const startMs = performance.now();
    let translation = await this.#translateAll();
    const result = await publisher.publish(translation.ir);
    const havePortsChanged = this.#noteFailures(result);
    if (havePortsChanged) {
      // The statuses have to tell which ports could (not) be bound, and nothing of what came meanwhile: that is not served yet.
      if (this.#changes !== this.#translatedChanges) {
        this.#isAskedAgain = true;
        return;
      }
      translation = this.#translate();
    }
    onServed(translation);
    const { hash } = translation.ir;
    if (this.#version > 0 && !havePortsChanged && hash === this.#appliedHash) return;
    this.#appliedHash = hash;
    this.#version++;
    const seconds = (performance.now() - startMs) / 1_000;
    metrics.configApplies.cell({}).inc();
    metrics.configVersion.cell({}).set(this.#version);
    metrics.configApplyDuration.cell({}).observe(seconds);
    metrics.configLastApply.cell({}).set(Date.now() / 1_000);
    logger.info(
      { version: this.#version, resources: translation.ir.resources.size, durationMs: Math.round(seconds * 1_000) },
      'configuration applied',
    );
  }

  /** With everything that the translation asks for, as far as that can be had. */
  async #translateAll(): Promise<Translation> {
    for (let round = 0; ; round++) {
      const translation = this.#translate();
      const { demand } = this.#options;
      if (demand === undefined || round === MAX_DEMAND_ROUNDS) return translation;
      const before = this.#changes;
      await demand(this.#memo);
      if (this.#changes === before) return translation;
    }
  }

  #translate(): Translation {
    const { translation } = this.#options;
    this.#translatedChanges = this.#changes;
    const translated = translate(this.#resources, this.#memo, {
      ...translation(),
      unavailablePorts: this.#unavailablePorts,
      lastGoodCertificates: this.#certificates,
    });
    this.#certificates = certificatesOf(translated.ir);
    return translated;
  }

  /** Returns whether the ports that can't be bound are others than before. */
  #noteFailures({ failures }: ApplyResult): boolean {
    clearTimeout(this.#retryTimer);
    if (failures.length > 0) this.#retryTimer = setTimeout(() => void this.runNow(), BIND_RETRY_MS);
    const before = this.#unavailablePorts;
    const now = new Map(failures.map((failure) => [portNameOfKey(failure.key), bindFailureText(failure)]));
    this.#unavailablePorts = now;
    let hasChanged = false;
    for (const [port, text] of now) {
      if (before.get(port) === text) continue;
      hasChanged = true;
      this.#options.logger.warn({ port }, text);
    }
    for (const port of before.keys()) {
      if (now.has(port)) continue;
      hasChanged = true;
      this.#options.logger.info({ port }, `port ${port} is no longer waited for`);
    }
    return hasChanged;
  }
}

function certificatesOf({ resources }: Ir): ReadonlyMap<string, Certificate> {
  const certificates = new Map<string, Certificate>();
  for (const resource of resources.values()) {
    if (resource.kind === 'certificate') certificates.set(secretOfCertificate(resource.key), resource);
  }
  return certificates;
}

/** What keeps a port from being bound, and what to do. */
function bindFailureText({ key, code }: BindFailure): string {
  const port = portNameOfKey(key);
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use by another process`;
    case 'EACCES':
      return `port ${port} needs privileges that this process does not have; use --port-offset to move all ports up`;
    case 'EADDRNOTAVAIL':
      return `the address of port ${port} is not one of this machine`;
    default:
      return `port ${port} can't be bound (${code})`;
  }
}
