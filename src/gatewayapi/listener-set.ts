// ListenerSets are not supported yet: those of our Gateways say so in their status.
import { ListenerSetCondition, ListenerSetReason } from '../api/condition.ts';
import type { FactReader } from './facts.ts';
import { ConditionMaker, objectStatus, type ObjectStatus, type Problem } from './object-status.ts';
import { gatewayOfListenerSet } from './parent-ref.ts';

const NOT_SUPPORTED: Problem = {
  reason: ListenerSetReason.Invalid,
  message: 'ListenerSet is not supported yet; put the listeners into the Gateway. None of these is served.',
};

export function createListenerSetStatus(key: string, reader: FactReader): ObjectStatus | undefined {
  const listenerSet = reader.get('ListenerSet', key);
  const gateway = gatewayOfListenerSet(reader, key);
  if (listenerSet === undefined || gateway === undefined) return undefined;
  if (reader.get('gatewayModel', gateway) === undefined) return undefined;
  const conditions = new ConditionMaker(listenerSet.metadata);
  return objectStatus(listenerSet, {
    conditions: [
      conditions.isFalse(ListenerSetCondition.Accepted, NOT_SUPPORTED),
      conditions.isFalse(ListenerSetCondition.Programmed, NOT_SUPPORTED),
    ],
  });
}
