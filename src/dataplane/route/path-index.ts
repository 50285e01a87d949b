// The candidates of one hostname by path: exact, then regular expressions, then prefixes from the longest to the shortest. Which
// kind goes first is precedence.ts's rule; here it is structure, and the property test holds the two together.
import type { PathMatch } from '../../ir/route.ts';
import { failedPredicate, type RouteCandidate } from './candidate.ts';
import { compareCandidates } from './precedence.ts';
import type { RouteRequest } from './predicate.ts';
import type { QueryParameters } from './query-parameters.ts';
import { SegmentTrie } from './segment-trie.ts';

/** Candidates that a path can't tell apart, the one to prefer first. */
type Bucket<T> = RouteCandidate<T>[];

export class PathIndex<T> {
  readonly #exact = new Map<string, Bucket<T>>();
  readonly #regexes: Bucket<T> = [];
  readonly #prefixes = new SegmentTrie<RouteCandidate<T>>();

  constructor(candidates: readonly RouteCandidate<T>[]) {
    const buckets = new Set<Bucket<T>>();
    for (const candidate of candidates) {
      const bucket = this.#bucket(candidate.match.path);
      bucket.push(candidate);
      buckets.add(bucket);
    }
    for (const bucket of buckets) bucket.sort(compareCandidates);
  }

  select(request: RouteRequest, query: QueryParameters): RouteCandidate<T> | undefined {
    const exact = this.#exact.get(request.path);
    if (exact !== undefined) {
      const selected = firstMatch(exact, request, query);
      if (selected !== undefined) return selected;
    }
    for (const candidate of this.#regexes) {
      if (candidate.path.matches(request) && isMatch(candidate, request, query)) return candidate;
    }
    for (let node = this.#prefixes.find(request.path); ; node = node.parent) {
      const selected = firstMatch(node.values, request, query);
      if (selected !== undefined || node.parent === undefined) return selected;
    }
  }

  #bucket({ type, value }: PathMatch): Bucket<T> {
    switch (type) {
      case 'exact': {
        const bucket = this.#exact.get(value) ?? [];
        this.#exact.set(value, bucket);
        return bucket;
      }
      case 'regex':
        return this.#regexes;
      case 'prefix':
        return this.#prefixes.add(value).values;
    }
  }
}

function firstMatch<T>(
  bucket: Bucket<T>,
  request: RouteRequest,
  query: QueryParameters,
): RouteCandidate<T> | undefined {
  for (const candidate of bucket) {
    if (isMatch(candidate, request, query)) return candidate;
  }
  return undefined;
}

/** Of all but host and path. */
function isMatch(candidate: RouteCandidate<unknown>, request: RouteRequest, query: QueryParameters): boolean {
  return failedPredicate(candidate.predicates, request, query) === undefined;
}
