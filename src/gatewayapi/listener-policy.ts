// The status of a ListenerPolicy: an entry for each target, which says whether the policy decides there. It is accepted where it does
// for one listener at least.
import { PolicyCondition } from '../api/condition.ts';
import type { ListenerPolicy, ListenerPolicyTargetReference } from '../api/generated/listener-policy.ts';
import type { FactReader } from './facts.ts';
import { allListeners, type ListenerModel, type PolicyPart, type PortVerdict } from './gateway-model.ts';
import {
  listenerPolicyAccepted,
  listenerPolicyConflicted,
  listenerPolicyTargetNotFound,
  listenerPolicyWithoutEffect,
} from './listener-policy-condition.ts';
import { readParts } from './listener-settings.ts';
import { objectKey } from './object-key.ts';
import { ConditionMaker, joinProblems, objectStatus, type ObjectStatus, type Problem } from './object-status.ts';

export function createListenerPolicyStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const policy = reader.get('ListenerPolicy', key);
  if (policy === undefined) return undefined;
  const { controllerName } = reader.get('settings', '');
  const { namespace } = policy.metadata;
  const conditions = new ConditionMaker(policy.metadata);
  const ancestors = policy.spec.targetRefs.flatMap((ref) => {
    const judgement = judgeTarget(reader, policy, ref);
    if (judgement === undefined) return [];
    const { isInForce, exceptions } = judgement;
    const rejection = isInForce ? undefined : joinProblems(exceptions);
    const accepted = conditions.unless(PolicyCondition.Accepted, rejection, listenerPolicyAccepted(exceptions));
    return [{ ancestorRef: { ...ref, namespace }, controllerName, conditions: [accepted] }];
  });
  return ancestors.length === 0 ? undefined : objectStatus(policy, { ancestors });
}

interface TargetJudgement {
  /** Whether the policy decides for the target, or a part of it. */
  readonly isInForce: boolean;
  /** Why not, or not for all of it. */
  readonly exceptions: readonly Problem[];
}

/** Undefined where the Gateway is not ours. */
function judgeTarget(
  reader: FactReader,
  policy: ListenerPolicy,
  { name, sectionName }: ListenerPolicyTargetReference,
): TargetJudgement | undefined {
  const key = objectKey(policy.metadata.namespace, name);
  const label = sectionName === undefined ? `Gateway ${key}` : `Listener ${sectionName} of Gateway ${key}`;
  if (reader.get('Gateway', key) === undefined) return lost(listenerPolicyTargetNotFound(label));
  const gateway = reader.get('gatewayModel', key);
  if (gateway === undefined) return undefined;
  const listeners =
    sectionName === undefined
      ? allListeners(gateway)
      : gateway.listeners.filter(({ section }) => section === sectionName);
  if (listeners.length === 0) return lost(listenerPolicyTargetNotFound(label));
  const { verdicts } = reader.get('portPlan', '');
  const uses = listeners.flatMap((listener) => usesOf(reader, policy, listener, verdicts[listener.name]));
  if (uses.length === 0) return lost(listenerPolicyWithoutEffect(label));
  // Listeners of one port have one conflict.
  const exceptions = new Map(
    uses.flatMap(({ conflict }) => (conflict === undefined ? [] : [[conflict.message, conflict]])),
  );
  return { isInForce: uses.some(({ conflict }) => conflict === undefined), exceptions: [...exceptions.values()] };
}

/** A part of the policy at a listener that it is for. */
interface PolicyUse {
  readonly conflict: Problem | undefined;
}

function usesOf(
  reader: FactReader,
  policy: ListenerPolicy,
  listener: ListenerModel,
  verdict: PortVerdict | undefined,
): readonly PolicyUse[] {
  const places: Readonly<Record<PolicyPart, string>> = {
    socket: `port ${listener.port}`,
    tls: `the TLS of listener ${listener.section}`,
    grpcWeb: `gRPC-Web of listener ${listener.section}`,
  };
  return Object.entries(readParts(policy, listener)).map(([name, settings]) => {
    const part = name as PolicyPart;
    const winner = verdict?.policies[part];
    const other = winner === undefined ? undefined : reader.get('ListenerPolicy', winner);
    // Whoever wants the same has no conflict.
    const isSame = other === undefined || isEqual(readParts(other, listener)[part], settings);
    return { conflict: isSame || winner === undefined ? undefined : listenerPolicyConflicted(places[part], winner) };
  });
}

/** Settings are made field by field in one order. */
function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function lost(exception: Problem): TargetJudgement {
  return { isInForce: false, exceptions: [exception] };
}
