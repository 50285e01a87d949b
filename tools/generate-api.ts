// Generates src/api/generated from CustomResourceDefinitions: per kind a file of TypeScript types and a file with its compact
// schema. Upstream CRDs come from the Go module of Gateway API, our own from deploy/crds.
//
//   node tools/generate-api.ts [--crds DIR] [--check]
//
// --crds DIR takes the upstream CRDs from a directory; --check writes nothing and fails when the files differ.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import type { CustomResource, Schema } from '../src/api/schema.ts';
import { GATEWAY_API_MODULE, goModuleFolder } from './gateway-api-module.ts';

const CRD_FOLDER = 'config/crd/experimental';
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUTPUT = join(ROOT, 'src/api/generated');
const OWN_CRDS = 'deploy/crds';

const UPSTREAM_KINDS = [
  'GatewayClass',
  'Gateway',
  'ListenerSet',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
  'UDPRoute',
  'ReferenceGrant',
  'BackendTLSPolicy',
];

/** Names of nested types by their path; the first match counts. Other types are named after their parent and property. */
const TYPE_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^GatewayClass\.spec\.parametersRef$/, 'ParametersReference'],
  [/\.frontend\..*caCertificateRefs\[\]$/, 'ObjectReference'],
  [/^BackendTLSPolicy\..*caCertificateRefs\[\]$|\.(extension|parameters)Ref$/, 'LocalObjectReference'],
  [/^BackendTLSPolicy\.spec\.targetRefs\[\]$/, 'LocalPolicyTargetReferenceWithSectionName'],
  [/\.subjectAltNames\[\]$/, 'SubjectAltName'],
  [/Policy\.status$/, 'PolicyStatus'],
  [/Policy\.status\.ancestors\[\]$/, 'PolicyAncestorStatus'],
  [/^ListenerSet\.spec\.parentRef$/, 'ParentGatewayReference'],
  [/\.supportedFeatures\[\]$/, 'SupportedFeature'],
  [/\.(parentRefs\[\]|parentRef|ancestorRef)$/, 'ParentReference'],
  [/\.(certificateRefs\[\]|clientCertificateRef)$/, 'SecretObjectReference'],
  [/\.(requestMirror|externalAuth)\.backendRef$/, 'BackendObjectReference'],
  [/\.selector$/, 'LabelSelector'],
  [/\.matchExpressions\[\]$/, 'LabelSelectorRequirement'],
  [/\.(kinds|supportedKinds)\[\]$/, 'RouteGroupKind'],
  [/\.allowedRoutes$/, 'AllowedRoutes'],
  [/\.allowedRoutes\.namespaces$/, 'RouteNamespaces'],
  [/\.allowedListeners$/, 'AllowedListeners'],
  [/\.allowedListeners\.namespaces$/, 'ListenerNamespaces'],
  [/^Gateway\.spec\.listeners\[\]$/, 'Listener'],
  [/^ListenerSet\.spec\.listeners\[\]$/, 'ListenerEntry'],
  [/\.status\.listeners\[\]$/, 'ListenerStatus'],
  [/\.listeners\[\]\.tls$/, 'ListenerTLSConfig'],
  [/\.listeners\[\]\.filters$/, 'ListenerFilters'],
  [/\.listeners\[\]\.filters\.requests\[\]$/, 'ListenerRequestFilter'],
  [/^Gateway\.spec\.tls$/, 'GatewayTLSConfig'],
  [/^Gateway\.spec\.tls\.backend$/, 'GatewayBackendTLS'],
  [/^Gateway\.spec\.tls\.frontend$/, 'FrontendTLSConfig'],
  [/^Gateway\.spec\.tls\.frontend\.(default|perPort\[\]\.tls)$/, 'TLSConfig'],
  [/^Gateway\.spec\.tls\.frontend\.perPort\[\]$/, 'TLSPortConfig'],
  [/^Gateway\.spec\.tls\.frontend\.(default|perPort\[\]\.tls)\.validation$/, 'FrontendTLSValidation'],
  [/^Gateway\.spec\.addresses\[\]$/, 'GatewaySpecAddress'],
  [/^Gateway\.status\.addresses\[\]$/, 'GatewayStatusAddress'],
  [/Route\.status$/, 'RouteStatus'],
  [/Route\.status\.parents\[\]$/, 'RouteParentStatus'],
  [/^HTTPRoute\.spec\.rules\[\]\.backendRefs\[\]$/, 'HTTPBackendRef'],
  [/^GRPCRoute\.spec\.rules\[\]\.backendRefs\[\]$/, 'GRPCBackendRef'],
  [/Route\.spec\.rules\[\]\.backendRefs\[\]$/, 'BackendRef'],
  [/\.sessionPersistence$/, 'SessionPersistence'],
  [/^HTTPRoute\..*\.matches\[\]$/, 'HTTPRouteMatch'],
  [/^HTTPRoute\..*\.matches\[\]\.path$/, 'HTTPPathMatch'],
  [/^HTTPRoute\..*\.matches\[\]\.headers\[\]$/, 'HTTPHeaderMatch'],
  [/^HTTPRoute\..*\.matches\[\]\.queryParams\[\]$/, 'HTTPQueryParamMatch'],
  [/^HTTPRoute\.spec\.rules\[\]\.timeouts$/, 'HTTPRouteTimeouts'],
  [/^HTTPRoute\.spec\.rules\[\]\.retry$/, 'HTTPRouteRetry'],
  [/^GRPCRoute\..*\.matches\[\]$/, 'GRPCRouteMatch'],
  [/^GRPCRoute\..*\.matches\[\]\.method$/, 'GRPCMethodMatch'],
  [/^GRPCRoute\..*\.matches\[\]\.headers\[\]$/, 'GRPCHeaderMatch'],
  [/^HTTPRoute\..*\.filters\[\]$/, 'HTTPRouteFilter'],
  [/^GRPCRoute\..*\.filters\[\]$/, 'GRPCRouteFilter'],
  [/\.(request|response)HeaderModifier$/, 'HTTPHeaderFilter'],
  [/HeaderModifier\.(set|add)\[\]$/, 'HTTPHeader'],
  [/\.requestMirror$/, 'HTTPRequestMirrorFilter'],
  [/\.requestMirror\.fraction$/, 'Fraction'],
  [/\.requestRedirect$/, 'HTTPRequestRedirectFilter'],
  [/\.urlRewrite$/, 'HTTPURLRewriteFilter'],
  [/\.(requestRedirect|urlRewrite)\.path$/, 'HTTPPathModifier'],
  [/\.cors$/, 'HTTPCORSFilter'],
  [/\.externalAuth$/, 'HTTPExternalAuthFilter'],
  [/\.externalAuth\.grpc$/, 'GRPCAuthConfig'],
  [/\.externalAuth\.http$/, 'HTTPAuthConfig'],
  [/\.externalAuth\.forwardBody$/, 'ForwardBodyConfig'],
  [/^Backend\.spec\.endpoints\[\]\.ip$/, 'BackendIPEndpoint'],
  [/^Backend\.spec\.endpoints\[\]\.fqdn$/, 'BackendFQDNEndpoint'],
  [/^Backend\.spec\.tls$/, 'BackendTLS'],
  [/^Backend\.spec\.tls\.caCertificateRefs\[\]$/, 'BackendCACertificateReference'],
  [/^ListenerPolicy\.spec\.targetRefs\[\]$/, 'ListenerPolicyTargetReference'],
  [/^ListenerPolicy\.spec\.tls$/, 'ListenerPolicyTLS'],
];

/** Schema keywords that are kept; prose, and what only an API server needs, is dropped. */
const KEYWORDS: ReadonlySet<string> = new Set<keyof Schema>([
  'additionalProperties',
  'allOf',
  'anyOf',
  'default',
  'enum',
  'format',
  'items',
  'maxItems',
  'maxLength',
  'maxProperties',
  'maximum',
  'minItems',
  'minLength',
  'minProperties',
  'minimum',
  'not',
  'oneOf',
  'pattern',
  'properties',
  'required',
  'type',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-validations',
]);
const DROPPED = new Set(['description', 'x-kubernetes-map-type']);

interface RawVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Record<string, unknown> };
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly scope: string;
    readonly versions: readonly RawVersion[];
  };
}

type Resource = Omit<CustomResource, 'schema'> & { readonly schema: Schema; readonly source: string };

/** A named interface: its printed body and the kinds that use it. */
interface NamedType {
  readonly name: string;
  readonly body: string;
  readonly kinds: Set<string>;
  /** The position of the first use, parents first. */
  readonly order: number;
}

function compactSchema(raw: unknown, path: string): Schema {
  const node: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw as Record<string, unknown>)) {
    if (DROPPED.has(key) || (key === 'x-kubernetes-list-type' && value === 'atomic')) continue;
    if (!KEYWORDS.has(key)) throw new Error(`${path}: src/api/schema.ts and src/validation do not know ${key}`);
    node[key] = compactKeyword(key, value, path);
  }
  return node;
}

function compactKeyword(key: string, value: unknown, path: string): unknown {
  switch (key) {
    case 'properties':
      return Object.fromEntries(
        Object.entries(value as object).map(([name, child]) => [name, compactSchema(child, `${path}.${name}`)]),
      );
    case 'items':
    case 'additionalProperties':
      return compactSchema(value, `${path}[]`);
    case 'not':
      return compactForm(value, path);
    case 'oneOf':
    case 'anyOf':
    case 'allOf':
      return (value as unknown[]).map((child) => compactForm(child, path));
    case 'x-kubernetes-validations':
      return (value as Record<string, unknown>[]).map((rule) => compactRule(rule, path));
    default:
      return value;
  }
}

/** A schema below oneOf, anyOf, allOf or not, as far as src/validation understands it. */
function compactForm(raw: unknown, path: string): Schema {
  const form = compactSchema(raw, path);
  if (form.items || form.required || form.additionalProperties) throw new Error(`${path}: this form is not understood`);
  return form;
}

function compactRule(raw: Record<string, unknown>, path: string): Record<string, unknown> {
  const { rule, message, reason: _reason, ...rest } = raw;
  if (Object.keys(rest).length > 0) throw new Error(`${path}: ${Object.keys(rest).join()} in a rule is not known`);
  return message === undefined ? { rule } : { rule, message };
}

/** The version whose schema is used: v1 where it is served, else the stored one. */
function preferredVersion(versions: readonly RawVersion[]): RawVersion {
  const preferred =
    versions.find((version) => version.served && version.name === 'v1') ?? versions.find(({ storage }) => storage);
  if (preferred === undefined) throw new Error('a CRD without a stored version');
  return preferred;
}

function readResource(file: string, source: string): Resource {
  const { spec } = parse(readFileSync(file, 'utf8')) as Crd;
  const preferred = preferredVersion(spec.versions);
  const others = spec.versions.filter((version) => version.served && version !== preferred);
  const root = compactSchema(preferred.schema.openAPIV3Schema, spec.names.kind);
  if (root['x-kubernetes-validations']) throw new Error(`${spec.names.kind}: rules for the root are not understood`);
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...properties } = root.properties ?? {};
  return {
    group: spec.group,
    versions: [preferred.name, ...others.map(({ name }) => name)],
    kind: spec.names.kind,
    plural: spec.names.plural,
    namespaced: spec.scope === 'Namespaced',
    schema: { ...root, properties },
    source: `${source}/${basename(file)}`,
  };
}

function readResources(upstream: string): Resource[] {
  const resources = readdirSync(upstream)
    .filter((name) => name.startsWith('gateway.networking.k8s.io_') && !name.includes('_vap_'))
    .map((name) => readResource(join(upstream, name), `${GATEWAY_API_MODULE}/${CRD_FOLDER}`))
    .filter(({ kind }) => UPSTREAM_KINDS.includes(kind));
  if (resources.length !== UPSTREAM_KINDS.length) throw new Error(`${upstream} does not hold all CRDs`);
  const own = readdirSync(join(ROOT, OWN_CRDS))
    .filter((name) => name !== 'kustomization.yaml')
    .map((name) => readResource(join(ROOT, OWN_CRDS, name), OWN_CRDS));
  return [...resources, ...own];
}

/** Collects the named types of all kinds; a name stands for one body, and equal bodies under one name are one type. */
class TypeCollection {
  readonly types: Map<string, NamedType> = new Map();
  #order = 0;

  addResource(resource: Resource): void {
    const { kind, schema } = resource;
    const order = this.#order++;
    const metadata = resource.namespaced ? 'NamespacedObjectMeta' : 'ObjectMeta';
    const parts = Object.entries(schema.properties ?? {}).map(([name, child]) => ({
      name,
      type: this.#typeOf(child, `${kind}.${name}`, kind, kind),
      optional: name === 'status' || !schema.required?.includes(name),
    }));
    const identity = [
      `readonly apiVersion: '${resource.group}/${resource.versions[0]}';`,
      `readonly kind: '${kind}';`,
      `readonly metadata: ${metadata};`,
    ];
    this.#define(kind, [...identity, ...parts.map(printProperty)], kind, order);
  }

  /** The TypeScript expression for a schema node. */
  #typeOf(schema: Schema, path: string, parent: string, kind: string): string {
    const { type, items, additionalProperties } = schema;
    if (schema['x-kubernetes-int-or-string']) return 'number | string';
    if (schema.enum) return schema.enum.map(printLiteral).join(' | ');
    if (type === undefined) throw new Error(`${path}: no type`);
    if (type === 'integer') return 'number';
    if (type === 'array') {
      const item = this.#typeOf(items ?? {}, `${path}[]`, parent, kind);
      return item.includes('|') ? `readonly (${item})[]` : `readonly ${item}[]`;
    }
    if (type !== 'object') return type;
    if (additionalProperties === undefined) return this.#interface(schema, path, parent, kind);
    return `Readonly<Record<string, ${this.#typeOf(additionalProperties, `${path}{}`, parent, kind)}>>`;
  }

  #interface(schema: Schema, path: string, parent: string, kind: string): string {
    if (path.endsWith('.conditions[]')) return 'Condition';
    const name = typeName(path, parent);
    const order = this.#order++;
    const properties = Object.entries(schema.properties ?? {}).map(([property, child]) => ({
      name: property,
      type: this.#typeOf(child, `${path}.${property}`, name, kind),
      optional: child.default === undefined && !schema.required?.includes(property),
    }));
    this.#define(name, properties.map(printProperty), kind, order);
    return name;
  }

  #define(name: string, lines: readonly string[], kind: string, order: number): void {
    const body = lines.map((line) => `  ${line}\n`).join('');
    const known = this.types.get(name);
    if (known && known.body !== body) throw new Error(`two different types are called ${name}: add to TYPE_NAMES`);
    if (known) known.kinds.add(kind);
    else this.types.set(name, { name, body, kinds: new Set([kind]), order });
  }
}

function printLiteral(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function printProperty(property: { name: string; type: string; optional: boolean }): string {
  return `readonly ${property.name}${property.optional ? '?' : ''}: ${property.type};`;
}

function typeName(path: string, parent: string): string {
  const named = TYPE_NAMES.find(([pattern]) => pattern.test(path));
  if (named) return named[1];
  const property = path.slice(path.lastIndexOf('.') + 1);
  const singular = property.endsWith('s[]') ? property.slice(0, -3) : property.replace('[]', '');
  const owner = path.split('.').length > 2 ? parent.replace(/Spec$/, '') : parent;
  return owner + singular.charAt(0).toUpperCase() + singular.slice(1);
}

function kebabCase(kind: string): string {
  return kind.replaceAll(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3-$2$4').toLowerCase();
}

function header(sources: readonly string[]): string {
  return [
    `// Generated by tools/generate-api.ts from`,
    ...sources.map((source) => `// ${source}`),
    '// Do not edit.\n\n',
  ].join('\n');
}

const OBJECT_TYPES = new Set(['ObjectMeta', 'NamespacedObjectMeta', 'Condition']);
const SHARED_FILE = 'shared.ts';

function fileOf(type: NamedType): string {
  const [kind] = type.kinds;
  return type.kinds.size > 1 || kind === undefined ? SHARED_FILE : `${kebabCase(kind)}.ts`;
}

function printTypeFile(file: string, types: readonly NamedType[], all: ReadonlyMap<string, NamedType>): string {
  const imports = new Map<string, Set<string>>();
  for (const name of types.flatMap(({ body }) => body.replaceAll(/'[^']*'/g, '').match(/\b[A-Z]\w*/g) ?? [])) {
    const type = all.get(name);
    const source = type ? `./${fileOf(type)}` : OBJECT_TYPES.has(name) ? '../object.ts' : undefined;
    if (source && source !== `./${file}`) imports.set(source, (imports.get(source) ?? new Set()).add(name));
  }
  const importLines = [...imports]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, names]) => `import type { ${[...names].sort().join(', ')} } from '${source}';\n`);
  const bodies = types.map(({ name, body }) => `\nexport interface ${name} {\n${body}}\n`);
  return [...importLines, ...bodies].join('');
}

const LINE_WIDTH = 120;

/** Prints JSON as a TypeScript expression; what fits is put on one line. `used` counts the characters in front of it. */
function printJson(value: unknown, indent: string, used: number): string {
  const line = printOnOneLine(value);
  if (typeof value !== 'object' || value === null || indent.length + used + line.length < LINE_WIDTH) return line;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => `${inner}${printJson(item, inner, 1)},\n`).join('')}${indent}]`;
  }
  const lines = Object.entries(value).map(([key, child]) => {
    const name = printKey(key);
    return `${inner}${name}: ${printJson(child, inner, name.length + 3)},\n`;
  });
  return `{\n${lines.join('')}${indent}}`;
}

function printOnOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printOnOneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, child]) => `${printKey(key)}: ${printOnOneLine(child)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function printKey(key: string): string {
  return /^[A-Za-z]\w*$/.test(key) ? key : JSON.stringify(key);
}

function printSchemaFile(resource: Resource): string {
  const constant = `${resource.kind.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]/, (head) => head.toLowerCase())}Resource`;
  const { schema, source: _source, ...names } = resource;
  // Statuses are written by controllers, never validated as input.
  const { status: _status, ...properties } = schema.properties ?? {};
  const facts = Object.entries(names).map(([key, value]) => `  ${key}: ${printOnOneLine(value)},\n`);
  return [
    `import type { CustomResource } from '../schema.ts';\n\n`,
    `export const ${constant}: CustomResource = {\n${facts.join('')}`,
    `  schema: () => (${printJson({ ...schema, properties }, '  ', 16)}),\n};\n`,
  ].join('');
}

/** All files of src/api/generated by name. */
function generate(resources: readonly Resource[]): Map<string, string> {
  const collection = new TypeCollection();
  for (const resource of resources) collection.addResource(resource);
  const byFile = Map.groupBy(
    [...collection.types.values()].sort((a, b) => a.order - b.order),
    fileOf,
  );
  const files = new Map<string, string>();
  for (const resource of resources) {
    const name = kebabCase(resource.kind);
    const types = byFile.get(`${name}.ts`) ?? [];
    files.set(`${name}.ts`, header([resource.source]) + printTypeFile(`${name}.ts`, types, collection.types));
    files.set(`${name}-schema.ts`, header([resource.source]) + printSchemaFile(resource));
  }
  const shared = (byFile.get(SHARED_FILE) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
  files.set(
    SHARED_FILE,
    header([`${GATEWAY_API_MODULE}/${CRD_FOLDER}`, OWN_CRDS]) + printTypeFile(SHARED_FILE, shared, collection.types),
  );
  return files;
}

function readGenerated(): Map<string, string> {
  return new Map(readdirSync(OUTPUT).map((name) => [name, readFileSync(join(OUTPUT, name), 'utf8')]));
}

function upstreamFolder(): string | undefined {
  const module = goModuleFolder(GATEWAY_API_MODULE);
  return module && join(module, CRD_FOLDER);
}

function main(): void {
  const { values } = parseArgs({ options: { crds: { type: 'string' }, check: { type: 'boolean', default: false } } });
  const folder = values.crds ?? upstreamFolder();
  if (folder === undefined) throw new Error(`Go has no ${GATEWAY_API_MODULE}; give the CRDs with --crds DIR`);
  const files = generate(readResources(folder));
  if (values.check) {
    const present = readGenerated();
    const names = new Set([...files.keys(), ...present.keys()]);
    const different = [...names].filter((name) => files.get(name) !== present.get(name)).sort();
    for (const name of different) console.error(`src/api/generated/${name} differs from a fresh generation`);
    process.exitCode = different.length > 0 ? 1 : 0;
    return;
  }
  rmSync(OUTPUT, { recursive: true, force: true });
  mkdirSync(OUTPUT, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(OUTPUT, name), text);
}

main();
