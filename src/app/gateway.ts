// A gateway in one process: control and data plane side by side, started in order and stopped the other way round.
import type { Engine } from '../dataplane/engine.ts';
import { enableLinearRegExp } from '../lib/linear-regexp.ts';
import { Metrics } from '../observability/metric-names.ts';
import { startProcessMetrics } from '../observability/process-metrics.ts';
import type { ProcessMetrics } from '../observability/process-metrics.ts';
import { ControlPlane } from './control/control-plane.ts';
import type { ControlSettings, StartedGateway } from './control/control-plane.ts';
import { elapsed } from './elapsed.ts';
import { EngineReceiver, IrPublisher } from './ir-channel.ts';
import { createDataPlane } from './worker/data-plane.ts';
import type { DataPlaneLogs, DataPlaneSettings } from './worker/data-plane.ts';

export interface GatewaySettings extends ControlSettings, DataPlaneSettings {
  readonly drain: { readonly delayMs: number; readonly graceMs: number };
}

export class Gateway {
  readonly metrics: Metrics = new Metrics();
  readonly #settings: GatewaySettings;
  readonly #engine: Engine;
  readonly #control: ControlPlane;
  #processMetrics: ProcessMetrics | undefined = undefined;

  /** @param onDrainAsked the admin API was asked to end the process. */
  constructor(settings: GatewaySettings, logs: DataPlaneLogs, version: string, onDrainAsked: () => void) {
    const { metrics } = this;
    this.#settings = settings;
    // Routes may hold regular expressions from users; from here on none can run for long.
    enableLinearRegExp();
    this.#engine = createDataPlane({ settings, metrics, logs });
    const publisher = new IrPublisher(new EngineReceiver(this.#engine));
    this.#control = new ControlPlane({
      settings,
      serving: {
        publish: (ir) => publisher.publish(ir),
        faults: () => (this.#control.hasServed ? [] : ['the first configuration is not served yet']),
        metrics: () => metrics.registry.texts(),
      },
      metrics,
      logger: logs.logger,
      version,
      actions: { drain: onDrainAsked },
    });
  }

  /** Ends when the first configuration is served. @throws StartError when the admin address can't be bound, or no API server is known. */
  async start(): Promise<StartedGateway> {
    this.#processMetrics = startProcessMetrics(this.metrics);
    const admin = await this.#control.listen();
    try {
      return { admin, ...(await this.#control.start()) };
    } catch (error) {
      // The admin API would keep the process.
      await this.#control.close();
      throw error;
    }
  }

  /** Not ready from now on; accepts go on for the drain delay, then what is in flight is finished, at most for the grace time. */
  async drain(): Promise<void> {
    const { delayMs, graceMs } = this.#settings.drain;
    this.#control.startDraining();
    this.#engine.startDraining();
    await elapsed(delayMs);
    await this.#control.stop();
    await this.#engine.drain(graceMs);
    await this.#control.close();
    this.#processMetrics?.stop();
  }
}
