// Statuses as the API server would hold them, but for lastTransitionTime: the translator has no clock, so whoever writes a status
// stamps the conditions that changed.
import type { BackendStatus } from '../api/generated/backend.ts';
import type { GatewayClassStatus } from '../api/generated/gateway-class.ts';
import type { GatewayStatus } from '../api/generated/gateway.ts';
import type { ListenerSetStatus } from '../api/generated/listener-set.ts';
import type { PolicyStatus, RouteStatus } from '../api/generated/shared.ts';
import type { Condition, KubernetesObject, ObjectMeta } from '../api/object.ts';

export type UntimedCondition = Omit<Condition, 'lastTransitionTime'>;

/** A status type with its conditions untimed. */
export type Untimed<T> = T extends Condition
  ? UntimedCondition
  : T extends readonly (infer E)[]
    ? readonly Untimed<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Untimed<T[K]> }
      : T;

export type Status = Untimed<
  BackendStatus | GatewayClassStatus | GatewayStatus | ListenerSetStatus | PolicyStatus | RouteStatus
>;

/**
 * What Sluice has to say about one object: its own conditions, and its own entries of parents and ancestors. An object without an
 * ObjectStatus gets nothing from Sluice, and entries that Sluice wrote there before are to be removed.
 */
export interface ObjectStatus {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Of the object that the status was computed from; another one may have its name by now. */
  readonly uid?: string;
  /** metadata.generation that the status was computed from. */
  readonly generation?: number;
  readonly status: Status;
}

export function objectStatus(object: KubernetesObject, status: Status): ObjectStatus {
  const { apiVersion, kind, metadata } = object;
  const { namespace, name, uid, generation } = metadata;
  return {
    apiVersion,
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    ...(uid === undefined ? {} : { uid }),
    ...(generation === undefined ? {} : { generation }),
    status,
  };
}

/** The reason and message of a condition: why something is not as its author wants it, and what to do. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** Makes the conditions of one object. */
export class ConditionMaker {
  readonly #generation: { readonly observedGeneration?: number };

  constructor({ generation }: ObjectMeta) {
    this.#generation = generation === undefined ? {} : { observedGeneration: generation };
  }

  isTrue(type: string, { reason, message }: Problem): UntimedCondition {
    return { type, status: 'True', reason, message, ...this.#generation };
  }

  isFalse(type: string, { reason, message }: Problem): UntimedCondition {
    return { type, status: 'False', reason, message, ...this.#generation };
  }

  /** False with the problem where there is one, else true. */
  unless(type: string, problem: Problem | undefined, good: Problem): UntimedCondition {
    return problem === undefined ? this.isTrue(type, good) : this.isFalse(type, problem);
  }
}

/** The API allows 32 768 characters in a message; none of ours is near 1 000. */
const MAX_JOINED_PROBLEMS = 16;

/** Several problems in one condition: the first one's reason, all messages. */
export function joinProblems(problems: readonly Problem[]): Problem | undefined {
  const [first] = problems;
  if (first === undefined) return undefined;
  const messages = problems.slice(0, MAX_JOINED_PROBLEMS).map(({ message }) => message);
  if (problems.length > messages.length) messages.push(`And ${problems.length - messages.length} more.`);
  return { reason: first.reason, message: messages.join(' ') };
}
