// What routes see of a parent: the listeners of a Gateway itself, or those of one ListenerSet, never both.
import type { FactReader } from './facts.ts';
import { canServe, type ListenerModel, type RouteListener, type RouteParent } from './gateway-model.ts';
import { listenerSetNotAttached } from './route-condition.ts';

/** `key`: `kind/namespace/name`, where kind is Gateway or ListenerSet. Undefined where it does not exist or is not ours. */
export function createRouteParent(key: string, reader: FactReader): RouteParent | undefined {
  const [kind, ...rest] = key.split('/');
  return kind === 'Gateway' ? gatewayParent(rest.join('/'), reader) : listenerSetParent(rest.join('/'), reader);
}

function gatewayParent(key: string, reader: FactReader): RouteParent | undefined {
  const model = reader.get('gatewayModel', key);
  if (model === undefined) return undefined;
  const listeners = createRouteListeners(model.listeners, reader);
  return { kind: 'Gateway', key, gateway: key, problem: undefined, listeners };
}

function listenerSetParent(key: string, reader: FactReader): RouteParent | undefined {
  const model = reader.get('listenerSetModel', key);
  const gateway = model && reader.get('gatewayModel', model.gateway);
  if (model === undefined || gateway === undefined) return undefined;
  const attached = gateway.listenerSets.find((listenerSet) => listenerSet.key === key);
  return {
    kind: 'ListenerSet',
    key,
    gateway: model.gateway,
    problem: attached === undefined ? listenerSetNotAttached(key) : undefined,
    listeners: createRouteListeners(attached?.listeners ?? [], reader),
  };
}

function createRouteListeners(listeners: readonly ListenerModel[], reader: FactReader): readonly RouteListener[] {
  const { verdicts } = reader.get('portPlan', '');
  return listeners.map((listener) => {
    const { name, section, port, hostname, supportedKinds, namespaces } = listener;
    const verdict = verdicts[name];
    const hasSocket = verdict !== undefined && verdict.refusal === undefined && verdict.sockets.length > 0;
    const isServed = hasSocket && canServe(listener);
    return { name, section, port, hostname, supportedKinds, namespaces, isServed };
  });
}
