// parentRefs: whether one names a parent of ours, and which of its listeners it selects.
import { GATEWAY_GROUP } from '../api/kinds.ts';
import type { ParentReference } from '../api/generated/shared.ts';
import type { FactReader } from './facts.ts';
import type { RouteListener } from './gateway-model.ts';
import { objectKey } from './object-key.ts';

export type Parent =
  | { readonly kind: 'gateway'; readonly key: string; readonly listeners: readonly RouteListener[] }
  | { readonly kind: 'listenerSet' };

/** Undefined where the parent does not exist or is none of ours: then the route's status says nothing about it. */
export function findParent(reader: FactReader, ref: ParentReference, routeNamespace: string): Parent | undefined {
  if (ref.group !== GATEWAY_GROUP) return undefined;
  const key = objectKey(ref.namespace ?? routeNamespace, ref.name);
  if (ref.kind === 'ListenerSet') {
    const gateway = gatewayOfListenerSet(reader, key);
    return gateway !== undefined && reader.get('routeListeners', gateway) !== undefined
      ? { kind: 'listenerSet' }
      : undefined;
  }
  if (ref.kind !== 'Gateway') return undefined;
  const listeners = reader.get('routeListeners', key);
  return listeners === undefined ? undefined : { kind: 'gateway', key, listeners };
}

/** `namespace/name` of the Gateway that a ListenerSet belongs to. */
export function gatewayOfListenerSet(reader: FactReader, key: string): string | undefined {
  const listenerSet = reader.get('ListenerSet', key);
  if (listenerSet === undefined) return undefined;
  const { group, kind, namespace, name } = listenerSet.spec.parentRef;
  if (group !== GATEWAY_GROUP || kind !== 'Gateway') return undefined;
  return objectKey(namespace ?? listenerSet.metadata.namespace, name);
}

/** Both must fit where both are given. */
export function selectListeners(
  listeners: readonly RouteListener[],
  { sectionName, port }: ParentReference,
): readonly RouteListener[] {
  return listeners.filter(
    (listener) =>
      (sectionName === undefined || listener.section === sectionName) && (port === undefined || listener.port === port),
  );
}
