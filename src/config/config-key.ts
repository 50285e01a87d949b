// All keys of the static configuration, read off the schema: for the environment, for messages and for the reference page.
import type { TSchema } from 'typebox';
import { CONFIG_SCHEMA } from './schema.ts';

export interface ConfigKey {
  /** `drain.delay` */
  readonly name: string;
  readonly type: 'duration' | 'size' | 'address' | 'list' | 'flag' | 'number' | 'number or auto' | 'text';
  /** As it would be written; undefined where there is none. */
  readonly defaultText: string | undefined;
  readonly description: string;
}

interface SchemaNode extends TSchema {
  readonly type?: string;
  readonly pattern?: string;
  readonly anyOf?: readonly SchemaNode[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

/** In the order of the schema. */
export function configKeys(): readonly ConfigKey[] {
  const keys: ConfigKey[] = [];
  const visit = (schema: SchemaNode, prefix: string): void => {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (field.properties === undefined) keys.push(toKey(`${prefix}${name}`, field));
      else visit(field, `${prefix}${name}.`);
    }
  };
  visit(CONFIG_SCHEMA, '');
  return keys;
}

/** `drain.delay` → `SLUICE_DRAIN_DELAY` */
export function environmentName(key: string): string {
  return `SLUICE_${key
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;
}

function toKey(name: string, field: SchemaNode): ConfigKey {
  return {
    name,
    type: typeOf(field),
    defaultText: field.default === undefined ? undefined : defaultText(field.default),
    description: field.description ?? '',
  };
}

function typeOf({ type, pattern, anyOf }: SchemaNode): ConfigKey['type'] {
  if (type === 'array') return 'list';
  if (type === 'boolean') return 'flag';
  if (type === 'integer') return 'number';
  if (anyOf?.some((alternative) => alternative.const === 'auto') === true) return 'number or auto';
  if (anyOf?.some((alternative) => alternative.type === 'integer') === true) return 'size';
  if (pattern?.includes('ms') === true) return 'duration';
  return pattern === undefined ? 'text' : 'address';
}

function defaultText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
