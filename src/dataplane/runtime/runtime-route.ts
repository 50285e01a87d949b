// A route's rules as requests use them: filters compiled, backends in a wheel, timeouts and metric cells resolved. Clusters are named
// by key and looked up in the request's snapshot, so that a change of endpoints leaves routes alone.
import type { Route, RouteRule, WeightedBackend } from '../../ir/route.ts';
import type { TimeoutQueue, TimerWheel } from '../../lib/timeout-queue.ts';
import type { RouteCells } from '../../observability/traffic-cells.ts';
import type { FilterChain } from '../filter/filter.ts';
import { compileFilters } from '../filter/registry.ts';
import { WeightedChoice } from './weighted-choice.ts';

export interface RuntimeRule {
  readonly route: Route;
  readonly rule: RouteRule;
  readonly filters: FilterChain;
  /** Undefined: no backend, or none with a weight. */
  readonly backends: WeightedChoice<RuntimeBackend> | undefined;
  readonly requestTimeout: TimeoutQueue | undefined;
  readonly backendTimeout: TimeoutQueue | undefined;
  readonly cells: RouteCells;
}

export interface RuntimeBackend {
  readonly name: string;
  /** Undefined: the reference is broken. */
  readonly cluster: string | undefined;
  readonly filters: FilterChain;
}

export function compileRules(route: Route, cells: RouteCells, wheel: TimerWheel): readonly RuntimeRule[] {
  return route.rules.map((rule) => ({
    route,
    rule,
    filters: compileFilters(rule.filters),
    backends: compileBackends(rule.backends),
    requestTimeout: timeout(rule.requestTimeoutMs, wheel),
    backendTimeout: timeout(rule.backendRequestTimeoutMs, wheel),
    cells,
  }));
}

function compileBackends(backends: readonly WeightedBackend[]): WeightedChoice<RuntimeBackend> | undefined {
  const weighted = backends.filter(({ weight }) => weight > 0);
  if (weighted.length === 0) return undefined;
  return new WeightedChoice(
    weighted.map(({ name, weight, cluster, filters }) => ({
      weight,
      value: { name, cluster, filters: compileFilters(filters) },
    })),
  );
}

function timeout(ms: number, wheel: TimerWheel): TimeoutQueue | undefined {
  return ms === 0 ? undefined : wheel.queue(ms);
}
