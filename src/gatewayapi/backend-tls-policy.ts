// BackendTLSPolicies are not supported yet: each Gateway that uses a target through a route says so, and the target itself is
// answered with 500 (see backend-target.ts).
import { PolicyCondition, PolicyReason } from '../api/condition.ts';
import { GATEWAY_GROUP } from '../api/kinds.ts';
import { isBackendKind } from './backend-ref.ts';
import type { FactReader } from './facts.ts';
import { targetKey } from './object-key.ts';
import { ConditionMaker, objectStatus, type ObjectStatus, type Problem } from './object-status.ts';
import { compareText } from './seniority.ts';

const NOT_SUPPORTED: Problem = {
  reason: PolicyReason.Invalid,
  message:
    'BackendTLSPolicy is not supported yet: requests to its targets are answered 500 rather than sent in plain text. ' +
    'Use a Backend of sluice.dev with spec.tls.',
};

/** Of the CRD. */
const MAX_ANCESTORS = 16;

export function createBackendTlsPolicyStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const policy = reader.get('BackendTLSPolicy', key);
  if (policy === undefined) return undefined;
  const { namespace } = policy.metadata;
  const gateways = new Set(
    policy.spec.targetRefs
      .filter(isBackendKind)
      .flatMap(({ kind, name }) =>
        (reader.get('gatewaysOfTarget', targetKey(kind, namespace, name)) ?? '').split(' ').filter(Boolean),
      ),
  );
  if (gateways.size === 0) return undefined;
  const { controllerName } = reader.get('settings', '');
  const conditions = [new ConditionMaker(policy.metadata).isFalse(PolicyCondition.Accepted, NOT_SUPPORTED)];
  const ancestors = [...gateways]
    .sort(compareText)
    .slice(0, MAX_ANCESTORS)
    .map((gateway) => {
      const [gatewayNamespace = '', name = ''] = gateway.split('/');
      const ancestorRef = { group: GATEWAY_GROUP, kind: 'Gateway', namespace: gatewayNamespace, name };
      return { ancestorRef, controllerName, conditions };
    });
  return objectStatus(policy, { ancestors });
}
