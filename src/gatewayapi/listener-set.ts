// A ListenerSet of a Gateway of ours by itself: whether the Gateway allows it, and its listeners. How they get on with those of the
// Gateway and of other ListenerSets is for listener-precedence.ts.
import type { Gateway } from '../api/generated/gateway.ts';
import type { ListenerSet } from '../api/generated/listener-set.ts';
import { GATEWAY_GROUP } from '../api/kinds.ts';
import { allowsNamespace } from './allowed-routes.ts';
import type { FactReader } from './facts.ts';
import { findOwnClass } from './gateway-class.ts';
import type { ListenerSetModel } from './gateway-model.ts';
import { listenerSetNotAllowed } from './listener-set-condition.ts';
import { createListenerModel } from './listener.ts';
import { objectKey } from './object-key.ts';
import { creationTimeMs } from './seniority.ts';

const ALLOWED_BY_DEFAULT = { from: 'None' } as const;

/** Undefined where it does not exist, or belongs to no Gateway of ours. */
export function createListenerSetModel(key: string, reader: FactReader): ListenerSetModel | undefined {
  const listenerSet = reader.get('ListenerSet', key);
  const gatewayKey = listenerSet && gatewayOfListenerSet(listenerSet);
  const gateway = gatewayKey === undefined ? undefined : reader.get('Gateway', gatewayKey);
  if (listenerSet === undefined || gatewayKey === undefined || gateway === undefined) return undefined;
  if (findOwnClass(reader, gateway.spec.gatewayClassName) === undefined) return undefined;
  const base = { key, createdAtMs: creationTimeMs(listenerSet.metadata), gateway: gatewayKey };
  if (!isAllowed(reader, gateway, listenerSet))
    return { ...base, rejection: listenerSetNotAllowed(gatewayKey), listeners: [] };
  const listeners = listenerSet.spec.listeners.map((listener) =>
    createListenerModel(reader, gateway, listener, listenerSet),
  );
  return { ...base, rejection: undefined, listeners };
}

/** `namespace/name`; undefined where the parent is no Gateway. */
export function gatewayOfListenerSet({ metadata, spec }: ListenerSet): string | undefined {
  const { group, kind, namespace, name } = spec.parentRef;
  if (group !== GATEWAY_GROUP || kind !== 'Gateway') return undefined;
  return objectKey(namespace ?? metadata.namespace, name);
}

function isAllowed(reader: FactReader, { metadata, spec }: Gateway, listenerSet: ListenerSet): boolean {
  const allowed = spec.allowedListeners?.namespaces ?? ALLOWED_BY_DEFAULT;
  return allowsNamespace(reader, allowed, metadata.namespace, listenerSet.metadata.namespace);
}
