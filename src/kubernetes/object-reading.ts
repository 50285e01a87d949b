// From what the API server sends to an object that the rest of Sluice can hold: checked for what every object has, and rid of what only
// costs memory.
import type { KubernetesObject } from '../api/object.ts';
import type { ResourceKind } from '../api/schema.ts';
import { isRecord } from './api-error.ts';
import { apiVersionOf } from './resource.ts';

/** An object that has been stored by an API server. */
export interface StoredObject extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & { readonly resourceVersion: string };
}

export const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Objects of every version get the first version of the kind: API servers convert, or the versions are alike. Objects in lists come
 * without kind. The object that is passed in is changed. Returns undefined where there is no name or no version.
 */
export function readStoredObject(value: unknown, kind: ResourceKind): StoredObject | undefined {
  if (!isRecord(value) || !isRecord(value['metadata'])) return undefined;
  const { name, namespace, resourceVersion } = value['metadata'];
  if (typeof name !== 'string' || name === '') return undefined;
  if (typeof resourceVersion !== 'string' || resourceVersion === '') return undefined;
  if (kind.namespaced !== (typeof namespace === 'string' && namespace !== '')) return undefined;
  value['apiVersion'] = apiVersionOf(kind);
  value['kind'] = kind.kind;
  slim(value['metadata']);
  return value as unknown as StoredObject;
}

function slim(metadata: Record<string, unknown>): void {
  delete metadata['managedFields'];
  const { annotations } = metadata;
  if (isRecord(annotations)) delete annotations[LAST_APPLIED_ANNOTATION];
}
