// The rules of an HTTPRoute, apart from where it attaches.
// A rule that can't be honoured whole answers 500 to what it matches: it is neither served in part, nor does a request fall
// through to a rule that was not meant for it. Where its matches can't be compiled either, it is left out.
import type { HTTPBackendRef, HTTPRoute, HTTPRouteRule } from '../api/generated/http-route.ts';
import type { Filter } from '../ir/filter.ts';
import type { RouteMatch, RouteRule, WeightedBackend } from '../ir/route.ts';
import { backendName, BackendResolver } from './backend-ref.ts';
import { parseDurationMs } from '../lib/duration.ts';
import type { FactReader } from './facts.ts';
import { FilterCompiler } from './http-route-filter.ts';
import { compileMatch } from './http-route-match.ts';
import { joinProblems, type Problem } from './object-status.ts';
import { incompatibleFilters, unsupportedValue } from './route-condition.ts';
import type { RouteRules } from './route-model.ts';

export function createRouteRules(route: HTTPRoute, reader: FactReader): RouteRules {
  const resolver = new BackendResolver(reader, route.metadata.namespace);
  const rules: RouteRule[] = [];
  const ruleProblems: (Problem | undefined)[] = [];
  for (const [index, rule] of route.spec.rules.entries()) {
    const compiled = new RuleCompiler(route, rule, index, resolver).compile();
    ruleProblems.push(compiled.problem);
    if (compiled.rule !== undefined) rules.push(compiled.rule);
  }
  return {
    rules,
    ruleProblems,
    referenceProblem: joinProblems(resolver.problems),
    clusters: [...new Set(rules.flatMap(clustersOf))],
    targets: resolver.targets,
  };
}

interface CompiledRule {
  readonly rule: RouteRule | undefined;
  readonly problem: Problem | undefined;
}

class RuleCompiler {
  readonly #route: HTTPRoute;
  readonly #rule: HTTPRouteRule;
  readonly #index: number;
  readonly #field: string;
  readonly #resolver: BackendResolver;
  readonly #problems: Problem[] = [];

  constructor(route: HTTPRoute, rule: HTTPRouteRule, index: number, resolver: BackendResolver) {
    this.#route = route;
    this.#rule = rule;
    this.#index = index;
    this.#field = `spec.rules[${index}]`;
    this.#resolver = resolver;
  }

  compile(): CompiledRule {
    const matches = this.#compileMatches();
    const filters = this.#compileFilters('rule', this.#rule.filters ?? [], `${this.#field}.filters`);
    const backends = (this.#rule.backendRefs ?? []).map((ref, index) =>
      this.#compileBackend(ref, `${this.#field}.backendRefs[${index}]`),
    );
    this.#checkCombination(filters, backends);
    this.#checkUnsupportedFields();
    const requestTimeoutMs = this.#compileTimeout('request');
    const backendRequestTimeoutMs = this.#compileTimeout('backendRequest');
    const name = this.#name();
    const problem = joinProblems(this.#problems);
    if (problem === undefined)
      return { rule: { name, matches, filters, backends, requestTimeoutMs, backendRequestTimeoutMs }, problem };
    if (matches.length === 0) return { rule: undefined, problem };
    const failing = { filters: [], backends: [], requestTimeoutMs: 0, backendRequestTimeoutMs: 0 };
    return { rule: { name, matches, ...failing }, problem };
  }

  #compileMatches(): readonly RouteMatch[] {
    return this.#rule.matches.flatMap(
      (match, index) => compileMatch(match, `${this.#field}.matches[${index}]`, this.#problems) ?? [],
    );
  }

  #compileFilters(
    kind: 'rule' | 'backendRef',
    filters: NonNullable<HTTPRouteRule['filters']>,
    field: string,
  ): readonly Filter[] {
    const hasPrefix = this.#rule.matches.every(({ path }) => path.type === 'PathPrefix');
    return new FilterCompiler(this.#resolver, { kind, hasPrefix }, this.#problems).compile(filters, field);
  }

  #compileBackend(ref: HTTPBackendRef, field: string): WeightedBackend {
    const cluster = this.#resolver.resolve(ref, field);
    return {
      name: backendName(ref, this.#route.metadata.namespace),
      weight: ref.weight,
      ...(cluster === undefined ? {} : { cluster }),
      filters: this.#compileFilters('backendRef', ref.filters ?? [], `${field}.filters`),
    };
  }

  /** Filters of the rule run first, so that a second path rewrite would work on a path that no match saw. */
  #checkCombination(filters: readonly Filter[], backends: readonly WeightedBackend[]): void {
    if (!filters.some(rewritesPath)) return;
    for (const [index, backend] of backends.entries()) {
      if (!backend.filters.some(rewritesPath)) continue;
      const field = `${this.#field}.backendRefs[${index}].filters`;
      this.#problems.push(incompatibleFilters(field, 'the rule has a URLRewrite that replaces the path already'));
    }
  }

  #checkUnsupportedFields(): void {
    const { retry, sessionPersistence } = this.#rule;
    if (retry !== undefined && retry.attempts > 0)
      this.#problems.push(
        unsupportedValue(`${this.#field}.retry`, 'retries are not supported yet; attempts must be 0'),
      );
    if (sessionPersistence !== undefined)
      this.#problems.push(unsupportedValue(`${this.#field}.sessionPersistence`, 'not supported yet'));
  }

  #compileTimeout(name: 'request' | 'backendRequest'): number {
    const text = this.#rule.timeouts?.[name];
    if (text === undefined) return 0;
    const timeoutMs = parseDurationMs(text);
    if (timeoutMs === undefined)
      this.#problems.push(
        unsupportedValue(`${this.#field}.timeouts.${name}`, 'must be a duration such as 10s or 500ms'),
      );
    return timeoutMs ?? 0;
  }

  /** The index, unless another rule is called so; `#` occurs in no name. */
  #name(): string {
    const { name } = this.#rule;
    if (name !== undefined) return name;
    const index = String(this.#index);
    return this.#route.spec.rules.some((other) => other.name === index) ? `#${index}` : index;
  }
}

function rewritesPath(filter: Filter): boolean {
  return filter.kind === 'urlRewrite' && filter.path !== undefined;
}

function clustersOf({ filters, backends }: RouteRule): readonly string[] {
  const mirrors = [...filters, ...backends.flatMap((backend) => backend.filters)].flatMap((filter) =>
    filter.kind === 'requestMirror' ? filter.cluster : [],
  );
  return [...backends.flatMap(({ cluster }) => cluster ?? []), ...mirrors];
}
