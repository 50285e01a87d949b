// What client certificates a listener wants (spec.tls.frontend of its Gateway). Without a CA to check them against nobody is let in.
// The specification names HTTPS listeners; those that terminate TLS for streams are held to the same, rather than left open.
import { ListenerReason } from '../api/condition.ts';
import type { FrontendTLSValidation, Gateway, Listener } from '../api/generated/gateway.ts';
import { GATEWAY_GROUP } from '../api/kinds.ts';
import type { ClientValidation } from '../ir/listener.ts';
import { resolveCaCertificateRefs } from './ca-certificate-ref.ts';
import type { FactReader } from './facts.ts';
import { noValidCaCertificate } from './listener-condition.ts';
import { terminatesTls, trafficOf } from './listener-protocol.ts';
import type { Problem } from './object-status.ts';

export interface ResolvedClientValidation {
  /** Undefined where clients are asked for no certificate, or no CA can be had. */
  readonly clientValidation: ClientValidation | undefined;
  /** That no CA can be had. */
  readonly caProblem: Problem | undefined;
  /** Of single references. */
  readonly problems: readonly Problem[];
}

export function resolveClientValidation(
  reader: FactReader,
  gateway: Gateway,
  listener: Listener,
): ResolvedClientValidation {
  const wanted = terminatesTls(listener.protocol, trafficOf(listener))
    ? findValidation(gateway, listener.port)
    : undefined;
  if (wanted === undefined) return { clientValidation: undefined, caProblem: undefined, problems: [] };
  const { validation, field } = wanted;
  const { caPem, problems } = resolveCaCertificateRefs(reader, validation.caCertificateRefs, {
    group: GATEWAY_GROUP,
    kind: 'Gateway',
    namespace: gateway.metadata.namespace,
    field,
    invalidKind: ListenerReason.InvalidCACertificateKind,
  });
  if (caPem === undefined) return { clientValidation: undefined, caProblem: noValidCaCertificate(field), problems };
  const allowsInsecureFallback = validation.mode === 'AllowInsecureFallback';
  return { clientValidation: { caPem, allowsInsecureFallback }, caProblem: undefined, problems };
}

/** A port's own setting replaces the default, also where it asks for nothing. */
function findValidation(
  { spec }: Gateway,
  port: number,
): { readonly validation: FrontendTLSValidation; readonly field: string } | undefined {
  const { default: byDefault, perPort = [] } = spec.tls?.frontend ?? {};
  const index = perPort.findIndex((candidate) => candidate.port === port);
  const place = index === -1 ? 'default' : `perPort[${index}].tls`;
  const validation = (perPort[index]?.tls ?? byDefault)?.validation;
  return validation && { validation, field: `spec.tls.frontend.${place}.validation.caCertificateRefs` };
}

/** Whether clients without a valid certificate are let in somewhere where one is asked for. */
export function allowsInsecureFallback({ spec }: Gateway): boolean {
  const { default: byDefault, perPort = [] } = spec.tls?.frontend ?? {};
  return [byDefault, ...perPort.map(({ tls }) => tls)].some(
    (config) => config?.validation?.mode === 'AllowInsecureFallback',
  );
}
