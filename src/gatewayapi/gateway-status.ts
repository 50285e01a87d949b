// The status of a Gateway: its own conditions, its addresses, and an entry for each listener.
import { GatewayCondition } from '../api/condition.ts';
import type { Gateway, GatewayStatus } from '../api/generated/gateway.ts';
import { allowsInsecureFallback } from './client-validation.ts';
import type { FactReader } from './facts.ts';
import {
  DEFAULT_GATEWAY_CONDITION,
  GATEWAY_ACCEPTED,
  GATEWAY_NOT_ACCEPTED,
  GATEWAY_PROGRAMMED,
  GATEWAY_REFS_RESOLVED,
  INSECURE_FALLBACK,
  listenersNotResolved,
  NO_DEFAULT_GATEWAY,
  noListenerServed,
  noListenerValid,
  someListenersNotValid,
  someListenersServed,
} from './gateway-condition.ts';
import type { GatewayModel } from './gateway-model.ts';
import { LISTENER_POLICY_AFFECTED, listenerPolicyAffected } from './listener-policy-condition.ts';
import { createListenerStatus, judgeListener, type ListenerJudgement } from './listener-status.ts';
import { ConditionMaker, objectStatus, type ObjectStatus, type Problem, type Untimed } from './object-status.ts';
import { compareText } from './seniority.ts';

export function createGatewayStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const model = reader.get('gatewayModel', key);
  const gateway = reader.get('Gateway', key);
  if (model === undefined || gateway === undefined) return undefined;
  const judgements = model.listeners.map((listener) => judgeListener(reader, model, listener));
  const status: Untimed<GatewayStatus> = {
    ...(model.addresses.length === 0 ? {} : { addresses: model.addresses }),
    attachedListenerSets: 0,
    conditions: createConditions(gateway, model, judgements, policiesOf(reader, model)),
    listeners: judgements.map((judgement) =>
      createListenerStatus(gateway, judgement, reader.get('attachedRoutes', judgement.listener.name) ?? 0),
    ),
  };
  return objectStatus(gateway, status);
}

function createConditions(
  gateway: Gateway,
  model: GatewayModel,
  judgements: readonly ListenerJudgement[],
  policies: readonly string[],
): Untimed<GatewayStatus>['conditions'] {
  const conditions = new ConditionMaker(gateway.metadata);
  const invalid = sections(judgements.filter(({ rejection }) => rejection !== undefined));
  const notAccepted = model.rejection ?? (invalid.length === judgements.length ? noListenerValid(invalid) : undefined);
  const accepted = invalid.length === 0 ? GATEWAY_ACCEPTED : someListenersNotValid(invalid);
  const notServed = sections(judgements.filter(({ isServed }) => !isServed));
  const programmed = notServed.length === 0 ? GATEWAY_PROGRAMMED : someListenersServed(notServed);
  const unresolved = sections(judgements.filter(({ listener }) => listener.referenceProblem !== undefined));
  const notResolved = unresolved.length === 0 ? undefined : listenersNotResolved(unresolved);
  return [
    conditions.unless(GatewayCondition.Accepted, notAccepted, accepted),
    conditions.unless(GatewayCondition.Programmed, whyNotProgrammed(model, notAccepted, notServed), programmed),
    conditions.unless(GatewayCondition.ResolvedRefs, model.referenceProblem ?? notResolved, GATEWAY_REFS_RESOLVED),
    ...(allowsInsecureFallback(gateway)
      ? [conditions.isTrue(GatewayCondition.InsecureFrontendValidationMode, INSECURE_FALLBACK)]
      : []),
    ...(policies.length === 0 ? [] : [conditions.isTrue(LISTENER_POLICY_AFFECTED, listenerPolicyAffected(policies))]),
    ...(gateway.spec.defaultScope === 'All' ? [conditions.isFalse(DEFAULT_GATEWAY_CONDITION, NO_DEFAULT_GATEWAY)] : []),
  ];
}

/** The ListenerPolicies that decide for its listeners, also those that a listener of another Gateway on the port brings along. */
function policiesOf(reader: FactReader, { listeners }: GatewayModel): readonly string[] {
  const { verdicts } = reader.get('portPlan', '');
  const policies = listeners.flatMap(({ name }) => Object.values(verdicts[name]?.policies ?? {}));
  return [...new Set(policies.filter((policy) => policy !== undefined))].sort(compareText);
}

/** A Gateway of which something is served is programmed. */
function whyNotProgrammed(
  { addressProblem, listeners }: GatewayModel,
  notAccepted: Problem | undefined,
  notServed: readonly string[],
): Problem | undefined {
  if (notAccepted !== undefined) return GATEWAY_NOT_ACCEPTED;
  return addressProblem ?? (notServed.length === listeners.length ? noListenerServed(notServed) : undefined);
}

function sections(judgements: readonly ListenerJudgement[]): readonly string[] {
  return judgements.map(({ listener }) => listener.section);
}
