// A route of any kind as a whole: its resource in the IR and its status, from where it attaches and what its rules mean.
import { RouteCondition } from '../api/condition.ts';
import type { RouteStatus } from '../api/generated/shared.ts';
import type { Route, StreamRoute } from '../ir/route.ts';
import type { FactReader } from './facts.ts';
import { objectKey, targetKey } from './object-key.ts';
import { ConditionMaker, joinProblems, objectStatus, type Untimed } from './object-status.ts';
import { partiallyInvalid, ROUTE_ACCEPTED, ROUTE_REFS_RESOLVED } from './route-condition.ts';
import type {
  ParentVerdict,
  RouteAttachments,
  RouteContent,
  RouteKind,
  RouteObject,
  RouteRules,
  RouteTranslation,
} from './route-model.ts';
import { creationTimeMs } from './seniority.ts';

const NOTHING: RouteTranslation = {
  resource: undefined,
  clusters: [],
  status: undefined,
  attachedTo: [],
  gateways: [],
  targets: [],
};

/** `key`: `kind/namespace/name` */
export function translateRoute(key: string, reader: FactReader): RouteTranslation {
  const [kind = '', namespace, name = ''] = key.split('/');
  const route = reader.get(kind as RouteKind, objectKey(namespace, name));
  if (route === undefined) return NOTHING;
  const attached = reader.get('routeAttachments', route);
  if (attached.parents.length === 0) return NOTHING;
  const rules = reader.get('routeRules', route);
  const isServed = attached.attachments.length > 0 && !isEmpty(rules.content);
  const { controllerName } = reader.get('settings', '');
  return {
    resource: isServed ? createResource(route, attached, rules.content) : undefined,
    clusters: isServed ? rules.clusters : [],
    status: objectStatus(route, { parents: createParents(route, attached, rules, controllerName) }),
    attachedTo: isValid(rules) ? attached.listeners : [],
    gateways: isValid(rules) ? acceptingGateways(attached.parents) : [],
    targets: rules.targets,
  };
}

/** Whether something is left of the rules; a gRPC route may have none to begin with. */
function isValid({ ruleProblems }: RouteRules): boolean {
  return ruleProblems.length === 0 || ruleProblems.includes(undefined);
}

function isEmpty(content: RouteContent): boolean {
  return content.kind === 'route' && content.rules.length === 0;
}

function createResource(
  { kind, metadata }: RouteObject,
  { attachments }: RouteAttachments,
  content: RouteContent,
): Route | StreamRoute {
  const name = objectKey(metadata.namespace, metadata.name);
  const key = `route/${targetKey(kind, metadata.namespace, metadata.name)}`;
  const createdAtMs = creationTimeMs(metadata);
  if (content.kind === 'streamRoute')
    return { kind: content.kind, key, name, createdAtMs, attachments, backends: content.backends };
  const { protocol, rules } = content;
  return { kind: content.kind, key, protocol, name, createdAtMs, attachments, rules };
}

function createParents(
  { kind, metadata }: RouteObject,
  { parents }: RouteAttachments,
  rules: RouteRules,
  controllerName: string,
): Untimed<RouteStatus>['parents'] {
  const conditions = new ConditionMaker(metadata);
  const found = joinProblems(rules.ruleProblems.filter((problem) => problem !== undefined));
  return parents.map(({ parentRef, rejection }) => {
    const notAccepted = rejection ?? (isValid(rules) ? undefined : found);
    return {
      parentRef,
      controllerName,
      conditions: [
        conditions.unless(RouteCondition.Accepted, notAccepted, ROUTE_ACCEPTED),
        conditions.unless(RouteCondition.ResolvedRefs, rules.referenceProblem, ROUTE_REFS_RESOLVED),
        ...(found === undefined || notAccepted !== undefined
          ? []
          : [conditions.isTrue(RouteCondition.PartiallyInvalid, partiallyInvalid(kind, found))]),
      ],
    };
  });
}

function acceptingGateways(parents: readonly ParentVerdict[]): readonly string[] {
  const accepting = parents.flatMap(({ gateway, rejection }) => (rejection === undefined ? gateway : []));
  return [...new Set(accepting)];
}
