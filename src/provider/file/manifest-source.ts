// The manifests below some paths: finds the files, reads those that changed, keeps what is in force. Asked for a change, it looks;
// when to look is for others to say.
import { discover, type DirectoryObserver, type FoundFile } from './discovery.ts';
import type { FileReading } from './file-reading.ts';
import { ManifestReader } from './manifest-reader.ts';
import { ManifestSet, type ManifestChange } from './manifest-set.ts';

export class ManifestSource {
  readonly #paths: readonly string[];
  readonly #observer: DirectoryObserver | undefined;
  readonly #reader = new ManifestReader();
  readonly #set = new ManifestSet();
  readonly #closing = new AbortController();
  #files: readonly FoundFile[] = [];

  constructor(paths: readonly string[], observer?: DirectoryObserver) {
    this.#paths = paths;
    this.#observer = observer;
  }

  /** Says that there will soon be something to read. */
  prepare(): void {
    this.#reader.prepare();
  }

  /** What changed since the last time. Rejects when it is closed meanwhile; one call at a time. */
  async refresh(): Promise<ManifestChange> {
    const known = new Map(this.#files.map((file) => [file.path, file]));
    const { files, problems } = await discover(this.#paths, { known, observer: this.#observer });
    const readings = new Map<string, FileReading>();
    for (const file of files) {
      const last = known.get(file.path);
      if (last === file || (last?.isSettled && last.signature === file.signature)) continue;
      const { path } = file;
      readings.set(path, await this.#reader.read({ file: path, fingerprint: this.#set.fingerprint(path) }));
      this.#closing.signal.throwIfAborted();
    }
    this.#files = files.map((file) => (shouldRetry(readings.get(file.path)) ? { ...file, isSettled: false } : file));
    return this.#set.update(
      files.map(({ path }) => path),
      readings,
      problems,
    );
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reader.close();
  }
}

/** A file that could not be read may be readable later without having changed. */
function shouldRetry(reading: FileReading | undefined): boolean {
  return reading?.outcome === 'failed' && reading.problem.code === 'unreadable';
}
