// The status of a listener: the model's findings, the port plan's verdict and what the data plane reported, in conditions.
import { ListenerCondition, ListenerReason } from '../api/condition.ts';
import type { Gateway } from '../api/generated/gateway.ts';
import type { ListenerStatus } from '../api/generated/shared.ts';
import type { FactReader } from './facts.ts';
import { canServe, type GatewayModel, type ListenerModel } from './gateway-model.ts';
import {
  bindFailed,
  GATEWAY_NOT_SERVED,
  LISTENER_ACCEPTED,
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
  readonly isServed: boolean;
}

export function judgeListener(reader: FactReader, gateway: GatewayModel, listener: ListenerModel): ListenerJudgement {
  const verdict = reader.get('portPlan', '').verdicts[listener.name];
  const rejection =
    listener.rejection ??
    listener.conflict ??
    verdict?.refusal ??
    listener.caProblem ??
    bindProblem(reader, verdict?.bindPort);
  const isGatewayServed = gateway.rejection === undefined && gateway.addressProblem === undefined;
  return {
    listener,
    rejection,
    overlap: verdict?.overlap,
    gatewayProblem: isGatewayServed ? undefined : GATEWAY_NOT_SERVED,
    isServed: isGatewayServed && rejection === undefined && canServe(listener),
  };
}

function bindProblem(reader: FactReader, bindPort: string | undefined): Problem | undefined {
  if (bindPort === undefined) return undefined;
  const why = reader.get('unavailablePort', bindPort);
  return why === undefined ? undefined : bindFailed(bindPort, why);
}

export function createListenerStatus(
  gateway: Gateway,
  { listener, rejection, overlap, gatewayProblem, isServed }: ListenerJudgement,
  attachedRoutes: number,
): Untimed<ListenerStatus> {
  const conditions = new ConditionMaker(gateway.metadata);
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
