// Applies the CEL rules of a schema to an object whose structure is known to be right. Visits only what rules see: each value is
// converted for CEL once, bottom up, and a part of the schema that no rule reaches is never entered.
import { celList, celMap, type CelInput } from '@bufbuild/cel';
import type { Schema, ValidationRule } from '../api/schema.ts';
import { isFields, type Fields } from './normalizer.ts';
import type { ProblemList } from './problem.ts';
import { celPropertyNames, type RuleCompiler } from './rule-program.ts';

/** A schema reduced to what the rules need. */
interface RuleNode {
  readonly rules: readonly ValidationRule[];
  readonly integer: boolean;
  /** Whether a rule here or further up reads the value. */
  readonly converted: boolean;
  readonly properties: readonly {
    readonly name: string;
    readonly celNames: readonly string[];
    readonly node: RuleNode;
  }[];
  readonly items: RuleNode | undefined;
  readonly entries: RuleNode | undefined;
}

/** Checks objects of one kind. */
export class RuleChecker {
  readonly #root: RuleNode | undefined;
  readonly #compiler: RuleCompiler;

  constructor(schema: Schema, compiler: RuleCompiler) {
    this.#root = ruleNode(schema, false);
    this.#compiler = compiler;
  }

  check(value: unknown, problems: ProblemList): void {
    if (this.#root !== undefined) this.#visit(value, this.#root, problems);
  }

  /** Checks a value and all below it; gives its CEL form if a rule further up reads it. */
  #visit(value: unknown, node: RuleNode, problems: ProblemList): CelInput {
    const self = this.#convert(value, node, problems);
    for (const { rule, message } of node.rules) {
      if (!this.#compiler.compile(rule)(self)) problems.add('rule', message ?? `breaks the rule ${rule}`);
    }
    return self;
  }

  #convert(value: unknown, node: RuleNode, problems: ProblemList): CelInput {
    if (Array.isArray(value)) return node.items ? this.#convertItems(value, node.items, problems) : null;
    if (isFields(value)) return this.#convertFields(value, node, problems);
    return node.integer && typeof value === 'number' ? BigInt(value) : (value as CelInput);
  }

  #convertItems(items: readonly unknown[], node: RuleNode, problems: ProblemList): CelInput {
    const converted = items.map((item, index) => {
      problems.enter(index);
      const self = this.#visit(item, node, problems);
      problems.leave();
      return self;
    });
    return node.converted ? celList(converted) : null;
  }

  #convertFields(fields: Fields, node: RuleNode, problems: ProblemList): CelInput {
    const converted = new Map<string, CelInput>();
    const { entries } = node;
    const parts = entries
      ? Object.keys(fields).map((name) => ({ name, celNames: [name], node: entries }))
      : node.properties;
    for (const part of parts) {
      const value = fields[part.name];
      if (value === undefined) continue;
      problems.enter(part.name);
      const self = this.#visit(value, part.node, problems);
      problems.leave();
      if (node.converted) for (const celName of part.celNames) converted.set(celName, self);
    }
    return node.converted ? celMap(converted) : null;
  }
}

/** Undefined when no rule reaches the schema. Transition rules compare with an older object, which there is none of here. */
function ruleNode(schema: Schema, read: boolean): RuleNode | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).filter(({ rule }) => !/\boldSelf\b/.test(rule));
  const converted = read || rules.length > 0;
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const node = ruleNode(property, converted);
    return node === undefined ? [] : [{ name, celNames: celPropertyNames(name), node }];
  });
  const items = schema.items && ruleNode(schema.items, converted);
  const entries = schema.additionalProperties && ruleNode(schema.additionalProperties, converted);
  if (!converted && properties.length === 0 && items === undefined && entries === undefined) return undefined;
  const integer = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
  return { rules, integer, converted, properties, items, entries };
}
