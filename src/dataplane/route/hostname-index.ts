// Values by hostname, found by host: the most specific hostname first, then each broader one. Built once, never changed.
import { ANY_HOSTNAME, compareHostnameSpecificity, isWildcardHostname } from '../../lib/hostname.ts';

export interface HostnameEntry<V> {
  readonly value: V;
  /** The next less specific hostname. It matches every host that this one matches, so that it does not depend on the host. */
  readonly broader: HostnameEntry<V> | undefined;
}

export class HostnameIndex<V> {
  readonly #exact = new Map<string, HostnameEntry<V>>();
  /** Keyed by what follows the `*`: `.example.com`. */
  readonly #wildcards = new Map<string, HostnameEntry<V>>();
  #any: HostnameEntry<V> | undefined;

  constructor(values: Iterable<readonly [hostname: string, value: V]>) {
    const leastSpecificFirst = [...values].sort(([a], [b]) => compareHostnameSpecificity(b, a));
    for (const [hostname, value] of leastSpecificFirst) {
      const entry = { value, broader: this.#findWildcard(hostname) };
      if (hostname === ANY_HOSTNAME) this.#any = entry;
      else if (isWildcardHostname(hostname)) this.#wildcards.set(hostname.slice(1), entry);
      else this.#exact.set(hostname, entry);
    }
  }

  /** The entry of the most specific hostname that matches `host` (lower case, no port, no trailing dot). */
  find(host: string): HostnameEntry<V> | undefined {
    return this.#exact.get(host) ?? this.#findWildcard(host);
  }

  /** What is for hosts that nothing else is for, and where no host is named. */
  get any(): V | undefined {
    return this.#any?.value;
  }

  #findWildcard(host: string): HostnameEntry<V> | undefined {
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
        const entry = this.#wildcards.get(host.slice(dot));
        if (entry !== undefined) return entry;
      }
    }
    return this.#any;
  }
}
