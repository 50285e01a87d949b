// THE order among candidates that match the same request (Gateway API, HTTPRouteRule.matches). Buckets of the route table are sorted
// by it, and the explanation names the criterion that decided.
import { compareHostnameSpecificity } from '../../lib/hostname.ts';
import type { PathMatch } from '../../ir/route.ts';
import type { RouteSelection } from './candidate.ts';

type Candidate = RouteSelection<unknown>;

export interface Criterion {
  /** Negative where `a` goes first. */
  readonly compare: (a: Candidate, b: Candidate) => number;
  /** Completes "it lost because the winner …". */
  readonly advantage: string;
}

const PATH_RANKS: Readonly<Record<PathMatch['type'], number>> = { exact: 0, regex: 1, prefix: 2 };

const CRITERIA: readonly Criterion[] = [
  {
    compare: (a, b) => compareHostnameSpecificity(a.hostname.declared, b.hostname.declared),
    advantage: 'is for a more specific hostname',
  },
  { compare: (a, b) => rpcRank(b) - rpcRank(a), advantage: 'is for gRPC, or names more of the call' },
  {
    compare: (a, b) => PATH_RANKS[a.match.path.type] - PATH_RANKS[b.match.path.type],
    advantage: 'has a stronger type of path match (exact, then regular expression, then prefix)',
  },
  { compare: (a, b) => prefixLength(b) - prefixLength(a), advantage: 'has a longer prefix' },
  { compare: (a, b) => methodCount(b) - methodCount(a), advantage: 'names the method' },
  { compare: (a, b) => b.match.headers.length - a.match.headers.length, advantage: 'names more headers' },
  {
    compare: (a, b) => b.match.queryParams.length - a.match.queryParams.length,
    advantage: 'names more query parameters',
  },
  { compare: (a, b) => a.route.createdAtMs - b.route.createdAtMs, advantage: 'is of an older route' },
  { compare: (a, b) => compareText(a.route.name, b.route.name), advantage: 'is of a route that comes first by name' },
  { compare: (a, b) => a.ruleIndex - b.ruleIndex, advantage: 'comes first in the route' },
  { compare: (a, b) => a.matchIndex - b.matchIndex, advantage: 'matches by an earlier match' },
];

/** For sorting: the candidate that wins comes first. */
export function compareCandidates(a: Candidate, b: Candidate): number {
  for (const { compare } of CRITERIA) {
    const order = compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** The criterion by which the two differ; undefined where they are equal in all. */
export function decidingCriterion(a: Candidate, b: Candidate): Criterion | undefined {
  return CRITERIA.find(({ compare }) => compare(a, b) !== 0);
}

/**
 * 0 for HTTP routes. gRPC routes go before them, by whether they name the service, then the method, then by whether they name them
 * exactly: of two that match the same call, the one that names more has more matching characters.
 */
export function rpcRank({ route, match }: Pick<Candidate, 'route' | 'match'>): number {
  if (route.protocol === 'http') return 0;
  const { service, method } = match.rpc ?? NO_RPC;
  return 8 + (service === '' ? 0 : 4) + (method === '' ? 0 : 2) + (match.path.type === 'regex' ? 0 : 1);
}

const NO_RPC = { service: '', method: '' };

function prefixLength({ match }: Candidate): number {
  return match.path.type === 'prefix' ? match.path.value.length : 0;
}

function methodCount({ match }: Candidate): number {
  return match.method === undefined ? 0 : 1;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
