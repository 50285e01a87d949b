// A Gateway by itself: whether it is ours and acceptable, its addresses, and its listeners with the conflicts among them.
// Other Gateways come in with the port plan.
import type { Gateway } from '../api/generated/gateway.ts';
import type { FactReader } from './facts.ts';
import { resolveClientCertificateRef } from './certificate-ref.ts';
import { classNotAccepted, invalidParameters } from './gateway-condition.ts';
import { resolveAddresses } from './gateway-address.ts';
import { classProblem, findOwnClass } from './gateway-class.ts';
import { canServe, type GatewayModel, type RouteListener } from './gateway-model.ts';
import { withConflicts } from './listener-conflict.ts';
import { createListenerModel } from './listener.ts';
import type { Problem } from './object-status.ts';
import { creationTimeMs } from './seniority.ts';

export function createGatewayModel(key: string, reader: FactReader): GatewayModel | undefined {
  const gateway = reader.get('Gateway', key);
  if (gateway === undefined) return undefined;
  const gatewayClass = findOwnClass(reader, gateway.spec.gatewayClassName);
  if (gatewayClass === undefined) return undefined;
  const isClassAccepted = classProblem(gatewayClass) === undefined;
  const { addresses, rejection, problem } = resolveAddresses(gateway, reader.get('settings', '').binding.addresses);
  const clientCertificate = resolveClientCertificateRef(reader, gateway);
  const listeners = gateway.spec.listeners.map((listener) => createListenerModel(reader, gateway, listener));
  return {
    key,
    createdAtMs: creationTimeMs(gateway.metadata),
    rejection: findRejection(gateway, isClassAccepted) ?? rejection,
    addressProblem: problem,
    addresses,
    referenceProblem: clientCertificate.problem,
    clientCertificate: clientCertificate.secret,
    listeners: withConflicts(listeners),
  };
}

function findRejection({ spec }: Gateway, isClassAccepted: boolean): Problem | undefined {
  if (!isClassAccepted) return classNotAccepted(spec.gatewayClassName);
  const parametersRef = spec.infrastructure?.parametersRef;
  return parametersRef === undefined ? undefined : invalidParameters(parametersRef);
}

/** The listeners of a Gateway of ours, as routes see them. */
export function createRouteListeners(gatewayKey: string, reader: FactReader): readonly RouteListener[] | undefined {
  const gateway = reader.get('gatewayModel', gatewayKey);
  if (gateway === undefined) return undefined;
  const { verdicts } = reader.get('portPlan', '');
  return gateway.listeners.map((listener) => {
    const { name, section, port, hostname, supportedKinds, namespaces } = listener;
    const verdict = verdicts[name];
    const isServed = verdict !== undefined && verdict.refusal === undefined && canServe(listener);
    return { name, section, port, hostname, supportedKinds, namespaces, isServed };
  });
}
