// The status of a ListenerSet: its own conditions, and an entry for each listener. It is accepted where its Gateway allows it and one
// of its listeners at least has all that it takes to serve.
import { ListenerSetCondition } from '../api/condition.ts';
import type { ListenerSet } from '../api/generated/listener-set.ts';
import type { FactReader } from './facts.ts';
import type { GatewayModel, ListenerSetModel } from './gateway-model.ts';
import {
  LISTENER_SET_ACCEPTED,
  LISTENER_SET_PROGRAMMED,
  noListenerOfSetValid,
  parentNotAccepted,
  parentNotProgrammed,
  someListenersOfSetNotValid,
  someListenersOfSetServed,
} from './listener-set-condition.ts';
import { createListenerStatus, judgeListener, sections, type ListenerJudgement } from './listener-status.ts';
import { ConditionMaker, objectStatus, type ObjectStatus, type Problem } from './object-status.ts';

export function createListenerSetStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const listenerSet = reader.get('ListenerSet', key);
  const own = reader.get('listenerSetModel', key);
  const gateway = own && reader.get('gatewayModel', own.gateway);
  if (listenerSet === undefined || own === undefined || gateway === undefined) return undefined;
  const merged = gateway.listenerSets.find((candidate) => candidate.key === key);
  return merged === undefined
    ? rejectedStatus(listenerSet, own.rejection)
    : createStatus(reader, listenerSet, gateway, merged);
}

/** Without entries: what its listeners would be, is not the Gateway's business. */
function rejectedStatus(listenerSet: ListenerSet, rejection: Problem | undefined): ObjectStatus | undefined {
  if (rejection === undefined) return undefined;
  const conditions = new ConditionMaker(listenerSet.metadata);
  return objectStatus(listenerSet, {
    conditions: [
      conditions.isFalse(ListenerSetCondition.Accepted, rejection),
      conditions.isFalse(ListenerSetCondition.Programmed, rejection),
    ],
  });
}

function createStatus(
  reader: FactReader,
  listenerSet: ListenerSet,
  gateway: GatewayModel,
  merged: ListenerSetModel,
): ObjectStatus {
  const conditions = new ConditionMaker(listenerSet.metadata);
  const judgements = merged.listeners.map((listener) => judgeListener(reader, gateway, listener));
  const notAccepted = whyNotAccepted(gateway, judgements);
  const notValid = sections(judgements.filter(({ isValid }) => !isValid));
  const accepted = notValid.length === 0 ? LISTENER_SET_ACCEPTED : someListenersOfSetNotValid(notValid);
  const notProgrammed =
    notAccepted ?? (gateway.addressProblem === undefined ? undefined : parentNotProgrammed(gateway.key));
  const programmed = notValid.length === 0 ? LISTENER_SET_PROGRAMMED : someListenersOfSetServed(notValid);
  return objectStatus(listenerSet, {
    conditions: [
      conditions.unless(ListenerSetCondition.Accepted, notAccepted, accepted),
      conditions.unless(ListenerSetCondition.Programmed, notProgrammed, programmed),
    ],
    listeners: judgements.map((judgement) =>
      createListenerStatus(listenerSet.metadata, judgement, reader.get('attachedRoutes', judgement.listener.name) ?? 0),
    ),
  });
}

/** How many ListenerSets of the Gateway are accepted: these it counts as attached. */
export function countAttached(reader: FactReader, gateway: GatewayModel): number {
  return gateway.listenerSets.filter(({ listeners }) => {
    const judgements = listeners.map((listener) => judgeListener(reader, gateway, listener));
    return whyNotAccepted(gateway, judgements) === undefined;
  }).length;
}

function whyNotAccepted(gateway: GatewayModel, judgements: readonly ListenerJudgement[]): Problem | undefined {
  if (gateway.rejection !== undefined) return parentNotAccepted(gateway.key);
  return judgements.some(({ isValid }) => isValid) ? undefined : noListenerOfSetValid(sections(judgements));
}
