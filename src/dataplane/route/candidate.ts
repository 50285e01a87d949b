// A candidate: one match of one rule of one route under one of its hostnames. Selection ends in one of them.
import type { Route, RouteHostname, RouteMatch, RouteRule } from '../../ir/route.ts';
import { compilePredicates, PathPredicate, type Predicate, type RouteRequest } from './predicate.ts';
import type { QueryParameters } from './query-parameters.ts';

/** What was selected, and what the runtime bound to its rule. */
export interface RouteSelection<T> {
  readonly route: Route;
  readonly rule: RouteRule;
  readonly ruleIndex: number;
  readonly match: RouteMatch;
  readonly matchIndex: number;
  readonly hostname: RouteHostname;
  readonly target: T;
}

export interface RouteCandidate<T> extends RouteSelection<T> {
  readonly path: PathPredicate;
  /** The conditions besides host and path. */
  readonly predicates: readonly Predicate[];
}

/** A route under one of its hostnames, with a target for each of its rules. */
export interface BoundRoute<T> {
  readonly route: Route;
  readonly hostname: RouteHostname;
  readonly targets: readonly T[];
}

export function createCandidates<T>({ route, hostname, targets }: BoundRoute<T>): RouteCandidate<T>[] {
  const candidates: RouteCandidate<T>[] = [];
  for (const [ruleIndex, rule] of route.rules.entries()) {
    const target = targets[ruleIndex] as T;
    for (const [matchIndex, match] of rule.matches.entries()) {
      const path = new PathPredicate(match.path);
      const predicates = compilePredicates(match, route.protocol);
      candidates.push({ route, rule, ruleIndex, match, matchIndex, hostname, target, path, predicates });
    }
  }
  return candidates;
}

/** The first predicate that does not match. */
export function failedPredicate(
  predicates: readonly Predicate[],
  request: RouteRequest,
  query: QueryParameters,
): Predicate | undefined {
  for (const predicate of predicates) {
    if (!predicate.matches(request, query)) return predicate;
  }
  return undefined;
}
