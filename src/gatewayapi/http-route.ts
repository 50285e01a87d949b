// An HTTPRoute as a whole: its Route in the IR and its status, from where it attaches and what its rules mean.
import { RouteCondition } from '../api/condition.ts';
import type { HTTPRoute } from '../api/generated/http-route.ts';
import type { RouteStatus } from '../api/generated/shared.ts';
import type { Route } from '../ir/route.ts';
import type { FactReader } from './facts.ts';
import { targetKey } from './object-key.ts';
import { ConditionMaker, joinProblems, objectStatus, type Untimed } from './object-status.ts';
import { partiallyInvalid, ROUTE_ACCEPTED, ROUTE_REFS_RESOLVED } from './route-condition.ts';
import type { ParentVerdict, RouteAttachments, RouteRules, RouteTranslation } from './route-model.ts';
import { creationTimeMs } from './seniority.ts';

const NOTHING: RouteTranslation = {
  resource: undefined,
  clusters: [],
  statusKey: '',
  status: undefined,
  attachedTo: [],
  gateways: [],
  targets: [],
};

export function translateHttpRoute(key: string, reader: FactReader): RouteTranslation {
  const route = reader.get('HTTPRoute', key);
  if (route === undefined) return NOTHING;
  const attached = reader.get('routeAttachments', route);
  if (attached.parents.length === 0) return NOTHING;
  const rules = reader.get('routeRules', route);
  const isAccepted = rules.ruleProblems.includes(undefined);
  const isServed = attached.attachments.length > 0 && rules.rules.length > 0;
  const { controllerName } = reader.get('settings', '');
  return {
    resource: isServed ? createRoute(key, route, attached, rules) : undefined,
    clusters: isServed ? rules.clusters : [],
    statusKey: targetKey('HTTPRoute', undefined, key),
    status: objectStatus(route, { parents: createParents(route, attached, rules, controllerName) }),
    attachedTo: isAccepted ? attached.listeners : [],
    gateways: isAccepted ? acceptingGateways(attached.parents) : [],
    targets: rules.targets,
  };
}

function createRoute(key: string, route: HTTPRoute, { attachments }: RouteAttachments, { rules }: RouteRules): Route {
  return {
    kind: 'route',
    key: `route/HTTPRoute/${key}`,
    protocol: 'http',
    name: key,
    createdAtMs: creationTimeMs(route.metadata),
    attachments,
    rules,
  };
}

function createParents(
  route: HTTPRoute,
  { parents }: RouteAttachments,
  { ruleProblems, referenceProblem }: RouteRules,
  controllerName: string,
): Untimed<RouteStatus>['parents'] {
  const conditions = new ConditionMaker(route.metadata);
  const found = joinProblems(ruleProblems.filter((problem) => problem !== undefined));
  const isInvalid = !ruleProblems.includes(undefined);
  return parents.map(({ parentRef, rejection }) => {
    const notAccepted = rejection ?? (isInvalid ? found : undefined);
    return {
      parentRef,
      controllerName,
      conditions: [
        conditions.unless(RouteCondition.Accepted, notAccepted, ROUTE_ACCEPTED),
        conditions.unless(RouteCondition.ResolvedRefs, referenceProblem, ROUTE_REFS_RESOLVED),
        ...(found === undefined || notAccepted !== undefined
          ? []
          : [conditions.isTrue(RouteCondition.PartiallyInvalid, partiallyInvalid(found))]),
      ],
    };
  });
}

function acceptingGateways(parents: readonly ParentVerdict[]): readonly string[] {
  const accepting = parents.flatMap(({ gateway, rejection }) => (rejection === undefined ? (gateway ?? []) : []));
  return [...new Set(accepting)];
}
