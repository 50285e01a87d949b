// A rule of a GRPCRoute: matches, filters, backends.
import type { GRPCRouteFilter, GRPCRouteRule } from '../api/generated/grpc-route.ts';
import type { Filter } from '../ir/filter.ts';
import type { BackendResolver } from './backend-ref.ts';
import { compileGrpcMatch } from './grpc-route-match.ts';
import { FilterCompiler, type FilterPlace } from './http-route-filter.ts';
import type { Problem } from './object-status.ts';
import { unsupportedValue } from './route-condition.ts';
import { concludeRule, type CompiledRule, type RulePlace } from './route-rule.ts';

/** No method and no headers: every gRPC request. */
const ANY_REQUEST = [{}] as const;

export function compileGrpcRule(
  { matches = ANY_REQUEST, filters = [], backendRefs = [], sessionPersistence }: GRPCRouteRule,
  { name, field }: RulePlace,
  resolver: BackendResolver,
): CompiledRule {
  const problems: Problem[] = [];
  const compileFilters = (
    kind: FilterPlace['kind'],
    list: readonly GRPCRouteFilter[],
    listField: string,
  ): readonly Filter[] => new FilterCompiler(resolver, { kind, hasPrefix: false }, problems).compile(list, listField);

  const rule = {
    name,
    matches: (matches.length === 0 ? ANY_REQUEST : matches).flatMap(
      (match, index) => compileGrpcMatch(match, `${field}.matches[${index}]`, problems) ?? [],
    ),
    filters: compileFilters('rule', filters, `${field}.filters`),
    backends: backendRefs.map((ref, index) => {
      const refField = `${field}.backendRefs[${index}]`;
      return {
        ...resolver.resolveWeighted(ref, refField),
        filters: compileFilters('backendRef', ref.filters ?? [], `${refField}.filters`),
      };
    }),
    requestTimeoutMs: 0,
    backendRequestTimeoutMs: 0,
  };
  if (sessionPersistence !== undefined)
    problems.push(unsupportedValue(`${field}.sessionPersistence`, 'not supported yet'));
  return concludeRule(rule, problems);
}
