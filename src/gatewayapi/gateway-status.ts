// The status of a Gateway: its own conditions, its addresses, and an entry for each listener.
import { GatewayCondition } from '../api/condition.ts';
import type { Gateway, GatewayStatus } from '../api/generated/gateway.ts';
import { hasExperimentalFields } from './api-version.ts';
import { allowsInsecureFallback } from './client-validation.ts';
import type { FactReader } from './facts.ts';
import {
  ADDRESSES_ASSIGNED,
  addressesNotAssigned,
  addressesPartiallyAssigned,
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
import { allListeners, type GatewayModel } from './gateway-model.ts';
import { LISTENER_POLICY_AFFECTED, listenerPolicyAffected } from './listener-policy-condition.ts';
import { countAttached } from './listener-set-status.ts';
import { createListenerStatus, judgeListener, sections, type ListenerJudgement } from './listener-status.ts';
import {
  ConditionMaker,
  objectStatus,
  type ObjectStatus,
  type Problem,
  type Untimed,
  type UntimedCondition,
} from './object-status.ts';
import { compareText } from './seniority.ts';

export function createGatewayStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const model = reader.get('gatewayModel', key);
  const gateway = reader.get('Gateway', key);
  if (model === undefined || gateway === undefined) return undefined;
  const judgements = model.listeners.map((listener) => judgeListener(reader, model, listener));
  const attachedListenerSets = countAttached(reader, model);
  const status: Untimed<GatewayStatus> = {
    ...createAddresses(reader, model),
    attachedListenerSets,
    conditions: createConditions(gateway, model, judgements, attachedListenerSets > 0, policiesOf(reader, model)),
    listeners: judgements.map((judgement) =>
      createListenerStatus(gateway.metadata, judgement, reader.get('attachedRoutes', judgement.listener.name) ?? 0),
    ),
  };
  return objectStatus(gateway, status);
}

/** Only the experimental channel has a place for routability; where it has, every address says it. */
function createAddresses(reader: FactReader, { addresses }: GatewayModel): Pick<GatewayStatus, 'addresses'> {
  if (addresses.length === 0) return {};
  if (!hasExperimentalFields(reader.get('settings', '').installedCrds))
    return { addresses: addresses.map(({ type, value }) => ({ type, value })) };
  return { addresses: addresses.map(({ type, value, routability = '' }) => ({ type, value, routability })) };
}

/** `servesSets`: its ListenerSets have listeners that can be served, so that it is of use even where none of its own is. */
function createConditions(
  gateway: Gateway,
  model: GatewayModel,
  judgements: readonly ListenerJudgement[],
  servesSets: boolean,
  policies: readonly string[],
): Untimed<GatewayStatus>['conditions'] {
  const conditions = new ConditionMaker(gateway.metadata);
  const invalid = sections(judgements.filter(({ rejection }) => rejection !== undefined));
  const isEmpty = invalid.length === judgements.length && !servesSets;
  const notAccepted = model.rejection ?? (isEmpty ? noListenerValid(invalid) : undefined);
  const accepted = invalid.length === 0 ? GATEWAY_ACCEPTED : someListenersNotValid(invalid);
  const notServed = sections(judgements.filter(({ isServed }) => !isServed));
  const programmed = notServed.length === 0 ? GATEWAY_PROGRAMMED : someListenersServed(notServed);
  const unresolved = sections(judgements.filter(({ listener }) => listener.referenceProblem !== undefined));
  const notResolved = unresolved.length === 0 ? undefined : listenersNotResolved(unresolved);
  return [
    conditions.unless(GatewayCondition.Accepted, notAccepted, accepted),
    conditions.unless(
      GatewayCondition.Programmed,
      whyNotProgrammed(model, notAccepted, notServed, servesSets),
      programmed,
    ),
    ...(model.rejection === undefined ? [createAddressesAssigned(conditions, model)] : []),
    conditions.unless(GatewayCondition.ResolvedRefs, model.referenceProblem ?? notResolved, GATEWAY_REFS_RESOLVED),
    ...(allowsInsecureFallback(gateway)
      ? [conditions.isTrue(GatewayCondition.InsecureFrontendValidationMode, INSECURE_FALLBACK)]
      : []),
    ...(policies.length === 0 ? [] : [conditions.isTrue(LISTENER_POLICY_AFFECTED, listenerPolicyAffected(policies))]),
    ...(gateway.spec.defaultScope === 'All' ? [conditions.isFalse(DEFAULT_GATEWAY_CONDITION, NO_DEFAULT_GATEWAY)] : []),
  ];
}

function createAddressesAssigned(
  conditions: ConditionMaker,
  { addresses, addressProblem }: GatewayModel,
): UntimedCondition {
  const isPartial = addresses.length > 0;
  const problem =
    addressProblem && (isPartial ? addressesPartiallyAssigned(addressProblem) : addressesNotAssigned(addressProblem));
  return conditions.unless(GatewayCondition.AddressesAssigned, problem, ADDRESSES_ASSIGNED);
}

/** The ListenerPolicies that decide for its listeners, also those that a listener of another Gateway on the port brings along. */
function policiesOf(reader: FactReader, gateway: GatewayModel): readonly string[] {
  const { verdicts } = reader.get('portPlan', '');
  const policies = allListeners(gateway).flatMap(({ name }) => Object.values(verdicts[name]?.policies ?? {}));
  return [...new Set(policies.filter((policy) => policy !== undefined))].sort(compareText);
}

/** A Gateway of which something is served is programmed. */
function whyNotProgrammed(
  { addressProblem, listeners }: GatewayModel,
  notAccepted: Problem | undefined,
  notServed: readonly string[],
  servesSets: boolean,
): Problem | undefined {
  if (notAccepted !== undefined) return GATEWAY_NOT_ACCEPTED;
  if (addressProblem !== undefined) return addressProblem;
  return notServed.length === listeners.length && !servesSets ? noListenerServed(notServed) : undefined;
}
