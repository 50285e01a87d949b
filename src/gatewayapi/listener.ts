// A listener of a Gateway by itself: what it supports, and why it can't be accepted or its references don't resolve.
import type { Gateway, Listener } from '../api/generated/gateway.ts';
import { ANY_HOSTNAME } from '../lib/hostname.ts';
import { isSupportedProtocol, namespaceSelectorProblem, supportedKindsOf } from './allowed-routes.ts';
import { resolveCertificateRefs } from './certificate-ref.ts';
import type { FactReader } from './facts.ts';
import type { ListenerModel } from './gateway-model.ts';
import {
  CLIENT_VALIDATION_NOT_SUPPORTED,
  FILTERS_NOT_SUPPORTED,
  tlsOptionNotSupported,
  unsupportedProtocol,
} from './listener-condition.ts';
import { listenerName, objectKey } from './object-key.ts';
import { joinProblems, type Problem } from './object-status.ts';

export function createListenerModel(reader: FactReader, gateway: Gateway, listener: Listener): ListenerModel {
  const { namespace, name } = gateway.metadata;
  const { certificates, problems } =
    listener.protocol === 'HTTPS'
      ? resolveCertificateRefs(reader, namespace, listener)
      : { certificates: [], problems: [] };
  const { supportedKinds, problem: kindsProblem } = supportedKindsOf(listener);
  return {
    name: listenerName(objectKey(namespace, name), listener.name),
    section: listener.name,
    port: listener.port,
    protocol: listener.protocol,
    hostname: listener.hostname ?? ANY_HOSTNAME,
    supportedKinds,
    namespaces: listener.allowedRoutes.namespaces,
    rejection: findRejection(gateway, listener),
    conflict: undefined,
    referenceProblem: joinProblems(kindsProblem === undefined ? problems : [...problems, kindsProblem]),
    certificates,
  };
}

function findRejection(gateway: Gateway, listener: Listener): Problem | undefined {
  const { protocol, filters, tls, allowedRoutes } = listener;
  if (!isSupportedProtocol(protocol)) return unsupportedProtocol(protocol);
  if (protocol === 'HTTPS' && validatesClients(gateway, listener)) return CLIENT_VALIDATION_NOT_SUPPORTED;
  if ((filters?.requests ?? []).length > 0) return FILTERS_NOT_SUPPORTED;
  const [option] = Object.keys(tls?.options ?? {});
  if (option !== undefined) return tlsOptionNotSupported(option);
  return namespaceSelectorProblem(allowedRoutes.namespaces);
}

/** A port's own setting replaces the default. */
function validatesClients({ spec }: Gateway, { port }: Listener): boolean {
  const frontend = spec.tls?.frontend;
  const ofPort = frontend?.perPort?.find((candidate) => candidate.port === port);
  return (ofPort?.tls ?? frontend?.default)?.validation !== undefined;
}
