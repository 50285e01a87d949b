// Reads one manifest file: bytes, documents, lists, validation. Runs in the worker; whatever the file holds, the result is a
// FileReading with a bounded number of problems.
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { KINDS } from '../../api/kinds.ts';
import { parseYaml, YamlError, type YamlDocument } from '../../lib/yaml-document.ts';
import { DEFAULT_NAMESPACE } from '../../validation/metadata.ts';
import { isFields, type Fields } from '../../validation/normalizer.ts';
import { formatPath, type FieldPath, type Problem } from '../../validation/problem.ts';
import type { Validator } from '../../validation/validator.ts';
import { operationProblem, wholeFileProblem, type FileProblem } from './file-problem.ts';
import { manifestKey, type FileReading, type ManifestContent, type ManifestObject } from './file-reading.ts';
import { labelNamespace } from './implied-objects.ts';

export const MAX_FILE_BYTES: number = 4 * 1024 * 1024;
/** Problems that are reported of one file; one more says that there are more. */
export const MAX_FILE_PROBLEMS = 100;
const MAX_SHOWN_CHARACTERS = 100;

/** Reads a file, unless its bytes have the fingerprint that the asker knows. */
export function readManifestFile(
  file: string,
  knownFingerprint: string | undefined,
  validator: Validator,
): FileReading {
  let bytes: Buffer;
  try {
    if (statSync(file).size > MAX_FILE_BYTES) {
      return {
        outcome: 'failed',
        problem: wholeFileProblem(file, 'too-large', `is larger than ${MAX_FILE_BYTES} bytes`),
      };
    }
    bytes = readFileSync(file);
  } catch (error) {
    return { outcome: 'failed', problem: operationProblem(file, error) };
  }
  const fingerprint = hash('sha256', bytes, 'base64');
  if (fingerprint === knownFingerprint) return { outcome: 'unchanged' };
  if (!isUtf8(bytes)) {
    return { outcome: 'failed', fingerprint, problem: wholeFileProblem(file, 'encoding', 'is not UTF-8 text') };
  }
  try {
    return { outcome: 'read', fingerprint, content: readManifests(bytes.toString(), file, validator) };
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const { code, message, position } = error;
    return { outcome: 'failed', fingerprint, problem: { file, ...position, message, code } };
  }
}

/** @throws YamlError when a document of the text can't be parsed. */
export function readManifests(text: string, file: string, validator: Validator): ManifestContent {
  const collector = new ManifestCollector(file, validator);
  for (const document of parseYaml(text)) collector.add(document, document.value, []);
  return collector.content();
}

class ManifestCollector {
  readonly #file: string;
  readonly #validator: Validator;
  readonly #objects: ManifestObject[] = [];
  readonly #badKeys: string[] = [];
  readonly #problems: FileProblem[] = [];
  readonly #skipped = new Map<string, number>();
  #hasUnknownBad = false;

  constructor(file: string, validator: Validator) {
    this.#file = file;
    this.#validator = validator;
  }

  /** Takes a manifest, or each of those in a list; `at` is where it stands in its document. */
  add(document: YamlDocument, manifest: unknown, at: FieldPath): void {
    const items = listItems(manifest);
    if (items !== undefined) {
      for (const [index, item] of items.entries()) this.add(document, item, [...at, 'items', index]);
      return;
    }
    const result = this.#validator.validate(manifest);
    if (result.outcome === 'valid') {
      const object = labelNamespace(result.object);
      const { kind, metadata } = object;
      const key = manifestKey(kind, metadata.namespace, metadata.name);
      this.#objects.push({ key, object, ...document.locate(at) });
    } else if (result.outcome === 'unrelated' || this.#isKustomization(manifest)) {
      const kind = isFields(manifest) && 'kind' in manifest ? shorten(String(manifest['kind'])) : 'Kustomization';
      this.#skipped.set(kind, (this.#skipped.get(kind) ?? 0) + 1);
    } else {
      const key = keyOf(manifest, result.problems);
      if (key === undefined) this.#hasUnknownBad = true;
      else this.#badKeys.push(key);
      for (const problem of result.problems) this.#report(problem, describe(manifest), document, at);
    }
  }

  #report({ path, message, code }: Problem, object: string | undefined, document: YamlDocument, at: FieldPath): void {
    if (this.#problems.length > MAX_FILE_PROBLEMS) return;
    const place = { file: this.#file, ...document.locate([...at, ...path]) };
    if (this.#problems.length === MAX_FILE_PROBLEMS) {
      this.#problems.push({ ...place, message: 'from here on, further problems are not listed', code: 'too-many' });
      return;
    }
    this.#problems.push({
      ...place,
      ...(object === undefined ? {} : { object }),
      path: formatPath(path),
      message,
      code,
    });
  }

  /** kustomize takes its file without a kind. */
  #isKustomization(manifest: unknown): boolean {
    return isFields(manifest) && !('kind' in manifest) && /^kustomization\.ya?ml$/.test(basename(this.#file));
  }

  content(): ManifestContent {
    return {
      objects: this.#objects,
      badKeys: this.#badKeys,
      hasUnknownBad: this.#hasUnknownBad,
      problems: this.#problems,
      skipped: [...this.#skipped],
    };
  }
}

/** The items of a list of manifests; those of a list of one kind need not repeat it. */
function listItems(manifest: unknown): readonly unknown[] | undefined {
  if (!isFields(manifest)) return undefined;
  const { apiVersion, kind, items } = manifest;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) return undefined;
  if (kind === 'List') return items;
  const itemKind = kind.slice(0, -'List'.length);
  return items.map((item: unknown) => (isFields(item) ? { apiVersion, kind: itemKind, ...item } : item));
}

/** The key of a bad object, unless what makes up the key is itself bad. */
function keyOf(manifest: unknown, problems: readonly Problem[]): string | undefined {
  if (!isFields(manifest) || !isFields(manifest['metadata']) || problems.some(concernsKey)) return undefined;
  const { name, namespace } = manifest['metadata'];
  const kind = KINDS.find((candidate) => candidate.kind === manifest['kind']);
  if (kind === undefined || typeof name !== 'string') return undefined;
  if (!kind.namespaced) return manifestKey(kind.kind, undefined, name);
  return manifestKey(kind.kind, typeof namespace === 'string' ? namespace : DEFAULT_NAMESPACE, name);
}

function concernsKey({ path: [field, subfield] }: Problem): boolean {
  if (field === 'metadata') return subfield === undefined || subfield === 'name' || subfield === 'namespace';
  return field === 'apiVersion' || field === 'kind';
}

/** `HTTPRoute shop/cart`, or as much of it as there is. */
function describe(manifest: unknown): string | undefined {
  if (!isFields(manifest) || typeof manifest['kind'] !== 'string') return undefined;
  const { name, namespace } = isFields(manifest['metadata']) ? manifest['metadata'] : ({} as Fields);
  const parts = [namespace, name].filter((part) => typeof part === 'string').map(shorten);
  return `${shorten(manifest['kind'])} ${parts.join('/')}`.trimEnd();
}

function shorten(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}
