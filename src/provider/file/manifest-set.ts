// All objects of all files, and what is in force of them. The first file that has an object decides; a bad version of an object leaves
// the last good one in force. Objects that did not change stay the same JavaScript object, with the same generation.
import type { KubernetesObject } from '../../api/object.ts';
import type { ObjectIdentity } from '../../gatewayapi/resources.ts';
import { shareStructure } from '../../lib/shared-structure.ts';
import { compareProblems, type FileProblem } from './file-problem.ts';
import { manifestKey, type FileReading, type ManifestContent, type ManifestObject } from './file-reading.ts';
import { impliedObjects } from './implied-objects.ts';

export interface ManifestChange {
  /** New objects, and new versions of objects. */
  readonly put: readonly KubernetesObject[];
  readonly remove: readonly ObjectIdentity[];
  /** All there are now. */
  readonly problems: readonly FileProblem[];
  /** How many objects there are now of each kind that is none of ours. */
  readonly skipped: Readonly<Record<string, number>>;
}

export interface ManifestPlace {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
}

/** What is known of one file: what it holds, with the last good versions of what is bad in it now. */
interface FileState {
  readonly fingerprint: string | undefined;
  readonly objects: readonly ManifestObject[];
  readonly badKeys: readonly string[];
  readonly problems: readonly FileProblem[];
  readonly skipped: ManifestContent['skipped'];
}

const NO_STATE: FileState = { fingerprint: undefined, objects: [], badKeys: [], problems: [], skipped: [] };

/** Last good objects that one file keeps while something in it can't be told. */
const MAX_KEPT_OBJECTS = 10_000;

interface InForce {
  /** As the manifest has it. */
  readonly source: KubernetesObject;
  /** With its generation. */
  readonly object: KubernetesObject;
  readonly generation: number;
}

export class ManifestSet {
  #files: ReadonlyMap<string, FileState> = new Map();
  #inForce: ReadonlyMap<string, InForce> = new Map();
  #problems: readonly FileProblem[] = [];
  #skipped: Readonly<Record<string, number>> = {};

  /** Of the bytes that were read last. */
  fingerprint(path: string): string | undefined {
    return this.#files.get(path)?.fingerprint;
  }

  /** Where each object stands that a file has, by its key. */
  places(): ReadonlyMap<string, ManifestPlace> {
    const places = new Map<string, ManifestPlace>();
    for (const [file, { objects }] of this.#files) {
      for (const { key, line, column } of objects) if (!places.has(key)) places.set(key, { file, line, column });
    }
    return places;
  }

  /** Takes the files that there are, in order, new readings of some of them, and what was wrong with finding them. */
  update(
    paths: readonly string[],
    readings: ReadonlyMap<string, FileReading>,
    problems: readonly FileProblem[],
  ): ManifestChange {
    this.#files = new Map(paths.map((path) => [path, nextState(this.#files.get(path), readings.get(path))]));
    const all = [...problems, ...Array.from(this.#files.values(), (state) => state.problems).flat()];
    const sources = this.#select(all);
    this.#problems = shareStructure(this.#problems, all.toSorted(compareProblems));
    this.#skipped = shareStructure(this.#skipped, this.#countSkipped());
    return { ...this.#enforce(sources), problems: this.#problems, skipped: this.#skipped };
  }

  /** Of each object the version that counts; reports those that don't. */
  #select(problems: FileProblem[]): ReadonlyMap<string, KubernetesObject> {
    const sources = new Map<string, KubernetesObject>();
    const places = new Map<string, string>();
    for (const [file, { objects }] of this.#files) {
      for (const { key, object, line, column } of objects) {
        const place = places.get(key);
        if (place === undefined) {
          sources.set(key, object);
          places.set(key, `${file}:${line}:${column}`);
        } else {
          const message = `is already in ${place}, which counts; remove one of the two`;
          problems.push({ file, line, column, object: describeObject(object), message, code: 'duplicate-object' });
        }
      }
    }
    // An object that is bad in one file was perhaps good in another until it moved.
    for (const { badKeys } of this.#files.values()) {
      for (const key of badKeys) {
        const last = this.#inForce.get(key);
        if (last !== undefined && !sources.has(key)) sources.set(key, last.source);
      }
    }
    for (const object of impliedObjects([...sources.values()])) {
      const { namespace, name } = object.metadata;
      const key = manifestKey(object.kind, namespace, name);
      if (!sources.has(key)) sources.set(key, object);
    }
    return sources;
  }

  #countSkipped(): Readonly<Record<string, number>> {
    const counts = new Map<string, number>();
    for (const { skipped } of this.#files.values()) {
      for (const [kind, count] of skipped) counts.set(kind, (counts.get(kind) ?? 0) + count);
    }
    return Object.fromEntries(counts);
  }

  #enforce(sources: ReadonlyMap<string, KubernetesObject>): Pick<ManifestChange, 'put' | 'remove'> {
    const previous = this.#inForce;
    this.#inForce = new Map(Array.from(sources, ([key, source]) => [key, nextVersion(previous.get(key), source)]));
    const put: KubernetesObject[] = [];
    for (const [key, { object }] of this.#inForce) {
      if (object !== previous.get(key)?.object) put.push(object);
    }
    const remove: ObjectIdentity[] = [];
    for (const [key, { object }] of previous) {
      const { namespace, name } = object.metadata;
      if (!sources.has(key)) remove.push({ kind: object.kind, namespace, name });
    }
    return { put, remove };
  }
}

function nextState(previous: FileState = NO_STATE, reading: FileReading | undefined): FileState {
  if (reading === undefined || reading.outcome === 'unchanged') return previous;
  if (reading.outcome === 'failed') {
    return { ...previous, fingerprint: reading.fingerprint, problems: [reading.problem] };
  }
  const { fingerprint, content } = reading;
  const { objects, badKeys, problems, skipped } = content;
  return { fingerprint, objects: [...objects, ...lastGood(previous.objects, content)], badKeys, problems, skipped };
}

/** Which of a file's objects stay although it has no good version of them now. */
function lastGood(previous: readonly ManifestObject[], content: ManifestContent): readonly ManifestObject[] {
  if (content.badKeys.length === 0 && !content.hasUnknownBad) return [];
  const good = new Set(content.objects.map(({ key }) => key));
  const bad = new Set(content.badKeys);
  const kept = previous.filter(({ key }) => !good.has(key) && (bad.has(key) || content.hasUnknownBad));
  return kept.slice(0, MAX_KEPT_OBJECTS);
}

function nextVersion(last: InForce | undefined, source: KubernetesObject): InForce {
  if (last === undefined) return versionOf(source, 1);
  const shared = shareStructure(last.source, source);
  if (shared === last.source) return last;
  return versionOf(shared, haveSameContent(last.source, shared) ? last.generation : last.generation + 1);
}

function versionOf(source: KubernetesObject, generation: number): InForce {
  return { source, object: { ...source, metadata: { ...source.metadata, generation } }, generation };
}

/** Whether two versions that share their structure differ in nothing but metadata. */
function haveSameContent(a: KubernetesObject, b: KubernetesObject): boolean {
  const { metadata: _a, ...contentA } = a;
  const { metadata: _b, ...contentB } = b;
  return shareStructure(contentA, contentB) === contentA;
}

function describeObject({ kind, metadata: { namespace, name } }: KubernetesObject): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}
