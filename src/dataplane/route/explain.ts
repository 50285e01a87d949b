// Why a request goes where it goes: the selection, and for every other candidate of the virtual host the first reason why it lost.
// Computed with the predicates and the order that selection itself uses.
import { hostnameMatches } from '../../lib/hostname.ts';
import { failedPredicate, type RouteCandidate, type RouteSelection } from './candidate.ts';
import { compareCandidates, decidingCriterion } from './precedence.ts';
import type { RouteRequest } from './predicate.ts';
import { QueryParameters } from './query-parameters.ts';
import { type RouteTable, selectRoute } from './route-table.ts';

export interface LostCandidate<T> {
  readonly candidate: RouteSelection<T>;
  /** For a human: `header x-canary is absent`. Holds text of the request as it is. */
  readonly reason: string;
}

export interface RouteExplanation<T> {
  readonly selected: RouteSelection<T> | undefined;
  /** In order of precedence. */
  readonly others: readonly LostCandidate<T>[];
}

export function explainRoutes<T>(table: RouteTable<T>, request: RouteRequest): RouteExplanation<T> {
  const selected = selectRoute(table, request);
  const query = new QueryParameters(request.query);
  const others = [...table.hosts.values()]
    .flatMap((host) => host.candidates)
    .filter((candidate) => candidate !== selected)
    .sort(compareCandidates)
    .map((candidate) => ({
      candidate,
      reason: mismatch(candidate, request, query) ?? defeat(candidate, selected),
    }));
  return { selected, others };
}

function mismatch(
  candidate: RouteCandidate<unknown>,
  request: RouteRequest,
  query: QueryParameters,
): string | undefined {
  const { served } = candidate.hostname;
  if (!hostnameMatches(served, request.host)) return `host ${request.host} is not ${served}`;
  const failed = failedPredicate([candidate.path, ...candidate.predicates], request, query);
  return failed?.mismatch(request, query);
}

function defeat(candidate: RouteCandidate<unknown>, winner: RouteSelection<unknown> | undefined): string {
  if (winner === undefined) return 'matched, but was not found';
  const advantage = decidingCriterion(winner, candidate)?.advantage ?? 'is the same';
  return `matched, but rule ${winner.rule.name} of ${winner.route.name} ${advantage}`;
}
