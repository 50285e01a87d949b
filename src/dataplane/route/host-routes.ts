// The candidates of one served hostname. One virtual host's served hostnames are its own intersected with what routes declare, so
// that "more specific as served, then as declared" is the same order as "more specific as declared".
import type { Route } from '../../ir/route.ts';
import { compareHostnameSpecificity } from '../../lib/hostname.ts';
import { type BoundRoute, createCandidates, type RouteCandidate } from './candidate.ts';
import { PathIndex } from './path-index.ts';
import { rpcRank } from './precedence.ts';
import type { RouteRequest } from './predicate.ts';
import type { QueryParameters } from './query-parameters.ts';

export class HostRoutes<T> {
  /** In no order. */
  readonly candidates: readonly RouteCandidate<T>[];
  readonly readsQuery: boolean;
  readonly #routes: readonly BoundRoute<T>[];
  /** Of each route, for the next table. */
  readonly #compiled = new Map<Route, CompiledRoute<T>>();
  /** One for each declared hostname, the most specific first, and in it for each rank that only gRPC routes have. */
  readonly #paths: readonly PathIndex<T>[];

  /** @param previous of the same served hostname: the candidates of routes that did not change are taken from it. */
  constructor(routes: readonly BoundRoute<T>[], previous?: HostRoutes<T>) {
    this.#routes = routes;
    this.candidates = routes.flatMap((bound) => {
      const kept = previous === undefined ? undefined : previous.#compiled.get(bound.route);
      const compiled =
        kept !== undefined && isSame(kept.bound, bound) ? kept : { bound, candidates: createCandidates(bound) };
      this.#compiled.set(bound.route, compiled);
      return compiled.candidates;
    });
    this.readsQuery = this.candidates.some(({ match }) => match.queryParams.length > 0);
    this.#paths = [...Map.groupBy(this.candidates, ({ hostname }) => hostname.declared)]
      .sort(([a], [b]) => compareHostnameSpecificity(a, b))
      .flatMap(([, candidates]) => [...Map.groupBy(candidates, rpcRank)].sort(([a], [b]) => b - a))
      .map(([, candidates]) => new PathIndex(candidates));
  }

  select(request: RouteRequest, query: QueryParameters): RouteCandidate<T> | undefined {
    for (const paths of this.#paths) {
      const selected = paths.select(request, query);
      if (selected !== undefined) return selected;
    }
    return undefined;
  }

  /** Whether it would be built the same from these routes. */
  isFor(routes: readonly BoundRoute<T>[]): boolean {
    return (
      routes.length === this.#routes.length &&
      routes.every((bound, i) => isSame(bound, this.#routes[i] as BoundRoute<T>))
    );
  }
}

interface CompiledRoute<T> {
  readonly bound: BoundRoute<T>;
  readonly candidates: readonly RouteCandidate<T>[];
}

/** Under one served hostname. */
function isSame<T>(a: BoundRoute<T>, b: BoundRoute<T>): boolean {
  return (
    a.route === b.route &&
    a.hostname.declared === b.hostname.declared &&
    a.targets.every((target, ruleIndex) => target === b.targets[ruleIndex])
  );
}
