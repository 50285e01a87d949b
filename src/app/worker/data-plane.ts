// The data plane as a process builds it: the engine, with what it has to say put into the log.
import { createEngine } from '../../dataplane/engine.ts';
import type { Engine, EngineOptions } from '../../dataplane/engine.ts';
import { DEFAULT_ENGINE_LIMITS } from '../../dataplane/engine-defaults.ts';
import type { EngineLimits, EngineTimeouts } from '../../dataplane/engine-defaults.ts';
import type { AccessLog } from '../../observability/access-log.ts';
import type { Metrics } from '../../observability/metric-names.ts';
import type { Logger } from '../../observability/process-log.ts';
import { maxConnectionsByDescriptors } from './descriptor-limit.ts';

export interface DataPlaneSettings {
  readonly limits: Partial<EngineLimits>;
  readonly timeouts: Partial<EngineTimeouts>;
  readonly overload?: EngineOptions['overload'];
}

export interface DataPlaneLogs {
  readonly logger: Logger;
  /** Absent: requests are not logged. */
  readonly accessLog: AccessLog | undefined;
}

export interface DataPlaneOptions {
  readonly settings: DataPlaneSettings;
  readonly metrics: Metrics;
  readonly logs: DataPlaneLogs;
  /** Absent: it binds its addresses by itself. */
  readonly openListener?: EngineOptions['openListener'];
}

export function createDataPlane({ settings, metrics, logs, openListener }: DataPlaneOptions): Engine {
  const { logger, accessLog } = logs;
  const { maxTotalConnections = DEFAULT_ENGINE_LIMITS.maxTotalConnections } = settings.limits;
  return createEngine({
    metrics,
    limits: {
      ...settings.limits,
      maxTotalConnections: Math.min(maxTotalConnections, maxConnectionsByDescriptors()),
    },
    timeouts: settings.timeouts,
    ...(settings.overload === undefined ? {} : { overload: settings.overload }),
    ...(accessLog === undefined ? {} : { accessLog }),
    ...(openListener === undefined ? {} : { openListener }),
    onOverload: (step, resource) => logger.warn({ step, resource }, 'overload: what the gateway gives up has changed'),
    onDefect: (error) => logger.error({ err: error }, 'defect on the data path; the connection was cut'),
    onConnectFailure: (failure) => logger.warn({ ...failure }, 'an endpoint could not be reached'),
    onResolveFailure: (hostname, error) => logger.warn({ hostname, err: error }, 'an endpoint could not be resolved'),
  });
}
