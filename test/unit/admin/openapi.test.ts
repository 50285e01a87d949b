import assert from 'node:assert/strict';
import { fastify } from 'fastify';
import { test } from 'node:test';
import { registerRoutes } from '../../../src/admin/routes.ts';
import { FakeSource, startAdmin } from './admin-fixture.ts';

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content: Readonly<Record<string, { schema: object }>> }>
  >;
  readonly security?: readonly object[];
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: Readonly<Record<string, object>> };
}

test('the document lists exactly the routes that Fastify knows', async (context) => {
  const { send } = await startAdmin(context);
  const { paths } = (await send('GET', '/openapi.json')).json as Document;
  const documented = Object.entries(paths).flatMap(([url, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${url}`),
  );

  const known: string[] = [];
  const server = fastify();
  server.addHook('onRoute', ({ method, url }) => void known.push(`${String(method)} ${url}`));
  registerRoutes(server, new FakeSource());
  await server.ready();
  assert.deepEqual(documented.toSorted(), known.filter((entry) => !entry.startsWith('HEAD ')).toSorted());
  assert.ok(known.length >= 9);
});

test('every operation has a summary, described responses and an error', async (context) => {
  const { send } = await startAdmin(context);
  const document = (await send('GET', '/openapi.json')).json as Document;
  assert.equal(document.openapi, '3.1.0');
  assert.deepEqual(document.info, { title: 'Sluice admin API', version: '1.2.3' });
  for (const [url, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      assert.match(operation.summary, /\.$/);
      assert.ok('default' in operation.responses, url);
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        assert.match(status, /^(?:[2-5]\d\d|default)$/);
        assert.match(description, /\.$|^Ready|^Not ready/, `${url} ${status}`);
        for (const { schema } of Object.values(content)) assert.ok('type' in schema);
      }
      assert.deepEqual(operation.security, method === 'get' ? undefined : [{ token: [] }]);
    }
  }
  assert.ok('token' in document.components.securitySchemes);
});

test('query parameters are those that are validated', async (context) => {
  const { send } = await startAdmin(context);
  const { paths } = (await send('GET', '/openapi.json')).json as Document;
  const names = (url: string): readonly string[] => (paths[url]?.['get']?.parameters ?? []).map(({ name }) => name);
  assert.deepEqual(names('/config'), ['key']);
  assert.deepEqual(names('/status'), ['kind', 'namespace', 'name']);
  for (const [url, item] of Object.entries(paths)) {
    for (const { name, in: place, schema } of item['get']?.parameters ?? []) {
      assert.deepEqual([place, schema], ['query', { type: 'string' }]);
      assert.equal((await send('GET', `${url}?${name}=x`)).status, 200);
    }
  }
});

test('what is answered fits the documented schemas', async (context) => {
  const { send, source } = await startAdmin(context);
  source.statusesNow = [{ apiVersion: 'v1', kind: 'K', namespace: 'n', name: 'x', generation: 1, status: { a: 1 } }];
  source.problemsNow = [{ message: 'm', file: 'f', line: 1, column: 2, object: 'o', path: 'p' }];
  const { paths } = (await send('GET', '/openapi.json')).json as Document;
  const { default: Ajv } = await import('ajv');
  const ajv = new Ajv.default({ strict: false });
  for (const [url, item] of Object.entries(paths)) {
    const schema = item['get']?.responses['200']?.content['application/json']?.schema;
    if (schema === undefined) continue;
    const validate = ajv.compile(schema);
    assert.ok(validate((await send('GET', url)).json), `${url}: ${ajv.errorsText(validate.errors)}`);
  }
});
