// The manifests below some paths: finds the files, reads those that changed, keeps what is in force. Asked for a change, it looks;
// when to look is for others to say.
import { discover, type DirectoryObserver, type FoundFile } from './discovery.ts';
import type { FileReading } from './file-reading.ts';
import { ManifestReader } from './manifest-reader.ts';
import { ManifestSet, type ManifestChange, type ManifestPlace } from './manifest-set.ts';

export class ManifestSource {
  readonly #paths: readonly string[];
  readonly #observer: DirectoryObserver | undefined;
  readonly #reader = new ManifestReader();
  readonly #set = new ManifestSet();
  #files: readonly FoundFile[] = [];

  constructor(paths: readonly string[], observer?: DirectoryObserver) {
    this.#paths = paths;
    this.#observer = observer;
  }

  /** Says that there will soon be something to read. */
  prepare(): void {
    this.#reader.prepare();
  }

  /** What changed since the last time. One call at a time; rejects when the source is closed meanwhile. */
  async refresh(): Promise<ManifestChange> {
    const known = new Map(this.#files.map((file) => [file.path, file]));
    const { files, problems } = await discover(this.#paths, { known, observer: this.#observer });
    const changed = files.filter((file) => mayHaveChanged(known.get(file.path), file)).map(({ path }) => path);
    const requests = changed.map((path) => ({ file: path, fingerprint: this.#set.fingerprint(path) }));
    const readings = await this.#reader.read(requests);
    const byPath = new Map(changed.map((path, index) => [path, readings[index] as FileReading]));
    this.#files = files.map((file) => (shouldRetry(byPath.get(file.path)) ? { ...file, isSettled: false } : file));
    const paths = files.map(({ path }) => path);
    return this.#set.update(paths, byPath, problems);
  }

  /** Where objects stand, by manifestKey(); those that exist without a manifest have no place. */
  places(): ReadonlyMap<string, ManifestPlace> {
    return this.#set.places();
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}

/** Whether to read a file; one that could not be looked at is the same FoundFile as before. */
export function mayHaveChanged(last: FoundFile | undefined, file: FoundFile): boolean {
  return last !== file && !(last?.isSettled && last.signature === file.signature);
}

/** A file that could not be read may be readable later without having changed. */
function shouldRetry(reading: FileReading | undefined): boolean {
  return reading?.outcome === 'failed' && reading.problem.code === 'unreadable';
}
