// All objects that the provider knows, by kind and name, with the indexes that the translator asks.
// Objects are never modified, only replaced; lists and index entries are the same array until something in them changes.
import { SERVICE_NAME_LABEL, type EndpointSlice } from '../api/core.ts';
import type { BackendTLSPolicy } from '../api/generated/backend-tls-policy.ts';
import type { ListenerSet } from '../api/generated/listener-set.ts';
import type { ListenerPolicy } from '../api/generated/listener-policy.ts';
import type { ReferenceGrant } from '../api/generated/reference-grant.ts';
import type { KubernetesObject } from '../api/object.ts';
import { gatewayOfListenerSet } from './listener-set.ts';
import { ObjectIndex } from './object-index.ts';
import { objectKey, targetKey } from './object-key.ts';

/** Names one object; cluster-scoped kinds have no namespace. */
export interface ObjectIdentity {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

const NO_OBJECTS: ReadonlyMap<string, KubernetesObject> = new Map<string, never>();

export class Resources {
  readonly #kinds = new Map<string, Map<string, KubernetesObject>>();
  readonly #lists = new Map<string, readonly KubernetesObject[]>();
  readonly #slices = new ObjectIndex<EndpointSlice>(({ metadata }) => {
    const service = metadata.labels?.[SERVICE_NAME_LABEL];
    return service === undefined ? [] : [objectKey(metadata.namespace, service)];
  });
  readonly #grants = new ObjectIndex<ReferenceGrant>(({ metadata }) => [metadata.namespace]);
  readonly #policies = new ObjectIndex<BackendTLSPolicy>(({ metadata, spec }) =>
    spec.targetRefs.map(({ kind, name }) => targetKey(kind, metadata.namespace, name)),
  );
  readonly #listenerPolicies = new ObjectIndex<ListenerPolicy>(({ metadata, spec }) =>
    spec.targetRefs.map(({ name }) => objectKey(metadata.namespace, name)),
  );
  readonly #listenerSets = new ObjectIndex<ListenerSet>((listenerSet) => {
    const gateway = gatewayOfListenerSet(listenerSet);
    return gateway === undefined ? [] : [gateway];
  });

  put(object: KubernetesObject): void {
    const { kind, metadata } = object;
    const key = objectKey(metadata.namespace, metadata.name);
    const objects = this.#objectsOf(kind);
    const previous = objects.get(key);
    if (previous === object) return;
    objects.set(key, object);
    this.#lists.delete(kind);
    this.#reindex(kind, previous, object);
  }

  delete({ kind, namespace, name }: ObjectIdentity): void {
    const objects = this.#kinds.get(kind);
    const key = objectKey(namespace, name);
    const previous = objects?.get(key);
    if (objects === undefined || previous === undefined) return;
    objects.delete(key);
    this.#lists.delete(kind);
    this.#reindex(kind, previous, undefined);
  }

  get({ kind, namespace, name }: ObjectIdentity): KubernetesObject | undefined {
    return this.#kinds.get(kind)?.get(objectKey(namespace, name));
  }

  /** In no particular order. */
  list(kind: string): readonly KubernetesObject[] {
    let list = this.#lists.get(kind);
    if (list === undefined) {
      list = [...(this.#kinds.get(kind) ?? NO_OBJECTS).values()];
      this.#lists.set(kind, list);
    }
    return list;
  }

  /** The objects of a kind by `namespace/name`, or by name where the kind is cluster-scoped. */
  byKey(kind: string): ReadonlyMap<string, KubernetesObject> {
    return this.#kinds.get(kind) ?? NO_OBJECTS;
  }

  /** By `namespace/name` of the Service. */
  get slicesOfService(): ReadonlyMap<string, readonly EndpointSlice[]> {
    return this.#slices.entries;
  }

  /** By namespace. */
  get grantsInNamespace(): ReadonlyMap<string, readonly ReferenceGrant[]> {
    return this.#grants.entries;
  }

  /** By `kind/namespace/name` of the target. */
  get policiesOfTarget(): ReadonlyMap<string, readonly BackendTLSPolicy[]> {
    return this.#policies.entries;
  }

  /** By `namespace/name` of the Gateway. */
  get policiesOfGateway(): ReadonlyMap<string, readonly ListenerPolicy[]> {
    return this.#listenerPolicies.entries;
  }

  /** By `namespace/name` of the Gateway. */
  get listenerSetsOfGateway(): ReadonlyMap<string, readonly ListenerSet[]> {
    return this.#listenerSets.entries;
  }

  #objectsOf(kind: string): Map<string, KubernetesObject> {
    let objects = this.#kinds.get(kind);
    if (objects === undefined) {
      objects = new Map();
      this.#kinds.set(kind, objects);
    }
    return objects;
  }

  #reindex(kind: string, previous: KubernetesObject | undefined, next: KubernetesObject | undefined): void {
    switch (kind) {
      case 'EndpointSlice':
        return this.#slices.replace(previous as EndpointSlice | undefined, next as EndpointSlice | undefined);
      case 'ReferenceGrant':
        return this.#grants.replace(previous as ReferenceGrant | undefined, next as ReferenceGrant | undefined);
      case 'BackendTLSPolicy':
        return this.#policies.replace(previous as BackendTLSPolicy | undefined, next as BackendTLSPolicy | undefined);
      case 'ListenerPolicy':
        return this.#listenerPolicies.replace(
          previous as ListenerPolicy | undefined,
          next as ListenerPolicy | undefined,
        );
      case 'ListenerSet':
        return this.#listenerSets.replace(previous as ListenerSet | undefined, next as ListenerSet | undefined);
      default:
    }
  }
}
