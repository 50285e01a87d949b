// Limits are meant for the whole gateway; each worker gets its share of them, and at least 1. Whoever divides keeps the result with the
// original, so that a cluster that did not change stays the same object for whoever compares.
import type { Config } from '../../config/config.ts';
import type { EngineLimits } from '../../dataplane/engine-defaults.ts';
import type { OverloadLimits } from '../../dataplane/overload/overload.ts';
import { defaultOverloadLimits } from '../../dataplane/overload/overload-monitor.ts';
import { createIr } from '../../ir/ir.ts';
import type { Ir, Resource } from '../../ir/ir.ts';

export class WorkerShares {
  readonly #workers: number;
  readonly #divided = new WeakMap<Resource, Resource>();

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** @param servesDatagrams UDP has no connections that processes could share: one worker takes it all */
  of(ir: Ir, servesDatagrams: boolean): Ir {
    if (this.#workers === 1) return ir;
    const resources: Resource[] = [];
    for (const resource of ir.resources.values()) {
      if (servesDatagrams || !isDatagramListener(resource)) resources.push(this.#share(resource));
    }
    return createIr(resources);
  }

  #share(resource: Resource): Resource {
    const known = this.#divided.get(resource);
    if (known !== undefined) return known;
    const divided = divide(resource, this.#workers);
    this.#divided.set(resource, divided);
    return divided;
  }
}

function divide(resource: Resource, workers: number): Resource {
  if (resource.kind === 'cluster') {
    const { maxConnections, maxPendingRequests } = resource;
    return {
      ...resource,
      maxConnections: shareOf(maxConnections, workers),
      maxPendingRequests: shareOf(maxPendingRequests, workers),
    };
  }
  if (resource.kind !== 'listener' || resource.settings?.limits?.maxConnections === undefined) return resource;
  const { settings } = resource;
  const maxConnections = shareOf(settings.limits?.maxConnections ?? 0, workers);
  return { ...resource, settings: { ...settings, limits: { ...settings.limits, maxConnections } } };
}

/** Of the limits that hold for a whole gateway, whatever it serves. */
export function shareOfLimits({ limits, workers }: Config): Partial<EngineLimits> {
  return {
    ...limits,
    maxConnections: shareOf(limits.maxConnections, workers),
    maxTotalConnections: shareOf(limits.maxTotalConnections, workers),
    maxReplayBytes: shareOf(limits.maxReplayBytes, workers),
  };
}

/** Of what the machine gives; control takes its share of the memory, too. */
export function shareOfOverload(workers: number): Partial<OverloadLimits> {
  const { maxMemoryBytes } = defaultOverloadLimits();
  return {
    maxMemoryBytes: shareOf(maxMemoryBytes, workers + 1),
  };
}

function isDatagramListener(resource: Resource): boolean {
  return resource.kind === 'listener' && resource.protocol === 'UDP';
}

function shareOf(limit: number, workers: number): number {
  return Math.max(1, Math.floor(limit / workers));
}
