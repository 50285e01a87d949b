// Object metadata: the schema of what a manifest may say, and the checks that a schema cannot express. What a server sets is
// ignored, so that objects copied from a cluster are accepted.
import type { ObjectMeta } from '../api/object.ts';
import type { ResourceKind, Schema } from '../api/schema.ts';
import type { Fields } from './normalizer.ts';
import { DOMAIN_PATTERN, LABEL_PATTERN, LABEL_VALUE_PATTERN } from './pattern.ts';
import type { ProblemList } from './problem.ts';

export const DEFAULT_NAMESPACE = 'default';

const MAX_LABEL_LENGTH = 63;
const MAX_DOMAIN_LENGTH = 253;
const MAX_ANNOTATIONS_CHARACTERS = 256 * 1024;

/** RFC 1123 labels and subdomains, the two kinds of names. */
const LABEL: Schema = { type: 'string', minLength: 1, maxLength: MAX_LABEL_LENGTH, pattern: LABEL_PATTERN };
const SUBDOMAIN: Schema = { type: 'string', minLength: 1, maxLength: MAX_DOMAIN_LENGTH, pattern: DOMAIN_PATTERN };

/** Kinds whose names become parts of host names. */
const KINDS_NAMED_BY_LABEL: ReadonlySet<string> = new Set(['Namespace', 'Service']);

/** What a server sets, and what only a server acts upon. */
const IGNORED_FIELDS: ReadonlySet<string> = new Set([
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
]);

export function metadataSchema({ kind, group, namespaced }: ResourceKind): Schema {
  const labelled = group === '' && KINDS_NAMED_BY_LABEL.has(kind);
  return {
    type: 'object',
    required: ['name'],
    properties: {
      name: labelled ? LABEL : SUBDOMAIN,
      ...(namespaced ? { namespace: { ...LABEL, default: DEFAULT_NAMESPACE } } : {}),
      labels: {
        type: 'object',
        additionalProperties: { type: 'string', maxLength: MAX_LABEL_LENGTH, pattern: LABEL_VALUE_PATTERN },
      },
      annotations: { type: 'object', additionalProperties: { type: 'string' } },
      creationTimestamp: { type: 'string', format: 'date-time' },
    },
  };
}

/** Metadata without what a server sets, and without the namespace of an object that has none. */
export function withoutIgnoredFields(metadata: Fields, { namespaced }: ResourceKind): Fields {
  const kept = ([name]: [string, unknown]): boolean =>
    !IGNORED_FIELDS.has(name) && (namespaced || name !== 'namespace');
  return Object.fromEntries(Object.entries(metadata).filter(kept));
}

/** Checks the keys of labels and annotations, and the size of the latter. */
export function checkMetadata(metadata: ObjectMeta, problems: ProblemList): void {
  const { labels = {}, annotations = {} } = metadata;
  checkKeys('labels', Object.keys(labels), problems);
  checkKeys('annotations', Object.keys(annotations), problems);
  const characters = Object.entries(annotations).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (characters > MAX_ANNOTATIONS_CHARACTERS) {
    problems.add(
      'size',
      `must have at most ${MAX_ANNOTATIONS_CHARACTERS} characters in all, has ${characters}`,
      'annotations',
    );
  }
}

const KEY_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const KEY_PREFIX = new RegExp(DOMAIN_PATTERN);

function checkKeys(field: string, keys: readonly string[], problems: ProblemList): void {
  problems.enter(field);
  for (const key of keys) {
    if (isQualifiedName(key)) continue;
    problems.add('key', 'the key must be a name of at most 63 characters, or domain/name', key);
  }
  problems.leave();
}

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/');
  const [prefix, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  if (name.length > MAX_LABEL_LENGTH || !KEY_NAME.test(name)) return false;
  return prefix === undefined || (prefix.length <= MAX_DOMAIN_LENGTH && KEY_PREFIX.test(prefix.toLowerCase()));
}
