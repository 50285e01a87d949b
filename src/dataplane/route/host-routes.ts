// The candidates of one served hostname. One virtual host's served hostnames are its own intersected with what routes declare, so
// that "more specific as served, then as declared" is the same order as "more specific as declared".
import { compareHostnameSpecificity } from '../../lib/hostname.ts';
import { type BoundRoute, createCandidates, type RouteCandidate } from './candidate.ts';
import { PathIndex } from './path-index.ts';
import type { RouteRequest } from './predicate.ts';
import type { QueryParameters } from './query-parameters.ts';

export class HostRoutes<T> {
  /** In no order. */
  readonly candidates: readonly RouteCandidate<T>[];
  readonly readsQuery: boolean;
  readonly #routes: readonly BoundRoute<T>[];
  /** One for each declared hostname, the most specific first. */
  readonly #paths: readonly PathIndex<T>[];

  constructor(routes: readonly BoundRoute<T>[]) {
    this.#routes = routes;
    this.candidates = routes.flatMap(createCandidates);
    this.readsQuery = this.candidates.some(({ match }) => match.queryParams.length > 0);
    this.#paths = [...Map.groupBy(this.candidates, ({ hostname }) => hostname.declared)]
      .sort(([a], [b]) => compareHostnameSpecificity(a, b))
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
      routes.every(({ route, hostname, targets }, i) => {
        const own = this.#routes[i] as BoundRoute<T>;
        return (
          route === own.route &&
          hostname.declared === own.hostname.declared &&
          targets.every((target, ruleIndex) => target === own.targets[ruleIndex])
        );
      })
    );
  }
}
