// Finds the manifest files below some paths, in an order that depends on names only. Each file is found once, however many links lead
// to it. What can't be looked at is a problem, and the files known from there stay in the list: only what is gone is missing from it.
import type { Dirent, Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { operationProblem, wholeFileProblem, type FileProblem } from './file-problem.ts';

export const MAX_FILES = 20_000;
export const MAX_DIRECTORIES = 10_000;
const STAT_CONCURRENCY = 64;
/** Two changes within this time may leave the same time behind: a few ticks of the kernel. */
const TIME_RESOLUTION_MS = 20;
/** The same on file systems that keep whole seconds. */
const COARSE_TIME_RESOLUTION_MS = 2_000;

const MANIFEST_NAME = /^[^.].*\.(?:ya?ml|json)$/;

export interface FoundFile {
  readonly path: string;
  /** Differs when the file may have changed. */
  readonly signature: string;
  /** Whether the signature is sure to differ after another change; false for a file that changed a moment ago. */
  readonly isSettled: boolean;
}

export interface Discovery {
  readonly files: readonly FoundFile[];
  readonly problems: readonly FileProblem[];
}

/** Is told of directories before they are read, so that no change after the reading goes unseen. */
export interface DirectoryObserver {
  /** @param entry the only name in it that matters; without it, all do. */
  onDirectory(directory: string, entry?: string): void;
}

export interface DiscoverOptions {
  /** What the last discovery found, by path. */
  readonly known?: ReadonlyMap<string, FoundFile>;
  readonly observer?: DirectoryObserver | undefined;
}

export async function discover(paths: readonly string[], options: DiscoverOptions = {}): Promise<Discovery> {
  const walk = new Walk(options);
  for (const path of paths) await walk.addRoot(path);
  return walk.result();
}

class Walk {
  readonly #known: ReadonlyMap<string, FoundFile>;
  readonly #observer: DirectoryObserver | undefined;
  readonly #startedAtMs = Date.now();
  readonly #files = new Map<string, FoundFile>();
  readonly #problems: FileProblem[] = [];
  /** Files and directories, by the path that has no links in it. */
  readonly #visited = new Set<string>();
  #directoryCount = 0;
  #freePlaces: number;
  readonly #leftOut: string[] = [];

  constructor({ known = new Map(), observer }: DiscoverOptions) {
    this.#known = known;
    this.#freePlaces = MAX_FILES - known.size;
    this.#observer = observer;
  }

  /** Adds a path that someone named: there must be something, but it may have any name. */
  async addRoot(path: string): Promise<void> {
    for (let child = resolve(path); child !== dirname(child); child = dirname(child)) {
      this.#observer?.onDirectory(dirname(child), basename(child));
    }
    const target = await inspect(path);
    if (target instanceof Error) this.#keep(operationProblem(path, target));
    else if (target.stats.isDirectory()) await this.#addDirectory(path, target.realPath);
    else if (target.stats.isFile()) this.#addFile(path, target, target.realPath !== resolve(path));
    else this.#keep(wholeFileProblem(path, 'unreadable', 'is neither a file nor a directory'));
  }

  result(): Discovery {
    const [first] = this.#leftOut;
    if (first !== undefined) {
      const message = `left out, with ${this.#leftOut.length - 1} more: at most ${MAX_FILES} files are read`;
      this.#problems.push(wholeFileProblem(first, 'too-many-files', message));
    }
    return { files: [...this.#files.values()], problems: this.#problems };
  }

  async #addDirectory(path: string, realPath: string): Promise<void> {
    if (this.#visited.has(realPath)) return;
    this.#visited.add(realPath);
    if (++this.#directoryCount > MAX_DIRECTORIES) {
      this.#keep(wholeFileProblem(path, 'too-many-files', `left out: at most ${MAX_DIRECTORIES} directories are read`));
      return;
    }
    this.#observer?.onDirectory(path);
    const entries = await attempt(readdir(path, { withFileTypes: true }));
    if (entries instanceof Error) {
      if (!isMissing(entries)) this.#keep(operationProblem(path, entries));
      return;
    }
    const candidates = entries.filter(isCandidate).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (let start = 0; start < candidates.length; start += STAT_CONCURRENCY) {
      const chunk = candidates.slice(start, start + STAT_CONCURRENCY);
      const targets = await Promise.all(chunk.map((entry) => inspectEntry(path, realPath, entry)));
      for (const [index, entry] of chunk.entries()) {
        const target = targets[index] as Target | Error;
        const entryPath = join(path, entry.name);
        if (target instanceof Error) this.#addFailure(entryPath, entry, target);
        else if (target.stats.isDirectory()) await this.#addDirectory(entryPath, target.realPath);
        else if (isManifest(entry.name, target)) this.#addFile(entryPath, target, entry.isSymbolicLink());
      }
    }
  }

  #addFailure(path: string, entry: Dirent, error: Error): void {
    // What is no link and missing has gone since the directory was read.
    if (!isMissing(error)) this.#keep(operationProblem(path, error));
    else if (entry.isSymbolicLink()) this.#keep(wholeFileProblem(path, 'broken-link', 'the link leads nowhere'));
  }

  #addFile(path: string, { stats, realPath }: Target, isLink: boolean): void {
    if (this.#visited.has(realPath)) return;
    this.#visited.add(realPath);
    if (!this.#known.has(path) && this.#freePlaces-- <= 0) {
      this.#leftOut.push(path);
      return;
    }
    if (isLink) this.#observer?.onDirectory(dirname(realPath), basename(realPath));
    const { dev, ino, size, mtimeMs, ctimeMs } = stats;
    const resolutionMs = mtimeMs % 1_000 === 0 ? COARSE_TIME_RESOLUTION_MS : TIME_RESOLUTION_MS;
    const isSettled = Math.abs(this.#startedAtMs - ctimeMs) > resolutionMs;
    this.#files.set(path, { path, signature: [dev, ino, size, mtimeMs, ctimeMs].join(' '), isSettled });
  }

  /** Reports what can't be looked at; the files that were known there stay. */
  #keep(problem: FileProblem): void {
    this.#problems.push(problem);
    const absolute = resolve(problem.file);
    for (const file of this.#known.values()) {
      const knownPath = resolve(file.path);
      if (knownPath === absolute || knownPath.startsWith(absolute + sep)) this.#files.set(file.path, file);
    }
  }
}

interface Target {
  readonly stats: Stats;
  readonly realPath: string;
}

async function inspect(path: string): Promise<Target | Error> {
  const stats = await attempt(stat(path));
  if (stats instanceof Error) return stats;
  const realPath = await attempt(realpath(path));
  return realPath instanceof Error ? realPath : { stats, realPath };
}

/** Only links need to be asked for their path. */
async function inspectEntry(directory: string, realDirectory: string, entry: Dirent): Promise<Target | Error> {
  const path = join(directory, entry.name);
  if (entry.isSymbolicLink()) return inspect(path);
  const stats = await attempt(stat(path));
  return stats instanceof Error ? stats : { stats, realPath: join(realDirectory, entry.name) };
}

/** Hidden names are left out: .git, and the directories behind a mounted ConfigMap, whose files are links into them. */
function isCandidate(entry: Dirent): boolean {
  if (entry.name.startsWith('.')) return false;
  return entry.isDirectory() || entry.isSymbolicLink() || (entry.isFile() && MANIFEST_NAME.test(entry.name));
}

function isManifest(name: string, { stats }: Target): boolean {
  return stats.isFile() && MANIFEST_NAME.test(name);
}

function attempt<T>(operation: Promise<T>): Promise<T | Error> {
  return operation.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
}

/** ELOOP: a link that leads to itself. */
function isMissing(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ELOOP';
}
