// Manifests read and translated once, exactly as a gateway on this machine would do it: what `validate`, `translate` and `explain` work on.
import { CONTROLLER_NAME } from '../api/condition.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { ObjectStatus } from '../gatewayapi/object-status.ts';
import { Resources } from '../gatewayapi/resources.ts';
import { createMemo, translate } from '../gatewayapi/translate.ts';
import type { Ir } from '../ir/ir.ts';
import { enableLinearRegExp } from '../lib/linear-regexp.ts';
import type { FileProblem } from '../provider/file/file-problem.ts';
import { loadManifests } from '../provider/file/manifest-loader.ts';
import type { ManifestPlace } from '../provider/file/manifest-set.ts';
import { hostBinding } from './host-binding.ts';
import { countObjects } from './object-count.ts';
import type { ObjectCounts } from './object-count.ts';

export interface ManifestTranslation {
  readonly ir: Ir;
  /** By `kind/namespace/name`. */
  readonly statuses: ReadonlyMap<string, ObjectStatus>;
  readonly objects: ObjectCounts;
  /** Objects of kinds that are none of ours. */
  readonly skipped: ObjectCounts;
  readonly problems: readonly FileProblem[];
  /** Where objects stand, by manifestKey(). */
  readonly places: ReadonlyMap<string, ManifestPlace>;
  /** Gateways and routes that nobody here has anything to say of: they name a class, or parents, of somebody else, or of nobody. */
  readonly unclaimed: readonly KubernetesObject[];
}

/** @param paths files, and directories with everything below them. */
export async function translateManifests(paths: readonly string[], portOffset: number): Promise<ManifestTranslation> {
  enableLinearRegExp();
  const { objects, problems, skipped, places } = await loadManifests(paths);
  const resources = new Resources();
  for (const object of objects) resources.put(object);
  const { ir, statuses } = translate(resources, createMemo(), {
    controllerName: CONTROLLER_NAME,
    binding: hostBinding(portOffset),
    unavailablePorts: new Map(),
  });
  const unclaimed = objects.filter(({ kind, metadata }) => {
    const isClaimable = kind === 'Gateway' || kind.endsWith('Route');
    return isClaimable && !statuses.has(`${kind}/${metadata.namespace}/${metadata.name}`);
  });
  return { ir, statuses, objects: countObjects(objects), skipped, problems, places, unclaimed };
}
