// Which ListenerPolicy decides for a port and for a listener, and what it says in the words of the IR. A policy has parts that are decided
// for themselves: what holds for the socket, which all listeners of a port share, TLS, and gRPC-Web. No part is mixed of two policies.
import type {
  ListenerPolicy,
  ListenerPolicySpec,
  ListenerPolicyTargetReference,
} from '../api/generated/listener-policy.ts';
import type { ListenerSettings, TlsSettings } from '../ir/listener.ts';
import { parseDurationMs } from '../lib/duration.ts';
import type { FactReader } from './facts.ts';
import type { ListenerModel, PolicyPart } from './gateway-model.ts';
import { socketProtocol, terminatesTls } from './listener-protocol.ts';
import { objectKey } from './object-key.ts';
import { compareSeniority, creationTimeMs, type Aged } from './seniority.ts';

/** A listener with its Gateway, `namespace/name`. */
export interface PolicySubject {
  readonly gateway: string;
  readonly listener: ListenerModel;
}

/** What a policy says. What it does not say is absent. */
export interface PolicyParts extends Readonly<Partial<Record<PolicyPart, unknown>>> {
  readonly socket?: ListenerSettings;
  readonly tls?: TlsSettings;
  readonly grpcWeb?: boolean;
}

export interface PolicyDecision<P extends PolicyPart> {
  /** `namespace/name` */
  readonly policy: string;
  readonly settings: NonNullable<PolicyParts[P]>;
}

interface Claim<P extends PolicyPart> extends Aged {
  readonly isForSection: boolean;
  readonly settings: NonNullable<PolicyParts[P]>;
}

export type PolicyDecisions = { readonly [P in PolicyPart]: PolicyDecision<P> | undefined };

/** @param subjects all that share a port. @returns what is decided for each, by the listener's name. */
export function decidePolicies(
  reader: FactReader,
  subjects: readonly PolicySubject[],
): ReadonlyMap<string, PolicyDecisions> {
  const socket = decide(reader, subjects, 'socket');
  const decisions = subjects.map((subject): readonly [string, PolicyDecisions] => [
    subject.listener.name,
    { socket, tls: decide(reader, [subject], 'tls'), grpcWeb: decide(reader, [subject], 'grpcWeb') },
  ]);
  return new Map(decisions);
}

/** What is for one listener goes before what is for its Gateway; then the older policy, then the first by name. */
function decide<P extends PolicyPart>(
  reader: FactReader,
  subjects: readonly PolicySubject[],
  part: P,
): PolicyDecision<P> | undefined {
  const claims = subjects.flatMap(({ gateway, listener }) =>
    (reader.get('policiesOfGateway', gateway) ?? []).flatMap((policy): readonly Claim<P>[] => {
      const refs = policy.spec.targetRefs.filter((ref) => isTarget(policy, ref, gateway, listener));
      const settings = readParts(policy, listener)[part];
      if (refs.length === 0 || settings === undefined) return [];
      const isForSection = refs.some(({ sectionName }) => sectionName !== undefined);
      return [{ key: policyKey(policy), createdAtMs: creationTimeMs(policy.metadata), isForSection, settings }];
    }),
  );
  const [first] = claims.sort((a, b) => Number(b.isForSection) - Number(a.isForSection) || compareSeniority(a, b));
  return first && { policy: first.key, settings: first.settings };
}

function isTarget(
  { metadata }: ListenerPolicy,
  { name, sectionName }: ListenerPolicyTargetReference,
  gateway: string,
  { section, listenerSet }: ListenerModel,
): boolean {
  if (objectKey(metadata.namespace, name) !== gateway) return false;
  return sectionName === undefined || (sectionName === section && listenerSet === undefined);
}

function policyKey({ metadata }: ListenerPolicy): string {
  return objectKey(metadata.namespace, metadata.name);
}

/** Those parts that concern the listener. */
export function readParts({ spec }: ListenerPolicy, { protocol, traffic }: ListenerModel): PolicyParts {
  const { minVersion, cipherSuites } = spec.tls ?? {};
  const parts = present({
    socket: socketProtocol(protocol) === 'UDP' ? undefined : readSocketSettings(spec),
    tls: terminatesTls(protocol, traffic) ? present({ minVersion, cipherSuites }) : undefined,
    grpcWeb: traffic === 'http' && spec.grpcWeb !== undefined ? spec.grpcWeb === 'Enabled' : undefined,
  });
  return parts ?? {};
}

function readSocketSettings(spec: ListenerPolicySpec): ListenerSettings | undefined {
  const { clientAddress, proxyProtocol, limits = {}, timeouts = {}, headers, path } = spec;
  return present({
    trustedHops: clientAddress?.trustedHops,
    proxySources: proxyProtocol?.trustedSources,
    limits: present({
      maxConnections: limits.connections,
      maxRequestsPerConnection: limits.requestsPerConnection,
      maxConcurrentStreams: limits.concurrentStreams,
      maxHeadBytes: limits.headBytes,
      maxUriBytes: limits.uriBytes,
      maxHeaderCount: limits.headers,
      maxBodyBytes: limits.bodyBytes,
    }),
    timeouts: present({
      tlsHandshakeMs: durationMs(timeouts.tlsHandshake),
      headMs: durationMs(timeouts.head),
      bodyIdleMs: durationMs(timeouts.bodyIdle),
      keepAliveIdleMs: durationMs(timeouts.keepAliveIdle),
      writeStallMs: durationMs(timeouts.writeStall),
    }),
    allowsUnderscores: headers?.underscores === undefined ? undefined : headers.underscores === 'Allow',
    escapedSlashes: path?.escapedSlashes === undefined ? undefined : ESCAPED_SLASHES[path.escapedSlashes],
  });
}

const ESCAPED_SLASHES = { Keep: 'keep', Reject: 'reject', Redirect: 'redirect' } as const;

function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDurationMs(text);
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined; undefined where nothing is left. */
function present<T extends object>(fields: T): Present<T> | undefined {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Present<T>);
}
