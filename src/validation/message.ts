// The sentences of structural problems: each says what is wrong and, where that is known, what to write instead.
import type { Schema } from '../api/schema.ts';
import { nearestName } from '../lib/nearest-name.ts';
import { formatPath, show, type Problem } from './problem.ts';

type TypeName = NonNullable<Schema['type']>;

const TYPE_NAMES: Readonly<Record<TypeName | 'null', string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'an integer',
  null: 'null',
  number: 'a number',
  object: 'a mapping',
  string: 'a string',
};

const MAX_LISTED_FIELDS = 12;

export function typeOf(value: unknown): TypeName | 'null' {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (typeof value === 'string') return 'string';
  return typeof value === 'boolean' ? 'boolean' : 'object';
}

export function typeMessage(value: unknown, wanted: TypeName): string {
  const given = typeOf(value);
  const found = given === 'boolean' ? String(value) : TYPE_NAMES[given];
  return `must be ${TYPE_NAMES[wanted]}, not ${found}${typeAdvice(given, wanted)}`;
}

function typeAdvice(given: TypeName | 'null', wanted: TypeName): string {
  if (given === 'null') return '';
  if (wanted === 'array') return '; begin each item with a hyphen';
  if (wanted === 'string' && given !== 'array' && given !== 'object') return '; put it in quotes';
  return given === 'string' && wanted !== 'object' ? '; write it without quotes' : '';
}

export function unknownFieldMessage(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  if (nearest !== undefined) return `unknown field; did you mean ${nearest}?`;
  const listed = known.slice(0, MAX_LISTED_FIELDS).join(', ');
  return `unknown field; the fields here are ${listed}${known.length > MAX_LISTED_FIELDS ? ', …' : ''}`;
}

export function enumMessage(value: unknown, allowed: readonly unknown[]): string {
  const texts = allowed.filter((item) => typeof item === 'string');
  const nearest = typeof value === 'string' ? nearestName(value, texts) : undefined;
  const choice = `must be ${allowed.length === 1 ? '' : 'one of '}${allowed.map(show).join(', ')}`;
  return `${choice}; found ${show(value)}${nearest === undefined ? '' : ` (did you mean ${show(nearest)}?)`}`;
}

/** The least and the greatest allowed value. */
export type Limits = readonly [minimum: number | undefined, maximum: number | undefined];

/** What a limit counts. */
export type Measure = 'characters' | 'fields' | 'items' | 'range';

export function limitsMessage(size: number, [minimum, maximum]: Limits, measure: Measure): string {
  const least = minimum === undefined ? [] : [`at least ${minimum}`];
  const most = maximum === undefined ? [] : [`at most ${maximum}`];
  const limits = [...least, ...most].join(' and ');
  return measure === 'range' ? `must be ${limits}; found ${size}` : `must have ${limits} ${measure}; found ${size}`;
}

/** Why a value has not one of the forms that it may have. */
export function violationText(violations: readonly Problem[]): string {
  const [first] = violations;
  return first === undefined ? '' : `${formatPath(first.path)} ${first.message}`.trim();
}
