// Does with a manifest what an API server would: recognises its kind, checks and defaults it, and applies the kind's rules.
// The result shares nothing with the input. Schemas and rules of a kind are built when its first object comes.
import { CORE_KINDS, CUSTOM_RESOURCES, GATEWAY_GROUP, KINDS, SLUICE_GROUP } from '../api/kinds.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { ResourceKind, Schema } from '../api/schema.ts';
import { completeCoreObject } from './core-object.ts';
import { CORE_SCHEMAS } from './core-schema.ts';
import { checkMetadata, metadataSchema, withoutIgnoredFields } from './metadata.ts';
import { nearestName } from '../lib/nearest-name.ts';
import { isFields, Normalizer, type Fields } from './normalizer.ts';
import { PatternCache } from './pattern.ts';
import { ProblemList, show, type Problem } from './problem.ts';
import { RuleChecker } from './rule-checker.ts';
import { RuleCompiler } from './rule-program.ts';

export type Validation =
  /** Defaulted, without status, in the first version of its kind, and of the type that src/api has for the kind. */
  | { readonly outcome: 'valid'; readonly object: KubernetesObject }
  | { readonly outcome: 'invalid'; readonly problems: readonly Problem[] }
  /** Of a kind that is none of Sluice's business, such as a Deployment. */
  | { readonly outcome: 'unrelated' };

export interface Validator {
  /** Takes one manifest as parsed from YAML or JSON; kind List is for the caller to expand. Never throws. */
  validate(manifest: unknown): Validation;
}

/** Checks an object of one kind; returns the normalised object, which counts only when no problem was reported. */
type KindCheck = (fields: Fields, problems: ProblemList) => KubernetesObject;

export function createValidator(): Validator {
  const patterns = new PatternCache();
  const compiler = new RuleCompiler(patterns);
  const checks = new Map<ResourceKind, KindCheck>();

  function check(manifest: unknown, problems: ProblemList): KubernetesObject | undefined {
    if (!isFields(manifest)) {
      problems.add('type', 'must be a mapping with apiVersion, kind and metadata');
      return undefined;
    }
    const kind = recognizeKind(manifest, problems);
    if (kind === undefined) return undefined;
    let kindCheck = checks.get(kind);
    if (kindCheck === undefined) checks.set(kind, (kindCheck = createKindCheck(kind, patterns, compiler)));
    return kindCheck(manifest, problems);
  }

  return {
    validate(manifest) {
      const problems = new ProblemList();
      const object = check(manifest, problems);
      if (problems.found.length > 0) return { outcome: 'invalid', problems: problems.found };
      return object === undefined ? { outcome: 'unrelated' } : { outcome: 'valid', object };
    },
  };
}

const API_VERSION = /^(?:([^/]+)\/)?([^/]+)$/;

/** The kind of a manifest; undefined with a problem when it is broken, and without one when it is none of ours. */
function recognizeKind({ apiVersion, kind }: Fields, problems: ProblemList): ResourceKind | undefined {
  if (typeof apiVersion !== 'string') problems.add('required', 'is required and must be a string', 'apiVersion');
  if (typeof kind !== 'string') problems.add('required', 'is required and must be a string', 'kind');
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  const [, group = '', version = ''] = API_VERSION.exec(apiVersion) ?? [];
  const kindsOfGroup = KINDS.filter((candidate) => candidate.group === group);
  const found = kindsOfGroup.find((candidate) => candidate.kind === kind);
  if (found !== undefined && !found.versions.includes(version)) {
    problems.add('kind', `${kind} is not served in ${show(apiVersion)}; use ${apiVersionOf(found)}`, 'apiVersion');
    return undefined;
  }
  if (found === undefined && (group === GATEWAY_GROUP || group === SLUICE_GROUP)) {
    const names = kindsOfGroup.map((candidate) => candidate.kind);
    const nearest = nearestName(kind, names);
    const advice = nearest === undefined ? `its kinds are ${names.join(', ')}` : `did you mean ${nearest}?`;
    problems.add('kind', `${show(kind)} is not a kind of ${group}; ${advice}`, 'kind');
  }
  return found;
}

function apiVersionOf({ group, versions }: ResourceKind): string {
  return group === '' ? versions[0] : `${group}/${versions[0]}`;
}

function createKindCheck(kind: ResourceKind, patterns: PatternCache, compiler: RuleCompiler): KindCheck {
  const core = CORE_KINDS.includes(kind);
  const schema = manifestSchema(kind);
  const checker = new RuleChecker(schema, compiler);
  return (fields, problems) => {
    const { status: _status, ...rest } = fields;
    const manifest = isFields(fields.metadata)
      ? { ...rest, metadata: withoutIgnoredFields(fields.metadata, kind) }
      : rest;
    const normalizer = new Normalizer(problems, { unknownFields: core ? 'drop' : 'refuse', patterns });
    const normalized = normalizer.normalize(manifest, schema) as KubernetesObject;
    // What follows relies on the structure being right.
    if (problems.found.length > 0) return normalized;
    problems.enter('metadata');
    checkMetadata(normalized.metadata, problems);
    problems.leave();
    const { apiVersion: _apiVersion, ...content } = normalized;
    const object = { apiVersion: apiVersionOf(kind), ...content };
    if (core) return completeCoreObject(object, problems);
    checker.check(object, problems);
    return object;
  };
}

/** The schema of a whole manifest: the kind's own with the fields that all kinds have. */
function manifestSchema(kind: ResourceKind): Schema {
  const resource = CUSTOM_RESOURCES.find((candidate) => candidate === kind);
  const schema = resource?.schema() ?? CORE_SCHEMAS[kind.kind] ?? {};
  const text: Schema = { type: 'string' };
  return {
    ...schema,
    required: ['metadata', ...(schema.required ?? [])],
    properties: { apiVersion: text, kind: text, metadata: metadataSchema(kind), ...schema.properties },
  };
}
