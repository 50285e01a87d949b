// The routes of one virtual host whose traffic is connections or datagrams, found by server name. Of those with the same hostname
// only one counts, chosen here once: there is nothing else in a connection to tell them apart by.
import { compareHostnameSpecificity } from '../../lib/hostname.ts';
import type { RouteHostname, StreamRoute } from '../../ir/route.ts';
import { HostnameIndex } from './hostname-index.ts';

/** A route and the hostnames of its attachment to the virtual host. */
export interface AttachedStreamRoute {
  readonly route: StreamRoute;
  readonly hostnames: readonly RouteHostname[];
}

interface Candidate {
  readonly route: StreamRoute;
  readonly hostname: RouteHostname;
}

export class StreamRouteTable<T> {
  readonly #index: HostnameIndex<T>;

  /** `bind` gives what a selection of the route carries. */
  constructor(attached: readonly AttachedStreamRoute[], bind: (route: StreamRoute) => T) {
    const winners = new Map<string, Candidate>();
    for (const { route, hostnames } of attached) {
      for (const hostname of hostnames) {
        const candidate = { route, hostname };
        const winner = winners.get(hostname.served);
        if (winner === undefined || compareCandidates(candidate, winner) < 0) winners.set(hostname.served, candidate);
      }
    }
    this.#index = new HostnameIndex(Array.from(winners, ([served, { route }]) => [served, bind(route)]));
  }

  /** @param serverName in the form of a host; undefined where the client named none, or can't: then only `*` matches. */
  select(serverName: string | undefined): T | undefined {
    return this.#index.find(serverName ?? '')?.value;
  }
}

/** Negative where `a` goes first. */
function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    compareHostnameSpecificity(a.hostname.declared, b.hostname.declared) ||
    a.route.createdAtMs - b.route.createdAtMs ||
    (a.route.name < b.route.name ? -1 : 1)
  );
}
