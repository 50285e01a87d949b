// All nodes of a kind's schema, with readable paths; for tests that hold for every field.
import type { CustomResource, Schema } from '../../../src/api/schema.ts';

export interface SchemaNode {
  /** As in HTTPRoute.spec.rules[].name. */
  readonly path: string;
  readonly schema: Schema;
}

export function schemaNodes(resource: CustomResource): SchemaNode[] {
  return nodesBelow(resource.kind, resource.schema());
}

function nodesBelow(path: string, schema: Schema): SchemaNode[] {
  const properties = Object.entries(schema.properties ?? {}).map(
    ([name, child]) => [`${path}.${name}`, child] as const,
  );
  const items = schema.items ? [[`${path}[]`, schema.items] as const] : [];
  const entries = schema.additionalProperties ? [[`${path}{}`, schema.additionalProperties] as const] : [];
  const children = [...properties, ...items, ...entries].flatMap(([childPath, child]) => nodesBelow(childPath, child));
  return [{ path, schema }, ...children];
}
