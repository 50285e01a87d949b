// Reasons and messages about ListenerPolicies: in their own status, and on the Gateways that they decide for.
import { PolicyReason } from '../api/condition.ts';
import type { Problem } from './object-status.ts';
import { listNames } from './quote.ts';

/** Of a Gateway: that ListenerPolicies decide for its listeners (GEP-713). */
export const LISTENER_POLICY_AFFECTED = 'sluice.dev/ListenerPolicyAffected';

export function listenerPolicyAffected(policies: readonly string[]): Problem {
  return { reason: 'PolicyAffected', message: `Listeners follow ListenerPolicy ${listNames(policies)}.` };
}

export function listenerPolicyTargetNotFound(target: string): Problem {
  return { reason: PolicyReason.TargetNotFound, message: `${target} does not exist.` };
}

/** `where`: `port 80` */
export function listenerPolicyConflicted(where: string, winner: string): Problem {
  return {
    reason: PolicyReason.Conflicted,
    message: `${where} is decided by ListenerPolicy ${winner}, which goes before (as it is for one listener, older, or first by name).`,
  };
}

/** Datagrams have no connections, what terminates no TLS has no versions, and what is no HTTP no gRPC-Web. */
export function listenerPolicyWithoutEffect(target: string): Problem {
  return { reason: PolicyReason.Invalid, message: `Nothing in the policy concerns ${target}.` };
}

/** `exceptions`: where the policy is not in force. */
export function listenerPolicyAccepted(exceptions: readonly Problem[]): Problem {
  const rest = exceptions.map(({ message }) => ` But ${message}`).join('');
  return { reason: PolicyReason.Accepted, message: `The policy is in force.${rest}` };
}
