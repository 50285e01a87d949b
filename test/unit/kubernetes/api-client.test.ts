// The verbs as they go over the wire, what answers become, and the bounds of a call.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CORE_KINDS } from '../../../src/api/kinds.ts';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { ApiClient } from '../../../src/kubernetes/api-client.ts';
import { fileCredentials } from '../../../src/kubernetes/cluster-access.ts';
import type { ClusterAccess } from '../../../src/kubernetes/cluster-access.ts';
import { MIN_RENEWAL_MS } from '../../../src/kubernetes/credentials.ts';
import { SYSTEM_CLOCK } from '../../../src/kubernetes/clock.ts';
import { MAX_CONCURRENT_REQUESTS, MAX_WAITING_REQUESTS } from '../../../src/kubernetes/request-slots.ts';
import { SecretText } from '../../../src/lib/secret-text.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { FakeClock } from '../../harness/fake-clock.ts';
import { ScriptedApiServer } from '../../harness/scripted-api-server.ts';
import type { ApiScript } from '../../harness/scripted-api-server.ts';
import { WIDGET } from './reflector-bench.ts';

const authority = new CertificateAuthority();
after(() => authority.remove());

const [NAMESPACE] = CORE_KINDS;

function widget(extra: object = {}): KubernetesObject {
  return { apiVersion: 'example.dev/v1', kind: 'Widget', metadata: { name: 'one', namespace: 'a' }, ...extra };
}

async function listen(t: TestContext, script: ApiScript, tls?: object): Promise<ScriptedApiServer> {
  const server = await ScriptedApiServer.listen(tls);
  server.script = script;
  t.after(() => server.close());
  return server;
}

function connect(t: TestContext, server: ScriptedApiServer, overrides: Partial<ClusterAccess> = {}): ApiClient {
  const client = server.client(overrides);
  t.after(() => client.close());
  return client;
}

describe('verbs', () => {
  const object = widget({ spec: { size: 1 } });
  const name = { name: 'one', namespace: 'a' };
  const expected: Readonly<
    Record<string, readonly [(client: ApiClient) => Promise<unknown>, string, string?, unknown?]>
  > = {
    get: [
      (client) => client.get(WIDGET, { ...name, version: 'v1' }),
      'GET /apis/example.dev/v1/namespaces/a/widgets/one',
    ],
    'get of the core group': [
      (client) => client.get(NAMESPACE as never, { name: 'shop' }),
      'GET /api/v1/namespaces/shop',
    ],
    create: [
      (client) => client.create(WIDGET, object),
      'POST /apis/example.dev/v1/namespaces/a/widgets',
      'application/json',
      object,
    ],
    update: [
      (client) => client.update(WIDGET, object),
      'PUT /apis/example.dev/v1/namespaces/a/widgets/one',
      'application/json',
      object,
    ],
    'update of the status': [
      (client) => client.update(WIDGET, object, { subresource: 'status', fieldManager: 'sluice' }),
      'PUT /apis/example.dev/v1/namespaces/a/widgets/one/status?fieldManager=sluice',
      'application/json',
      object,
    ],
    apply: [
      (client) => client.apply(WIDGET, object, { subresource: 'status', fieldManager: 'a/b', force: true }),
      'PATCH /apis/example.dev/v1/namespaces/a/widgets/one/status?force=true&fieldManager=a%2Fb',
      'application/apply-patch+yaml',
      object,
    ],
    'merge patch': [
      (client) => client.mergePatch(WIDGET, name, { spec: null }),
      'PATCH /apis/example.dev/v2/namespaces/a/widgets/one',
      'application/merge-patch+json',
      { spec: null },
    ],
    delete: [(client) => client.delete(WIDGET, name), 'DELETE /apis/example.dev/v2/namespaces/a/widgets/one'],
    'delete of one version': [
      (client) => client.delete(WIDGET, { ...name, preconditions: { resourceVersion: '5' } }),
      'DELETE /apis/example.dev/v2/namespaces/a/widgets/one',
      'application/json',
      { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { resourceVersion: '5' } },
    ],
  };
  for (const [verb, [call, line, contentType, body]] of Object.entries(expected)) {
    test(verb, async (t) => {
      const server = await listen(t, (request) => request.json(widget()));
      await call(connect(t, server));
      const [request] = server.requests;
      const query = request?.query.toString();
      assert.equal(`${request?.method} ${request?.path}${query ? `?${query}` : ''}`, line);
      assert.equal(request?.headers['content-type'], contentType);
      assert.equal(request?.headers['user-agent'], 'sluice/1.2.3');
      assert.deepEqual(request?.body ? JSON.parse(request.body) : undefined, body);
    });
  }

  test('a name that cannot be one never becomes part of a path', async (t) => {
    const client = connect(t, await listen(t, (request) => request.json({})));
    for (const bad of ['', '.', '..', 'a/b', '%2e']) {
      assert.throws(() => client.get(WIDGET, { name: bad, namespace: 'a' }), TypeError);
      assert.throws(() => client.get(WIDGET, { name: 'a', namespace: bad }), TypeError);
    }
  });

  test('below a path of the server', async (t) => {
    const server = await listen(t, (request) => request.json(widget()));
    await connect(t, server, { server: new URL('/k8s/clusters/c-1/', server.url) }).get(WIDGET, name);
    assert.equal(server.requests[0]?.path, '/k8s/clusters/c-1/apis/example.dev/v2/namespaces/a/widgets/one');
  });
});

describe('answers', () => {
  const answers: Readonly<Record<string, readonly [ApiScript, object]>> = {
    'a Status': [
      (request) => request.refuse(409, 'Conflict', { retryAfterSeconds: 3 }),
      { code: 'status', status: 409, reason: 'Conflict', message: 'Conflict it is', retryAfterMs: 3_000 },
    ],
    'a page of some proxy': [
      (request) => void request.response.writeHead(502, { 'retry-after': 'soon' }).end('<html>'),
      { code: 'status', status: 502, message: 'HTTP 502', retryAfterMs: undefined },
    ],
    'a redirect, which is not followed': [
      (request) => void request.response.writeHead(302, { location: 'http://elsewhere' }).end(),
      { code: 'status', status: 302 },
    ],
    'no JSON': [(request) => void request.response.end('hello'), { code: 'response_malformed' }],
    'a connection that breaks': [
      (request) => {
        request.response.writeHead(200, { 'content-length': 100 }).write('{');
        request.response.socket?.destroySoon();
      },
      { code: 'unreachable' },
    ],
    'too much': [(request) => void request.response.end('x'.repeat(33_554_433)), { code: 'response_too_large' }],
  };
  for (const [name, [script, error]] of Object.entries(answers)) {
    test(name, async (t) => {
      const client = connect(t, await listen(t, script));
      await assert.rejects(client.get(WIDGET, { name: 'one', namespace: 'a' }), error);
    });
  }

  test('a list that is none', async (t) => {
    const client = connect(
      t,
      await listen(t, (request) => request.json({ items: {}, metadata: { resourceVersion: '1' } })),
    );
    await assert.rejects(client.list(WIDGET), { code: 'response_malformed' });
  });

  test('nobody there', async (t) => {
    const server = await ScriptedApiServer.listen();
    const client = connect(t, server);
    await server.close();
    await assert.rejects(client.list(WIDGET), {
      code: 'unreachable',
      message: /cannot be reached: connect ECONNREFUSED/,
    });
  });
});

describe('bounds', () => {
  test('no answer in time, neither a head nor the rest', async (t) => {
    const scripts: readonly ApiScript[] = [
      (): void => {},
      (request): void => void request.response.writeHead(200).write('{'),
    ];
    for (const script of scripts) {
      const server = await listen(t, script);
      const client = new ApiClient({
        access: server.access(),
        version: '1',
        clock: SYSTEM_CLOCK,
        requestTimeoutMs: 50,
      });
      await assert.rejects(client.list(WIDGET), { code: 'timeout' });
      await server.until('the connection is closed', () => server.requests[0]?.response.destroyed || undefined);
    }
  });

  test('a watch may last longer than a request', async (t) => {
    const server = await listen(t, (request) => request.stream());
    const client = new ApiClient({ access: server.access(), version: '1', clock: SYSTEM_CLOCK, requestTimeoutMs: 200 });
    t.after(() => client.close());
    const events = await client.watch(WIDGET, { resourceVersion: '1', timeoutSeconds: 300 });
    const bound = delay(400).then(() => server.requests[0]?.end());
    assert.deepEqual(await Array.fromAsync(events), []);
    await bound;
  });

  test('a caller who cancels gets his own reason, and the server is left alone', async (t) => {
    const server = await listen(t, () => {});
    const client = connect(t, server);
    const caller = new AbortController();
    const reason = new Error('enough');
    const call = assert.rejects(client.list(WIDGET, { signal: caller.signal }), reason);
    const request = await server.until('the request', () => server.requests[0]);
    caller.abort(reason);
    await call;
    await server.until('the connection is closed', () => request.response.destroyed || undefined);
    await assert.rejects(client.list(WIDGET, { signal: caller.signal }), reason);
    assert.equal(server.requests.length, 1);
  });

  test('so many calls at once, so many waiting, and no more', async (t) => {
    const server = await listen(t, () => {});
    const client = connect(t, server);
    const caller = new AbortController();
    const calls = Array.from({ length: MAX_CONCURRENT_REQUESTS + MAX_WAITING_REQUESTS }, () =>
      client.list(WIDGET, { signal: caller.signal }).catch(() => {}),
    );
    await assert.rejects(client.list(WIDGET), { code: 'overloaded' });
    await server.until('the calls', () => server.requests.length === MAX_CONCURRENT_REQUESTS || undefined);
    caller.abort();
    await Promise.all(calls);
    assert.equal(server.requests.length, MAX_CONCURRENT_REQUESTS);
    server.script = (request) => request.list([], '1');
    for (let round = 0; round < 2 * MAX_CONCURRENT_REQUESTS; round++) await client.list(WIDGET);
  });

  test('a connection that was closed while idle costs a read nothing', async (t) => {
    const server = await listen(t, (request) => request.list([], '1'));
    const client = connect(t, server);
    await client.list(WIDGET);
    server.script = (request) => (server.requests.length === 2 ? request.reset() : request.list([], '1'));
    await client.list(WIDGET);
    assert.equal(server.requests.length, 3);
  });
});

describe('credentials', () => {
  test('refused ones are asked for anew, once', async (t) => {
    const clock = new FakeClock();
    let token = 'old';
    const server = await listen(t, (request) => {
      if (request.headers.authorization === 'Bearer new') request.list([], '1');
      else request.refuse(401, 'Unauthorized');
    });
    const read = (): Promise<{ authorization: SecretText }> =>
      Promise.resolve({ authorization: new SecretText(`Bearer ${token}`) });
    const client = server.client({ credentialSource: fileCredentials(read, clock) }, clock);
    t.after(() => client.close());
    await assert.rejects(client.list(WIDGET), { status: 401 });
    token = 'new';
    clock.advance(MIN_RENEWAL_MS);
    await client.list(WIDGET);
    token = 'newest';
    clock.advance(MIN_RENEWAL_MS);
    server.script = (request) => request.refuse(401, 'Unauthorized');
    await assert.rejects(client.list(WIDGET), { status: 401 });
    const sent = server.requests.map(({ headers }) => headers.authorization?.replace('Bearer ', ''));
    assert.deepEqual(sent, ['old', 'old', 'new', 'new', 'newest']);
  });

  test('none to be had', async (t) => {
    const server = await listen(t, (request) => request.list([], '1'));
    const client = connect(t, server, { credentialSource: () => Promise.reject(new Error('no plugin')) });
    await assert.rejects(client.list(WIDGET), { code: 'credentials', message: 'no plugin' });
    assert.equal(server.requests.length, 0);
  });
});

describe('TLS', () => {
  const served = authority.issue('kubernetes');
  const me = authority.issueForClient('me');
  const tls = { cert: served.chain, key: served.key, ca: authority.pem, requestCert: true, rejectUnauthorized: true };
  const trusting = (identity = me) =>
    fileCredentials(
      () =>
        Promise.resolve({
          authorityPem: authority.pem,
          clientCertificate: { chainPem: identity.chain, keyPem: new SecretText(identity.key) },
        }),
      SYSTEM_CLOCK,
    );

  test('a server is known by its authority and name, a client by its certificate', async (t) => {
    const server = await listen(t, (request) => request.list([], '1'), tls);
    await connect(t, server, { tlsServerName: 'kubernetes', credentialSource: trusting() }).list(WIDGET);
    await connect(t, server, { skipTlsVerify: true, credentialSource: trusting() }).list(WIDGET);
  });

  test('another name, an unknown authority, no certificate: no answer', async (t) => {
    const server = await listen(t, (request) => request.list([], '1'), tls);
    const refused = [
      { credentialSource: trusting() },
      { tlsServerName: 'other', credentialSource: trusting() },
      { tlsServerName: 'kubernetes' },
      { skipTlsVerify: true },
    ];
    for (const access of refused) {
      await assert.rejects(connect(t, server, access).list(WIDGET), { code: 'unreachable' });
    }
    assert.equal(server.requests.length, 0);
  });
});
