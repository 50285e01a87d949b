// A listener of a Gateway or ListenerSet by itself: what it supports, and why it can't be accepted or its references don't resolve.
import type { Gateway, Listener } from '../api/generated/gateway.ts';
import type { ListenerSet } from '../api/generated/listener-set.ts';
import { ANY_HOSTNAME } from '../lib/hostname.ts';
import { namespaceSelectorProblem, supportedKindsOf } from './allowed-routes.ts';
import { resolveCertificateRefs } from './certificate-ref.ts';
import { resolveClientValidation } from './client-validation.ts';
import type { FactReader } from './facts.ts';
import type { ListenerModel } from './gateway-model.ts';
import { FILTERS_NOT_SUPPORTED, tlsOptionNotSupported, unsupportedProtocol } from './listener-condition.ts';
import { readsHostnames, socketProtocol, terminatesTls, trafficOf } from './listener-protocol.ts';
import { listenerName, objectKey } from './object-key.ts';
import { joinProblems, type Problem } from './object-status.ts';

/** `owner`: whose spec has the listener: the Gateway itself, or a ListenerSet of it. */
export function createListenerModel(
  reader: FactReader,
  gateway: Gateway,
  listener: Listener,
  owner: Gateway | ListenerSet = gateway,
): ListenerModel {
  const { kind, metadata } = owner;
  const key = objectKey(metadata.namespace, metadata.name);
  const traffic = trafficOf(listener);
  const { certificates, problems } = terminatesTls(listener.protocol, traffic)
    ? resolveCertificateRefs(reader, owner, listener)
    : { certificates: [], problems: [] };
  const { supportedKinds, problem: kindsProblem } = supportedKindsOf(listener);
  const { clientValidation, caProblem, problems: caProblems } = resolveClientValidation(reader, gateway, listener);
  return {
    name: listenerName(kind, key, listener.name),
    listenerSet: kind === 'ListenerSet' ? key : undefined,
    section: listener.name,
    port: listener.port,
    protocol: listener.protocol,
    traffic,
    hostname: (readsHostnames(listener.protocol) ? listener.hostname : undefined) ?? ANY_HOSTNAME,
    supportedKinds,
    namespaces: listener.allowedRoutes.namespaces,
    rejection: findRejection(listener),
    conflict: undefined,
    referenceProblem: joinProblems([...problems, ...caProblems, ...(kindsProblem === undefined ? [] : [kindsProblem])]),
    certificates,
    clientValidation,
    caProblem,
  };
}

function findRejection({ protocol, filters, tls, allowedRoutes }: Listener): Problem | undefined {
  if (socketProtocol(protocol) === undefined) return unsupportedProtocol(protocol);
  if ((filters?.requests ?? []).length > 0) return FILTERS_NOT_SUPPORTED;
  const [option] = Object.keys(tls?.options ?? {});
  if (option !== undefined) return tlsOptionNotSupported(option);
  return namespaceSelectorProblem(allowedRoutes.namespaces);
}
