// What a filter sees and may do. A filter is compiled once per rule; per request it gets a context and works at once.
import type { PathMatch } from '../../ir/route.ts';
import type { RequestHead, ResponseHead } from '../exchange.ts';
import type { HeaderList } from '../header-list.ts';

export interface FilterContext {
  /** Filters change `path`, `authority` and `headers` in place. */
  readonly request: RequestHead;
  /** The port that the client dialled, as the Gateway names it. */
  readonly listenerPort: number;
  /** The path match that won: what a prefix replacement replaces. */
  readonly matchedPath: PathMatch;
  /** What the client's Origin was, noted by the CORS filter: later filters may remove the field. */
  corsOrigin: string | undefined;
  /** Sends a copy of the request, as it is now, to a cluster. */
  mirror(cluster: string): void;
}

/** An answer that the gateway gives itself. */
export interface LocalResponse {
  readonly status: number;
  readonly headers: HeaderList;
}

export interface CompiledFilter {
  /** An answer ends the request here. */
  readonly onRequest?: (context: FilterContext) => LocalResponse | undefined;
  readonly onResponse?: (context: FilterContext, response: ResponseHead) => void;
}

/** The filters of a rule or backend in the order in which they run. */
export interface FilterChain {
  readonly onRequest: readonly NonNullable<CompiledFilter['onRequest']>[];
  readonly onResponse: readonly NonNullable<CompiledFilter['onResponse']>[];
}
