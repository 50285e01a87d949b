// The endpoints of the admin API: a schema each, and a line or two of code.
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { METRICS_CONTENT_TYPE } from '../observability/metrics.ts';
import { AdminError } from './admin-error.ts';
import type { AdminSource, ObjectStatusView, ProcessActions } from './admin-source.ts';
import { openApiDocument, type DocumentedRoute, type RouteSchema } from './openapi.ts';
import { jsonStream, textStream } from './text-stream.ts';

const JSON_CONTENT_TYPE = 'application/json; charset=utf-8';

const ErrorBody = Type.Object(
  { code: Type.String(), message: Type.String() },
  { description: 'The request was refused or failed.' },
);

const Readiness = Type.Object({ ready: Type.Boolean(), reasons: Type.Array(Type.String()) });

const ConfigQuery = Type.Object(
  { key: Type.Optional(Type.String({ description: 'Only resources whose key begins like this, such as `route/`.' })) },
  { additionalProperties: false },
);

const Config = Type.Object(
  {
    hash: Type.String({ description: 'Of the whole content, also where only a part is shown.' }),
    resources: Type.Array(Type.Object({ kind: Type.String(), key: Type.String() }, { additionalProperties: true })),
  },
  { description: 'The resources by key; secrets are redacted.' },
);

const StatusQuery = Type.Object(
  {
    kind: Type.Optional(Type.String({ description: 'Only objects of this kind.' })),
    namespace: Type.Optional(Type.String({ description: 'Only objects in this namespace.' })),
    name: Type.Optional(Type.String({ description: 'Only objects of this name.' })),
  },
  { additionalProperties: false },
);

const StatusList = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        apiVersion: Type.String(),
        kind: Type.String(),
        namespace: Type.Optional(Type.String()),
        name: Type.String(),
        generation: Type.Optional(Type.Integer()),
        status: Type.Object({}, { additionalProperties: true }),
      }),
    ),
  },
  { description: 'The statuses as the API server would show them.' },
);

const ProblemList = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        message: Type.String(),
        file: Type.Optional(Type.String()),
        line: Type.Optional(Type.Integer()),
        column: Type.Optional(Type.Integer()),
        object: Type.Optional(Type.String()),
        path: Type.Optional(Type.String()),
      }),
    ),
  },
  { description: 'Empty when all manifests are good.' },
);

const healthz: RouteSchema = {
  summary: 'Whether the process is alive.',
  response: { 200: Type.Object({ status: Type.Literal('ok') }, { description: 'It is.' }) },
};

const readyz: RouteSchema = {
  summary: 'Whether traffic should be sent here: false until the first full apply, and again when the drain begins.',
  response: {
    200: { ...Readiness, description: 'Ready.' },
    503: { ...Readiness, description: 'Not ready, and why.' },
  },
};

const metrics: RouteSchema = {
  summary: 'Metrics for Prometheus.',
  response: {
    200: {
      description: 'The text format 0.0.4.',
      content: { 'text/plain': { schema: Type.String() } },
    },
  },
};

const config: RouteSchema = {
  summary: 'The intermediate representation that is served.',
  querystring: ConfigQuery,
  response: { 200: Config },
};

const status: RouteSchema = {
  summary: 'Statuses of Gateways, routes and all other objects that Sluice manages.',
  querystring: StatusQuery,
  response: { 200: StatusList },
};

const problems: RouteSchema = {
  summary: 'What is wrong with the manifests.',
  response: { 200: ProblemList },
};

const version: RouteSchema = {
  summary: 'What runs here.',
  response: {
    200: Type.Object(
      { version: Type.String(), node: Type.String() },
      { description: 'Versions of Sluice and of Node.' },
    ),
  },
};

const openapi: RouteSchema = {
  summary: 'This document.',
  response: { 200: Type.Object({}, { additionalProperties: true, description: 'OpenAPI 3.1.' }) },
};

const drain: RouteSchema = {
  summary: 'Finishes what is in flight, then ends the process, as SIGTERM does.',
  response: { 202: Type.Object({ draining: Type.Literal(true) }, { description: 'The drain has begun.' }) },
};

const restartWorkers: RouteSchema = {
  summary: 'Replaces the workers, one after the other; no request is lost.',
  response: {
    202: Type.Object({ restarting: Type.Literal(true) }, { description: 'It has begun; the log tells more.' }),
  },
};

const reloadBinary: RouteSchema = {
  summary: 'Replaces all processes by those of the program and the configuration file on disk; no request is lost.',
  response: {
    202: Type.Object({ reloading: Type.Literal(true) }, { description: 'It has begun; the log tells more.' }),
  },
};

export function registerRoutes(server: FastifyInstance, source: AdminSource): void {
  const documented: DocumentedRoute[] = [];
  server.addHook('onRoute', ({ method, url, schema }) => {
    // Fastify adds HEAD to each GET.
    if (method !== 'HEAD') documented.push({ method: String(method), url, schema: schema as RouteSchema });
  });

  server.get('/healthz', { schema: healthz }, () => ({ status: 'ok' }));

  server.get('/readyz', { schema: readyz }, (_request, reply) => {
    const readiness = source.readiness();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });

  server.get('/metrics', { schema: metrics }, async (_request, reply) => {
    const text = await source.metrics();
    // A string is iterable too, by the character.
    return reply.type(METRICS_CONTENT_TYPE).send(typeof text === 'string' ? text : textStream(text));
  });

  server.get<{ Querystring: Type.Static<typeof ConfigQuery> }>('/config', { schema: config }, (request, reply) => {
    const { hash, resources } = source.ir();
    const { key: prefix = '' } = request.query;
    const keys = Array.from(resources.keys()).filter((key) => key.startsWith(prefix));
    const shown = keys
      .sort()
      .values()
      .map((key) => resources.get(key));
    return reply.type(JSON_CONTENT_TYPE).send(jsonStream({ hash }, 'resources', shown));
  });

  server.get<{ Querystring: StatusFilter }>('/status', { schema: status }, (request, reply) => {
    const shown = source.statuses().filter((object) => isSelected(object, request.query));
    return reply.type(JSON_CONTENT_TYPE).send(jsonStream({}, 'items', shown));
  });

  server.get('/problems', { schema: problems }, (_request, reply) =>
    reply.type(JSON_CONTENT_TYPE).send(jsonStream({}, 'items', source.problems())),
  );

  server.get('/version', { schema: version }, () => source.version());

  server.get('/openapi.json', { schema: openapi }, () =>
    openApiDocument(documented, source.version().version, ErrorBody),
  );

  server.post('/drain', { schema: drain }, (_request, reply) => {
    source.drain();
    return reply.code(202).send({ draining: true });
  });

  server.post('/restart-workers', { schema: restartWorkers }, (_request, reply) => {
    processActions(source).restartWorkers();
    return reply.code(202).send({ restarting: true });
  });

  server.post('/reload-binary', { schema: reloadBinary }, (_request, reply) => {
    processActions(source).reloadBinary();
    return reply.code(202).send({ reloading: true });
  });
}

function processActions({ processes }: AdminSource): ProcessActions {
  if (processes !== undefined) return processes;
  throw new AdminError(409, 'one_process', 'This gateway is one process; with `workers` it is several.');
}

type StatusFilter = Type.Static<typeof StatusQuery>;

function isSelected(object: ObjectStatusView, { kind, namespace, name }: StatusFilter): boolean {
  return (
    (kind === undefined || object.kind === kind) &&
    (namespace === undefined || object.namespace === namespace) &&
    (name === undefined || object.name === name)
  );
}
