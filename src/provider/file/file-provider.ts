// Configuration from manifest files, followed live: events of the file system say when to look, and a look now and then finds what
// they missed. One look at a time; while files keep changing, the next one waits until they settle.
import { HoldOff } from '../../lib/hold-off.ts';
import { DirectoryWatcher } from './directory-watcher.ts';
import type { ManifestChange } from './manifest-set.ts';
import { ManifestSource } from './manifest-source.ts';

/** How long files must be left alone before they are read, and for how long at most that is waited for. */
const SETTLE_PACE = { coalesceMs: 50, maxDelayMs: 500 };
const RESCAN_INTERVAL_MS = 10_000;

export interface FileProviderOptions {
  /** Files, and directories with everything below them. */
  readonly paths: readonly string[];
  readonly onChange: (change: ManifestChange) => void;
  readonly logger?: FileProviderLogger;
}

export interface FileProviderLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface FileProvider {
  /** Resolves with what there is; from then on, onChange is told what changes. */
  start(): Promise<ManifestChange>;
  close(): Promise<void>;
}

export function createFileProvider(options: FileProviderOptions): FileProvider {
  return new WatchedFiles(options);
}

class WatchedFiles implements FileProvider {
  readonly #options: FileProviderOptions;
  readonly #source: ManifestSource;
  readonly #watcher: DirectoryWatcher;
  readonly #settling: HoldOff;
  /** Looks follow one another; at most one waits. */
  #looks: Promise<void> = Promise.resolve();
  #isLookWaiting = false;
  #last: ManifestChange | undefined = undefined;
  #rescanTimer: NodeJS.Timeout | undefined = undefined;
  #isClosed = false;

  constructor(options: FileProviderOptions) {
    this.#options = options;
    this.#watcher = new DirectoryWatcher({
      onEvent: () => this.#onEvent(),
      onFailure: (directory, error) =>
        this.#warn('a directory cannot be watched: changes are found late', { directory, err: error }),
    });
    this.#source = new ManifestSource(options.paths, this.#watcher);
    this.#settling = new HoldOff({ ...SETTLE_PACE, onDue: () => this.#look() });
  }

  async start(): Promise<ManifestChange> {
    const first = this.#refresh();
    this.#looks = first.then(
      () => undefined,
      () => undefined,
    );
    return await first;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#rescanTimer);
    await this.#source.close();
    await this.#looks;
    this.#settling.cancel();
    this.#watcher.close();
  }

  #onEvent(): void {
    if (this.#isClosed) return;
    this.#source.prepare();
    this.#settling.trigger();
  }

  #look(): void {
    if (this.#isLookWaiting) return;
    this.#isLookWaiting = true;
    this.#looks = this.#looks.then(async () => {
      this.#isLookWaiting = false;
      const last = this.#last;
      try {
        const change = await this.#refresh();
        if (last === undefined || isNews(change, last)) this.#options.onChange(change);
      } catch (error) {
        if (!this.#isClosed) this.#warn('a change of the manifests was not taken', { err: error });
      }
    });
  }

  async #refresh(): Promise<ManifestChange> {
    clearTimeout(this.#rescanTimer);
    try {
      const change = await this.#source.refresh();
      this.#watcher.sweep();
      this.#last = change;
      return change;
    } finally {
      if (!this.#isClosed) {
        this.#rescanTimer = setTimeout(() => this.#look(), RESCAN_INTERVAL_MS);
        this.#rescanTimer.unref();
      }
    }
  }

  #warn(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.logger?.warn(fields, message);
  }
}

function isNews(change: ManifestChange, last: ManifestChange): boolean {
  const { put, remove, problems, skipped } = change;
  return put.length > 0 || remove.length > 0 || problems !== last.problems || skipped !== last.skipped;
}
