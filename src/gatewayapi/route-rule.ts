// What rules of HTTPRoutes and GRPCRoutes have in common.
// A rule that can't be honoured whole answers 500 to what it matches: it is neither served in part, nor does a request fall
// through to a rule that was not meant for it. Where its matches can't be compiled either, it is left out.
import type { RouteRule } from '../ir/route.ts';
import { joinProblems, type Problem } from './object-status.ts';

/** A rule's place in its route. */
export interface RulePlace {
  /** RouteRule.name */
  readonly name: string;
  /** `spec.rules[0]` */
  readonly field: string;
}

export interface CompiledRule {
  readonly rule: RouteRule | undefined;
  readonly problem: Problem | undefined;
}

const FAILING = { filters: [], backends: [], requestTimeoutMs: 0, backendRequestTimeoutMs: 0 } as const;

export function concludeRule(rule: RouteRule, problems: readonly Problem[]): CompiledRule {
  const problem = joinProblems(problems);
  if (problem === undefined) return { rule, problem };
  const { name, matches } = rule;
  return { rule: matches.length === 0 ? undefined : { name, matches, ...FAILING }, problem };
}

/** The rule's name, else its index, unless another rule is called so; `#` occurs in no name. */
export function ruleName(rules: readonly { readonly name?: string }[], index: number): string {
  const name = rules[index]?.name;
  if (name !== undefined) return name;
  return rules.some((other) => other.name === String(index)) ? `#${index}` : String(index);
}
