// What the conditions of an object's status have to complain about. Says each thing once: a condition that only points to another one,
// and a message that was there already, are left out.

export interface ConditionFinding {
  /** Whose condition it is inside the object: `listener http`, `parent shop/web/http`. Absent: the object's own. */
  readonly at?: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface ConditionView {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The parts of any kind's status that are looked at. */
export interface StatusView {
  readonly conditions?: readonly ConditionView[];
  readonly listeners?: readonly (Conditioned & { readonly name: string; readonly attachedRoutes?: number })[];
  readonly parents?: readonly (Conditioned & { readonly parentRef: ObjectRef })[];
  readonly ancestors?: readonly (Conditioned & { readonly ancestorRef: ObjectRef })[];
  readonly addresses?: readonly { readonly value?: string }[];
}

interface Conditioned {
  readonly conditions?: readonly ConditionView[];
}

interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

/** Conditions that are bad when they are True; all others are good then. */
const BAD_WHEN_TRUE: ReadonlySet<string> = new Set([
  'Conflicted',
  'InsecureFrontendValidationMode',
  'OverlappingTLSConfig',
  'PartiallyInvalid',
]);

export function isGood({ type, status }: ConditionView): boolean {
  return BAD_WHEN_TRUE.has(type) ? status !== 'True' : status === 'True';
}

export function isBadWhenTrue({ type }: ConditionView): boolean {
  return BAD_WHEN_TRUE.has(type);
}

export function conditionFindings({ conditions, listeners, parents, ancestors }: StatusView): ConditionFinding[] {
  return [
    ...findingsOf(conditions, undefined),
    ...(listeners ?? []).flatMap((listener) => findingsOf(listener.conditions, `listener ${listener.name}`)),
    ...(parents ?? []).flatMap((parent) => findingsOf(parent.conditions, `parent ${refText(parent.parentRef)}`)),
    ...(ancestors ?? []).flatMap((parent) => findingsOf(parent.conditions, `ancestor ${refText(parent.ancestorRef)}`)),
  ];
}

/** `listener http: ResolvedRefs is False (RefNotPermitted): …` */
export function findingText({ at, type, status, reason, message }: ConditionFinding): string {
  return `${at === undefined ? '' : `${at}: `}${type} is ${status} (${reason}): ${message}`;
}

function findingsOf(conditions: readonly ConditionView[] = [], at: string | undefined): ConditionFinding[] {
  const bad = conditions.filter((condition) => !isGood(condition) && !isConsequence(condition));
  const distinct = bad.filter(({ message }, index) => bad.findIndex((other) => other.message === message) === index);
  return distinct.map(({ type, status, reason, message }) => ({
    ...(at === undefined ? {} : { at }),
    type,
    status,
    reason,
    message,
  }));
}

/** Whether the condition follows from others, which say why. */
function isConsequence({ type, reason }: ConditionView): boolean {
  return (
    (type === 'Programmed' && reason === 'Invalid') ||
    reason === 'ListenersNotValid' ||
    reason === 'ListenersNotResolved'
  );
}

function refText({ namespace, name, sectionName, port }: ObjectRef): string {
  const place = sectionName ?? port;
  return [namespace, name, place].filter((part) => part !== undefined).join('/');
}
