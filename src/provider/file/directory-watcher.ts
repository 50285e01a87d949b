// Watches directories for changes of their entries. Says only that something may have changed, never what: events get lost, come twice
// or name what has gone, so that whoever is told must look for himself.
import { statSync, watch, type FSWatcher } from 'node:fs';
import type { DirectoryObserver } from './discovery.ts';

export interface DirectoryWatcherOptions {
  readonly onEvent: () => void;
  /** A directory could not be watched; told once, as the reason is likely to be the same for all. */
  readonly onFailure: (directory: string, error: unknown) => void;
}

interface Watch {
  readonly handle: FSWatcher;
  /** Tells the directory from another one that takes its place. */
  readonly identity: string;
  /** The names that matter since the last sweep, and those that mattered before it. */
  wanted: Names;
  wantedBefore: Names;
}

/** Names of entries; ALL stands for all that are not hidden. */
type Names = Set<string>;
const ALL = '*/';

export class DirectoryWatcher implements DirectoryObserver {
  readonly #options: DirectoryWatcherOptions;
  readonly #watches = new Map<string, Watch>();
  #hasFailed = false;

  constructor(options: DirectoryWatcherOptions) {
    this.#options = options;
  }

  /** Makes sure that a directory is watched, if it exists; where one name matters, also if it may be. */
  onDirectory(directory: string, entry?: string): void {
    try {
      this.#ensure(directory)?.wanted.add(entry ?? ALL);
    } catch (error) {
      if (entry === undefined) this.#fail(directory, error);
    }
  }

  /** Ends what nobody wanted since the last sweep. */
  sweep(): void {
    for (const [directory, watched] of this.#watches) {
      if (watched.wanted.size === 0) this.#drop(directory);
      watched.wantedBefore = watched.wanted;
      watched.wanted = new Set();
    }
  }

  close(): void {
    for (const directory of this.#watches.keys()) this.#drop(directory);
  }

  #ensure(directory: string): Watch | undefined {
    const stats = statSync(directory, { throwIfNoEntry: false });
    const identity = stats && `${stats.dev} ${stats.ino} ${stats.birthtimeMs}`;
    const existing = this.#watches.get(directory);
    if (existing?.identity === identity) return existing;
    this.#drop(directory);
    if (identity === undefined) return undefined;
    const watched: Watch = { handle: watch(directory), identity, wanted: new Set(), wantedBefore: new Set() };
    watched.handle.on('change', (_type, name) => this.#onChange(watched, name === null ? null : String(name)));
    watched.handle.on('error', (error) => this.#fail(directory, error));
    this.#watches.set(directory, watched);
    return watched;
  }

  #onChange({ wanted, wantedBefore }: Watch, name: string | null): void {
    const isWanted = (entry: string): boolean => wanted.has(entry) || wantedBefore.has(entry);
    // ..data is what a mounted ConfigMap changes.
    const isHidden = name !== null && name.startsWith('.') && !name.startsWith('..');
    if (name === null || isWanted(name) || (!isHidden && isWanted(ALL))) this.#options.onEvent();
  }

  #fail(directory: string, error: unknown): void {
    this.#drop(directory);
    if (!this.#hasFailed) this.#options.onFailure(directory, error);
    this.#hasFailed = true;
  }

  #drop(directory: string): void {
    this.#watches.get(directory)?.handle.close();
    this.#watches.delete(directory);
  }
}
