// Turns the hostnames of endpoints into addresses, away from the data path: at first use, then again every while. A name that stops
// resolving keeps its last addresses.
import { lookup } from 'node:dns/promises';

export interface ResolverOptions {
  /** Called when the addresses of a hostname changed. */
  readonly onChange: (hostname: string) => void;
  readonly onFailure: (hostname: string, error: unknown) => void;
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

const REFRESH_MS = 30_000;
const RETRY_MS = 2_000;

interface Entry {
  addresses: readonly string[];
  timer: NodeJS.Timeout | undefined;
  first: Promise<void>;
}

export class HostnameResolver {
  readonly #options: ResolverOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  addresses(hostname: string): readonly string[] {
    return this.#entries.get(hostname)?.addresses ?? [];
  }

  /** Gives up the names that are not among these. */
  retain(hostnames: ReadonlySet<string>): void {
    for (const [hostname, entry] of this.#entries) {
      if (hostnames.has(hostname)) continue;
      clearTimeout(entry.timer);
      this.#entries.delete(hostname);
    }
  }

  /** Resolves these names too from now on. The promise ends when the new ones were tried once. */
  async watch(hostnames: ReadonlySet<string>): Promise<void> {
    const firsts: Promise<void>[] = [];
    for (const hostname of hostnames) {
      if (this.#entries.has(hostname)) continue;
      const entry: Entry = { addresses: [], timer: undefined, first: Promise.resolve() };
      this.#entries.set(hostname, entry);
      entry.first = this.#refresh(hostname, entry);
      firsts.push(entry.first);
    }
    await Promise.all(firsts);
  }

  close(): void {
    for (const entry of this.#entries.values()) clearTimeout(entry.timer);
    this.#entries.clear();
  }

  async #refresh(hostname: string, entry: Entry): Promise<void> {
    let delayMs = REFRESH_MS;
    try {
      const addresses = await (this.#options.resolve ?? resolveAll)(hostname);
      if (this.#entries.get(hostname) !== entry) return;
      if (addresses.join() !== entry.addresses.join()) {
        entry.addresses = addresses;
        this.#options.onChange(hostname);
      }
    } catch (error) {
      delayMs = RETRY_MS;
      this.#options.onFailure(hostname, error);
    }
    if (this.#entries.get(hostname) !== entry) return;
    entry.timer = setTimeout(() => void this.#refresh(hostname, entry), delayMs);
    entry.timer.unref();
  }
}

/** As the system resolves names, /etc/hosts included. Sorted, so that an order that changes is no change. */
async function resolveAll(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true });
  return [...new Set(found.map(({ address }) => address))].sort();
}
