// Reasons and messages of the conditions of a ListenerSet.
import { ListenerSetReason } from '../api/condition.ts';
import type { Problem } from './object-status.ts';
import { listNames } from './quote.ts';

export const LISTENER_SET_ACCEPTED: Problem = {
  reason: ListenerSetReason.Accepted,
  message: 'All listeners are valid.',
};

export const LISTENER_SET_PROGRAMMED: Problem = {
  reason: ListenerSetReason.Programmed,
  message: 'All listeners are served.',
};

export function listenerSetNotAllowed(gateway: string): Problem {
  return {
    reason: ListenerSetReason.NotAllowed,
    message:
      `Gateway ${gateway} takes no ListenerSets from this namespace: see its spec.allowedListeners, which allows none by ` +
      'default. None of the listeners is served.',
  };
}

export function parentNotAccepted(gateway: string): Problem {
  return {
    reason: ListenerSetReason.ParentNotAccepted,
    message: `Gateway ${gateway} is not accepted; its status says why.`,
  };
}

export function parentNotProgrammed(gateway: string): Problem {
  return {
    reason: ListenerSetReason.ParentNotProgrammed,
    message: `Gateway ${gateway} has no address that can be served; its status says why.`,
  };
}

export function noListenerOfSetValid(listeners: readonly string[]): Problem {
  return {
    reason: ListenerSetReason.ListenersNotValid,
    message: `No listener can be served, their status says why: ${listNames(listeners)}.`,
  };
}

export function someListenersOfSetNotValid(listeners: readonly string[]): Problem {
  return {
    reason: ListenerSetReason.ListenersNotValid,
    message: `These listeners can't be served, their status says why: ${listNames(listeners)}. The others are valid.`,
  };
}

export function someListenersOfSetServed(notServed: readonly string[]): Problem {
  return {
    reason: ListenerSetReason.Programmed,
    message: `All listeners are served but ${listNames(notServed)}; their status says why.`,
  };
}
