// The OpenAPI 3.1 document of the admin API, made from the schemas that Fastify validates and serialises with, so that it can't drift.
import type { FastifySchema } from 'fastify';
import { needsToken } from './admission.ts';

/** A JSON Schema with a description; TypeBox makes them. */
export type Schema = object & { readonly description?: string };

export interface RouteSchema extends FastifySchema {
  readonly summary: string;
  readonly querystring?: ObjectSchema;
  readonly response: Readonly<Record<number, ResponseSchema>>;
}

export interface ObjectSchema {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[] | undefined;
}

/** JSON of that schema, or other types by name. */
export type ResponseSchema =
  | Schema
  | { readonly description: string; readonly content: Readonly<Record<string, { readonly schema: Schema }>> };

export interface DocumentedRoute {
  readonly method: string;
  /** Without parameters in the path. */
  readonly url: string;
  readonly schema: RouteSchema;
}

export function openApiDocument(routes: readonly DocumentedRoute[], version: string, error: Schema): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, url, schema } of routes) {
    paths[url] = { ...paths[url], [method.toLowerCase()]: operation(method, schema, error) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice admin API', version },
    paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

function operation(method: string, schema: RouteSchema, error: Schema): object {
  const responses = Object.entries({ ...schema.response, default: error });
  return {
    summary: schema.summary,
    ...(schema.querystring === undefined ? {} : { parameters: queryParameters(schema.querystring) }),
    responses: Object.fromEntries(responses.map(([status, response]) => [status, responseObject(response)])),
    ...(needsToken(method) ? { security: [{ token: [] }] } : {}),
  };
}

function queryParameters({ properties, required = [] }: ObjectSchema): readonly object[] {
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    description,
    schema,
  }));
}

function responseObject(response: ResponseSchema): object {
  if ('content' in response) return response;
  return { description: response.description ?? '', content: { 'application/json': { schema: response } } };
}
