// A Gateway by itself: whether it is ours and acceptable, its addresses, and its listeners and ListenerSets with the conflicts among them.
// Other Gateways come in with the port plan.
import type { FactReader } from './facts.ts';
import { resolveClientCertificateRef } from './certificate-ref.ts';
import type { GatewayModel, ListenerSetModel } from './gateway-model.ts';
import { withConflicts } from './listener-conflict.ts';
import { withPrecedence } from './listener-precedence.ts';
import { createListenerModel } from './listener.ts';
import { objectKey } from './object-key.ts';
import { creationTimeMs } from './seniority.ts';

export function createGatewayModel(key: string, reader: FactReader): GatewayModel | undefined {
  const gateway = reader.get('Gateway', key);
  if (gateway === undefined) return undefined;
  const setup = reader.get('gatewaySetup', key);
  if (setup === undefined) return undefined;
  const { addresses, bindAddresses, rejection, problem } = reader.get('gatewayAddresses', key);
  const clientCertificate = resolveClientCertificateRef(reader, gateway);
  const listeners = gateway.spec.listeners.map((listener) => createListenerModel(reader, gateway, listener));
  return {
    key,
    createdAtMs: creationTimeMs(gateway.metadata),
    rejection: setup.rejection ?? rejection,
    addressProblem: problem,
    addresses,
    binding: setup.binding,
    bindAddresses,
    referenceProblem: clientCertificate.problem,
    clientCertificate: clientCertificate.secret,
    listeners: withConflicts(listeners),
    listenerSets: withPrecedence(listeners, allowedListenerSets(key, reader)),
  };
}

function allowedListenerSets(gatewayKey: string, reader: FactReader): readonly ListenerSetModel[] {
  return (reader.get('listenerSetsOfGateway', gatewayKey) ?? []).flatMap(({ metadata }) => {
    const listenerSet = reader.get('listenerSetModel', objectKey(metadata.namespace, metadata.name));
    return listenerSet === undefined || listenerSet.rejection !== undefined ? [] : listenerSet;
  });
}
