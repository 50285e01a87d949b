// A rule of an HTTPRoute: matches, filters, backends, timeouts, retries.
import type { HTTPBackendRef, HTTPRouteRule } from '../api/generated/http-route.ts';
import type { Filter } from '../ir/filter.ts';
import type { RouteMatch, WeightedBackend } from '../ir/route.ts';
import type { BackendResolver } from './backend-ref.ts';
import { parseDurationMs } from '../lib/duration.ts';
import { FilterCompiler } from './http-route-filter.ts';
import { compileMatch } from './http-route-match.ts';
import { compileRetry } from './http-route-retry.ts';
import type { Problem } from './object-status.ts';
import { incompatibleFilters, unsupportedValue } from './route-condition.ts';
import { concludeRule, type CompiledRule, type RulePlace } from './route-rule.ts';

export function compileHttpRule(rule: HTTPRouteRule, place: RulePlace, resolver: BackendResolver): CompiledRule {
  return new RuleCompiler(rule, place, resolver).compile();
}

class RuleCompiler {
  readonly #rule: HTTPRouteRule;
  readonly #name: string;
  readonly #field: string;
  readonly #resolver: BackendResolver;
  readonly #problems: Problem[] = [];

  constructor(rule: HTTPRouteRule, { name, field }: RulePlace, resolver: BackendResolver) {
    this.#rule = rule;
    this.#name = name;
    this.#field = field;
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
    const retry = this.#rule.retry && compileRetry(this.#rule.retry, `${this.#field}.retry`, this.#problems);
    const rule = { name: this.#name, matches, filters, backends, requestTimeoutMs, backendRequestTimeoutMs };
    return concludeRule({ ...rule, ...(retry && { retry }) }, this.#problems);
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
    return {
      ...this.#resolver.resolveWeighted(ref, field),
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
    if (this.#rule.sessionPersistence !== undefined)
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
}

function rewritesPath(filter: Filter): boolean {
  return filter.kind === 'urlRewrite' && filter.path !== undefined;
}
