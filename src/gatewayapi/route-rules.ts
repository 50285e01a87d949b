// What the rules of a route of any kind mean, apart from where it attaches.
import type { TCPRoute } from '../api/generated/tcp-route.ts';
import type { TLSRoute } from '../api/generated/tls-route.ts';
import type { UDPRoute } from '../api/generated/udp-route.ts';
import type { Route } from '../ir/route.ts';
import { BackendResolver } from './backend-ref.ts';
import type { FactReader } from './facts.ts';
import { compileGrpcRule } from './grpc-route-rule.ts';
import { compileHttpRule } from './http-route-rule.ts';
import { joinProblems } from './object-status.ts';
import type { RouteContent, RouteObject, RouteRules } from './route-model.ts';
import { ruleName, type CompiledRule, type RulePlace } from './route-rule.ts';

export function createRouteRules(route: RouteObject, reader: FactReader): RouteRules {
  const resolver = new BackendResolver(reader, route);
  const { content, ruleProblems } = compileRules(route, resolver);
  return {
    content,
    ruleProblems,
    referenceProblem: joinProblems(resolver.problems),
    clusters: [...new Set(clustersOf(content))],
    targets: resolver.targets,
  };
}

type CompiledRules = Pick<RouteRules, 'content' | 'ruleProblems'>;

function compileRules(route: RouteObject, resolver: BackendResolver): CompiledRules {
  switch (route.kind) {
    case 'HTTPRoute':
      return requestRules('http', route.spec.rules, (rule, place) => compileHttpRule(rule, place, resolver));
    case 'GRPCRoute':
      return requestRules('grpc', route.spec.rules ?? [], (rule, place) => compileGrpcRule(rule, place, resolver));
    case 'TLSRoute':
    case 'TCPRoute':
    case 'UDPRoute':
      return { content: streamContent(route, resolver), ruleProblems: [] };
  }
}

function requestRules<R extends { readonly name?: string }>(
  protocol: Route['protocol'],
  rules: readonly R[],
  compile: (rule: R, place: RulePlace) => CompiledRule,
): CompiledRules {
  const compiled = rules.map((rule, index) =>
    compile(rule, { name: ruleName(rules, index), field: `spec.rules[${index}]` }),
  );
  return {
    content: { kind: 'route', protocol, rules: compiled.flatMap(({ rule }) => rule ?? []) },
    ruleProblems: compiled.map(({ problem }) => problem),
  };
}

/** There is one rule; of several, which older CRDs allow, nothing tells which is meant for what. */
function streamContent({ spec }: TLSRoute | TCPRoute | UDPRoute, resolver: BackendResolver): RouteContent {
  const refs = spec.rules[0]?.backendRefs ?? [];
  const backends = refs.map((ref, index) => ({
    ...resolver.resolveWeighted(ref, `spec.rules[0].backendRefs[${index}]`),
    filters: [],
  }));
  return { kind: 'streamRoute', backends };
}

function clustersOf(content: RouteContent): readonly string[] {
  const rules = content.kind === 'route' ? content.rules : [{ filters: [], backends: content.backends }];
  return rules.flatMap(({ filters, backends }) => [
    ...backends.flatMap(({ cluster }) => cluster ?? []),
    ...[...filters, ...backends.flatMap((backend) => backend.filters)].flatMap((filter) =>
      filter.kind === 'requestMirror' ? filter.cluster : [],
    ),
  ]);
}
