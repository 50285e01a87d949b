// What reading one manifest file gives: the message that the worker sends. Plain data, cheap to copy between threads.
import type { KubernetesObject } from '../../api/object.ts';
import type { FileProblem } from './file-problem.ts';

/** A valid object and where it stands. */
export interface ManifestObject {
  readonly key: string;
  readonly object: KubernetesObject;
  readonly line: number;
  readonly column: number;
}

export interface ManifestContent {
  readonly objects: readonly ManifestObject[];
  /** Keys of objects that are there, but bad. */
  readonly badKeys: readonly string[];
  /** Whether there is a bad object that doesn't say which one it is: it may be any. */
  readonly hasUnknownBad: boolean;
  readonly problems: readonly FileProblem[];
  /** How many objects of which kinds are none of ours. */
  readonly skipped: readonly (readonly [kind: string, count: number])[];
}

export type FileReading =
  /** The bytes are those of the fingerprint that the asker has. */
  | { readonly outcome: 'unchanged' }
  | { readonly outcome: 'read'; readonly fingerprint: string; readonly content: ManifestContent }
  /** Nothing is known of what the file holds now; the fingerprint is there if its bytes could be read. */
  | { readonly outcome: 'failed'; readonly fingerprint?: string; readonly problem: FileProblem };

/** Names an object among all; cluster-scoped kinds have no namespace. */
export function manifestKey(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}
