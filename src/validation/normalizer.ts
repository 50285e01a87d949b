// Walks an object along its schema once: checks structure and values, refuses or drops unknown fields, applies defaults, and
// gives back a copy whose fields stand in the schema's order. The input is never changed, and never walked deeper than the schema.
import type { Schema } from '../api/schema.ts';
import { formatViolation } from './format.ts';
import {
  enumMessage,
  limitsMessage,
  typeMessage,
  typeOf,
  unknownFieldMessage,
  violationText,
  type Limits,
  type Measure,
} from './message.ts';
import { patternMeaning, type PatternCache } from './pattern.ts';
import { ProblemList, show, type Problem } from './problem.ts';

export interface NormalizeOptions {
  /** Kinds of our CRDs refuse unknown fields; of core kinds only some fields are read and the others dropped. */
  readonly unknownFields: 'refuse' | 'drop';
  readonly patterns: PatternCache;
}

/** A mapping as a parser gives it. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks and copies values of one object; problems go to its list, and what is returned counts only when there are none. */
export class Normalizer {
  readonly #problems: ProblemList;
  readonly #options: NormalizeOptions;

  constructor(problems: ProblemList, options: NormalizeOptions) {
    this.#problems = problems;
    this.#options = options;
  }

  /** A defaulted copy of a value. */
  normalize(value: unknown, schema: Schema): unknown {
    if (!this.#hasType(value, schema)) return value;
    let copy = value;
    if (Array.isArray(value)) copy = this.#normalizeItems(value, schema);
    else if (isFields(value)) {
      const { additionalProperties } = schema;
      copy = additionalProperties
        ? this.#normalizeEntries(value, additionalProperties)
        : this.#normalizeFields(value, schema);
    }
    this.#checkValue(copy, schema);
    return copy;
  }

  #hasType(value: unknown, schema: Schema): boolean {
    if (schema['x-kubernetes-int-or-string']) return this.#isIntOrString(value);
    const { type } = schema;
    if (type === undefined || typeOf(value) === type || (type === 'number' && typeof value === 'number')) return true;
    this.#problems.add('type', typeMessage(value, type));
    return false;
  }

  #isIntOrString(value: unknown): boolean {
    if (typeof value === 'string' || Number.isInteger(value)) return true;
    this.#problems.add('type', 'must be an integer or a string');
    return false;
  }

  #normalizeFields(fields: Fields, schema: Schema): Fields {
    const { properties = {}, required = [] } = schema;
    this.#checkUnknown(fields, properties);
    const copy: Record<string, unknown> = {};
    for (const name in properties) {
      const property = properties[name] as Schema;
      // As in the API server, null in a field that cannot be null counts as absent.
      const given = Object.hasOwn(fields, name) ? fields[name] : undefined;
      const value = given ?? property.default;
      if (value === undefined) {
        if (required.includes(name)) this.#problems.add('required', 'is required', name);
        continue;
      }
      this.#problems.enter(name);
      copy[name] = this.normalize(value, property);
      this.#problems.leave();
    }
    return copy;
  }

  #checkUnknown(fields: Fields, properties: Readonly<Record<string, Schema>>): void {
    if (this.#options.unknownFields === 'drop') return;
    for (const name of Object.keys(fields)) {
      if (Object.hasOwn(properties, name)) continue;
      if (this.#problems.full) return;
      this.#problems.add('unknown-field', unknownFieldMessage(name, Object.keys(properties)), name);
    }
  }

  /** A map with free keys. */
  #normalizeEntries(fields: Fields, schema: Schema): Fields {
    const entries: [string, unknown][] = [];
    for (const [key, value] of Object.entries(fields)) {
      if (value === null) continue;
      if (this.#problems.full) break;
      this.#problems.enter(key);
      entries.push([key, this.normalize(value, schema)]);
      this.#problems.leave();
    }
    return Object.fromEntries(entries);
  }

  #normalizeItems(items: readonly unknown[], schema: Schema): readonly unknown[] {
    // Too many items are one problem; looking at each of them is wasted work.
    if (items.length > (schema.maxItems ?? Infinity)) return items;
    const copy: unknown[] = [];
    const problemsBefore = this.#problems.found.length;
    for (const [index, item] of items.entries()) {
      if (this.#problems.full) break;
      this.#problems.enter(index);
      copy.push(this.normalize(item, schema.items ?? {}));
      this.#problems.leave();
    }
    const sound = this.#problems.found.length === problemsBefore;
    if (sound && schema['x-kubernetes-list-type'] !== undefined) this.#checkDuplicates(copy, schema);
    return copy;
  }

  #checkDuplicates(items: readonly unknown[], schema: Schema): void {
    const keys = schema['x-kubernetes-list-map-keys'];
    const relation = keys === undefined ? 'repeats' : `has the same ${keys.join(' and ')} as`;
    const seen = new Map<string, number>();
    for (const [index, item] of items.entries()) {
      const identity = keys === undefined ? item : keys.map((key) => (isFields(item) ? item[key] : undefined));
      const text = JSON.stringify(identity);
      const first = seen.get(text);
      if (first === undefined) seen.set(text, index);
      else this.#problems.add('duplicate', `${relation} item ${first} of the list`, index);
    }
  }

  /** Checks everything about a value but its type; also used for the untyped schemas below oneOf, anyOf, allOf and not. */
  #checkValue(value: unknown, schema: Schema): void {
    if (schema.enum !== undefined && !schema.enum.includes(value)) {
      this.#problems.add('value', enumMessage(value, schema.enum));
    }
    if (typeof value === 'string') {
      this.#checkText(value, schema);
    } else if (typeof value === 'number') {
      this.#checkLimits(value, [schema.minimum, schema.maximum], 'range');
    } else if (Array.isArray(value)) {
      this.#checkLimits(value.length, [schema.minItems, schema.maxItems], 'items');
    } else if (isFields(value)) {
      this.#checkLimits(Object.keys(value).length, [schema.minProperties, schema.maxProperties], 'fields');
    }
    const formatMeaning = schema.format && formatViolation(value, schema.format);
    if (formatMeaning !== undefined) this.#problems.add('format', `must be ${formatMeaning}`);
    this.#checkForms(value, schema);
  }

  #checkText(text: string, { minLength, maxLength, pattern }: Schema): void {
    // Lengths count code points; a text has at most twice as many code units.
    const doubtful = text.length < 2 * (minLength ?? 0) || text.length > (maxLength ?? Infinity);
    const fits = this.#checkLimits(
      doubtful ? countCodePoints(text) : text.length,
      [minLength, maxLength],
      'characters',
    );
    // A text that is too long is not worth the time that a pattern may take.
    if (fits && pattern !== undefined && !this.#options.patterns.compile(pattern).test(text)) {
      this.#problems.add('pattern', `must be ${patternMeaning(pattern)}; found ${show(text)}`);
    }
  }

  #checkLimits(size: number, limits: Limits, measure: Measure): boolean {
    const [minimum = -Infinity, maximum = Infinity] = limits;
    const fits = size >= minimum && size <= maximum;
    if (!fits) this.#problems.add(measure, limitsMessage(size, limits, measure));
    return fits;
  }

  /** oneOf, anyOf, allOf and not, whose schemas say nothing about structure. */
  #checkForms(value: unknown, schema: Schema): void {
    for (const form of schema.allOf ?? []) this.#checkForm(value, form);
    if (schema.not && this.#violations(value, schema.not).length === 0) {
      this.#problems.add('form', `must not be ${show(value)}`);
    }
    const forms = schema.oneOf ?? schema.anyOf;
    if (forms === undefined) return;
    const violations = forms.map((form) => this.#violations(value, form));
    const fitting = violations.filter((list) => list.length === 0).length;
    if (fitting === 0) this.#problems.add('form', violations.map(violationText).join(', or '));
    else if (fitting > 1 && schema.oneOf) this.#problems.add('form', 'must have exactly one of its possible forms');
  }

  #violations(value: unknown, form: Schema): readonly Problem[] {
    const problems = new ProblemList();
    new Normalizer(problems, this.#options).#checkForm(value, form);
    return problems.found;
  }

  #checkForm(value: unknown, form: Schema): void {
    this.#checkValue(value, form);
    if (!isFields(value)) return;
    for (const [name, property] of Object.entries(form.properties ?? {})) {
      if (value[name] === undefined) continue;
      this.#problems.enter(name);
      this.#checkForm(value[name], property);
      this.#problems.leave();
    }
  }
}

function countCodePoints(text: string): number {
  let count = 0;
  for (const _character of text) count++;
  return count;
}
