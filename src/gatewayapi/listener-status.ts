// The status of a listener: the model's findings, the port plan's verdict and what the data plane reported, in conditions.
import { ListenerCondition, ListenerReason } from '../api/condition.ts';
import type { ListenerStatus } from '../api/generated/shared.ts';
import type { ObjectMeta } from '../api/object.ts';
import type { FactReader } from './facts.ts';
import { canServe, type GatewayModel, type ListenerModel, type PortVerdict } from './gateway-model.ts';
import {
  bindFailed,
  GATEWAY_NOT_SERVED,
  LISTENER_ACCEPTED,
  LISTENER_PENDING,
  LISTENER_NOT_SERVED,
  LISTENER_PROGRAMMED,
  LISTENER_REFS_RESOLVED,
  NO_CONFLICTS,
} from './listener-condition.ts';
import { ConditionMaker, type Problem, type Untimed } from './object-status.ts';

export interface ListenerJudgement {
  readonly listener: ListenerModel;
  /** Why Accepted is False. */
  readonly rejection: Problem | undefined;
  readonly overlap: Problem | undefined;
  /** Why nothing of it is served although the listener itself is in order. */
  readonly gatewayProblem: Problem | undefined;
  /** Whether it has all that it takes to serve, itself and the ports of its Gateway. */
  readonly isValid: boolean;
  readonly isServed: boolean;
}

export function judgeListener(reader: FactReader, gateway: GatewayModel, listener: ListenerModel): ListenerJudgement {
  const verdict = reader.get('portPlan', '').verdicts[listener.name];
  const rejection =
    listener.rejection ??
    listener.conflict ??
    verdict?.refusal ??
    listener.caProblem ??
    bindProblem(reader, verdict?.sockets ?? []);
  const isValid = rejection === undefined && canServe(listener);
  const gatewayProblem =
    gateway.rejection === undefined && gateway.addressProblem === undefined
      ? pendingProblem(isValid, verdict)
      : GATEWAY_NOT_SERVED;
  return {
    listener,
    rejection,
    overlap: verdict?.overlap,
    gatewayProblem,
    isValid,
    isServed: gatewayProblem === undefined && isValid,
  };
}

function pendingProblem(isValid: boolean, verdict: PortVerdict | undefined): Problem | undefined {
  return isValid && verdict?.sockets.length === 0 ? LISTENER_PENDING : undefined;
}

/** A listener on several addresses is to be had on all of them. */
function bindProblem(reader: FactReader, sockets: readonly string[]): Problem | undefined {
  for (const socket of sockets) {
    const why = reader.get('unavailablePort', socket);
    if (why !== undefined) return bindFailed(socket, why);
  }
  return undefined;
}

/** `owner`: of the Gateway or ListenerSet whose spec has the listener. */
export function createListenerStatus(
  owner: ObjectMeta,
  { listener, rejection, overlap, gatewayProblem, isServed }: ListenerJudgement,
  attachedRoutes: number,
): Untimed<ListenerStatus> {
  const conditions = new ConditionMaker(owner);
  const { conflict, referenceProblem, section, supportedKinds } = listener;
  return {
    name: section,
    supportedKinds,
    attachedRoutes,
    conditions: [
      conditions.unless(ListenerCondition.Accepted, rejection, LISTENER_ACCEPTED),
      conflict === undefined
        ? conditions.isFalse(ListenerCondition.Conflicted, NO_CONFLICTS)
        : conditions.isTrue(ListenerCondition.Conflicted, conflict),
      conditions.unless(ListenerCondition.ResolvedRefs, referenceProblem, LISTENER_REFS_RESOLVED),
      conditions.unless(
        ListenerCondition.Programmed,
        isServed ? undefined : whyNotProgrammed(conflict, rejection, gatewayProblem),
        LISTENER_PROGRAMMED,
      ),
      ...(overlap === undefined ? [] : [conditions.isTrue(ListenerCondition.OverlappingTLSConfig, overlap)]),
    ],
  };
}

/** Conflicts and unavailable ports are named here too, all else is in the other conditions. */
function whyNotProgrammed(
  conflict: Problem | undefined,
  rejection: Problem | undefined,
  gatewayProblem: Problem | undefined,
): Problem {
  const isPortTaken = rejection?.reason === ListenerReason.PortUnavailable;
  return conflict ?? (isPortTaken ? rejection : undefined) ?? gatewayProblem ?? LISTENER_NOT_SERVED;
}

/** Names of the listeners. */
export function sections(judgements: readonly ListenerJudgement[]): readonly string[] {
  return judgements.map(({ listener }) => listener.section);
}
