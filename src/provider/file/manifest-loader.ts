// Reads manifests once, for commands that don't follow them.
import type { KubernetesObject } from '../../api/object.ts';
import type { FileProblem } from './file-problem.ts';
import type { ManifestPlace } from './manifest-set.ts';
import { ManifestSource } from './manifest-source.ts';

export interface LoadedManifests {
  readonly objects: readonly KubernetesObject[];
  readonly problems: readonly FileProblem[];
  readonly skipped: Readonly<Record<string, number>>;
  /** By manifestKey(); objects that exist without a manifest have none. */
  readonly places: ReadonlyMap<string, ManifestPlace>;
}

/** Reads files, and directories with everything below them. What is wrong with them is in the problems; it does not reject. */
export async function loadManifests(paths: readonly string[]): Promise<LoadedManifests> {
  const source = new ManifestSource(paths);
  try {
    const { put, problems, skipped } = await source.refresh();
    return { objects: put, problems, skipped, places: source.places() };
  } finally {
    await source.close();
  }
}
