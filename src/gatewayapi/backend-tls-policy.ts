// The status of a BackendTLSPolicy: an entry for each Gateway that uses one of its targets through a route, about these targets.
// A policy is accepted where it decides for one of them at least.
import { PolicyCondition } from '../api/condition.ts';
import type {
  BackendTLSPolicy,
  LocalPolicyTargetReferenceWithSectionName,
} from '../api/generated/backend-tls-policy.ts';
import { GATEWAY_GROUP } from '../api/kinds.ts';
import {
  BACKEND_REFS_RESOLVED,
  policyAccepted,
  policyConflicted,
  policyOverridden,
  policyTargetNotFound,
  portNotTcp,
  portsNotAllTcp,
} from './backend-condition.ts';
import { isBackendKind } from './backend-ref.ts';
import { findPolicy, policyKey, readPolicy } from './backend-tls.ts';
import type { FactReader } from './facts.ts';
import { objectKey, targetKey } from './object-key.ts';
import { ConditionMaker, joinProblems, objectStatus, type ObjectStatus, type Problem } from './object-status.ts';
import { compareText } from './seniority.ts';

/** Of the CRD. */
const MAX_ANCESTORS = 16;

type TargetRef = LocalPolicyTargetReferenceWithSectionName;

export function createBackendTlsPolicyStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const policy = reader.get('BackendTLSPolicy', key);
  if (policy === undefined) return undefined;
  const targets = policy.spec.targetRefs.filter(isBackendKind).map((ref) => ({
    gateways: gatewaysOf(reader, policy, ref),
    ...judgeTarget(reader, policy, ref),
  }));
  const gateways = [...new Set(targets.flatMap((target) => target.gateways))].sort(compareText);
  if (gateways.length === 0) return undefined;
  const { controllerName } = reader.get('settings', '');
  const { problem, unresolved } = readPolicy(reader, policy);
  const conditions = new ConditionMaker(policy.metadata);
  const resolvedRefs = conditions.unless(PolicyCondition.ResolvedRefs, joinProblems(unresolved), BACKEND_REFS_RESOLVED);
  const ancestors = gateways.slice(0, MAX_ANCESTORS).map((gateway) => {
    const used = targets.filter((target) => target.gateways.includes(gateway));
    const exceptions = used.flatMap(({ exception }) => exception ?? []);
    const rejection = problem ?? (used.some(({ isInForce }) => isInForce) ? undefined : joinProblems(exceptions));
    const accepted = conditions.unless(PolicyCondition.Accepted, rejection, policyAccepted(exceptions));
    const [namespace = '', name = ''] = gateway.split('/');
    const ancestorRef = { group: GATEWAY_GROUP, kind: 'Gateway', namespace, name };
    return { ancestorRef, controllerName, conditions: [accepted, resolvedRefs] };
  });
  return objectStatus(policy, { ancestors });
}

function gatewaysOf(reader: FactReader, { metadata }: BackendTLSPolicy, { kind, name }: TargetRef): readonly string[] {
  const gateways = reader.get('gatewaysOfTarget', targetKey(kind, metadata.namespace, name)) ?? '';
  return gateways.split(' ').filter(Boolean);
}

interface TargetJudgement {
  /** Whether the policy decides for the target, or a part of it. */
  readonly isInForce: boolean;
  /** Why not, or not for all of it. */
  readonly exception?: Problem;
}

function judgeTarget(reader: FactReader, policy: BackendTLSPolicy, ref: TargetRef): TargetJudgement {
  const { kind, name, sectionName } = ref;
  const key = objectKey(policy.metadata.namespace, name);
  const label = sectionName === undefined ? `${kind} ${key}` : `section ${sectionName} of ${kind} ${key}`;
  const judgement =
    kind === 'Service' ? judgeService(reader, key, sectionName, label) : judgeBackend(reader, key, sectionName, label);
  const winner = findPolicy(reader, kind, key, sectionName);
  return !judgement.isInForce || winner === undefined || policyKey(winner) === policyKey(policy)
    ? judgement
    : lost(policyConflicted(label, policyKey(winner)));
}

function judgeService(reader: FactReader, key: string, portName: string | undefined, label: string): TargetJudgement {
  const service = reader.get('Service', key);
  const ports = (service?.spec.ports ?? []).filter(({ name }) => portName === undefined || name === portName);
  if (service === undefined || (portName !== undefined && ports.length === 0)) return lost(policyTargetNotFound(label));
  const isOverTcp = ports.map(({ protocol }) => protocol === 'TCP');
  if (!isOverTcp.includes(false)) return { isInForce: true };
  const isInForce = isOverTcp.includes(true);
  return { isInForce, exception: isInForce ? portsNotAllTcp(label) : portNotTcp(label) };
}

/** A Backend has no sections. */
function judgeBackend(
  reader: FactReader,
  key: string,
  sectionName: string | undefined,
  label: string,
): TargetJudgement {
  const backend = reader.get('Backend', key);
  if (backend === undefined || sectionName !== undefined) return lost(policyTargetNotFound(label));
  return backend.spec.tls === undefined ? { isInForce: true } : lost(policyOverridden(label));
}

function lost(exception: Problem): TargetJudgement {
  return { isInForce: false, exception };
}
