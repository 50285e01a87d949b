// A ListenerPolicy from its manifest to the wire, and what a change of it touches: new connections, and nothing that is there already.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { Resources } from '../../../src/gatewayapi/resources.ts';
import { createMemo, translate } from '../../../src/gatewayapi/translate.ts';
import { createValidator } from '../../../src/validation/validator.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf, valueOf } from '../../harness/http1-message.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const GATEWAY = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' };

function objectsFor(upstreamPort: number, listenerPort: number): readonly object[] {
  const metadata = (name: string): object => ({ name, namespace: 'default' });
  const listeners = [{ name: 'http', protocol: 'HTTP', port: listenerPort }];
  const endpoints = [{ ip: { address: ADDRESS, port: upstreamPort } }];
  const backendRefs = [{ group: 'sluice.dev', kind: 'Backend', name: 'web' }];
  return [
    {
      apiVersion: GATEWAY_API,
      kind: 'GatewayClass',
      metadata: { name: 'sluice' },
      spec: { controllerName: 'x.dev/y' },
    },
    {
      apiVersion: GATEWAY_API,
      kind: 'Gateway',
      metadata: metadata('edge'),
      spec: { gatewayClassName: 'sluice', listeners },
    },
    { apiVersion: 'sluice.dev/v1alpha1', kind: 'Backend', metadata: metadata('web'), spec: { endpoints } },
    {
      apiVersion: GATEWAY_API,
      kind: 'HTTPRoute',
      metadata: metadata('web'),
      spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs }] },
    },
  ];
}

function policy(settings: object): object {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'ListenerPolicy',
    metadata: { name: 'p', namespace: 'default' },
    spec: { targetRefs: [GATEWAY], ...settings },
  };
}

const validator = createValidator();

function validated(manifest: object): KubernetesObject {
  const validation = validator.validate(manifest);
  assert.ok(validation.outcome === 'valid', JSON.stringify(validation));
  return validation.object;
}

async function ask(client: WireClient, bytes: string): Promise<number> {
  const count = client.responses().length + 1;
  return statusOf((await client.send(bytes).untilResponses(count)).at(-1) ?? assert.fail());
}

describe('a policy from its manifest to the wire', { timeout: 20_000 }, () => {
  test('new connections follow it, those that are there keep what they were accepted with, and the socket stays', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const port = await bed.closedPort();
    const resources = new Resources();
    for (const object of objectsFor(upstream.port, port)) resources.put(validated(object));
    const gateway = await bed.engine([]);
    const memo = createMemo();
    const apply = async (settings: object | undefined): Promise<void> => {
      if (settings === undefined) resources.delete({ kind: 'ListenerPolicy', namespace: 'default', name: 'p' });
      else resources.put(validated(policy(settings)));
      const { ir } = translate(resources, memo, {
        controllerName: 'x.dev/y',
        binding: {
          kind: 'host',
          bindAddress: ADDRESS,
          portOffset: 0,
          addresses: [{ type: 'IPAddress', value: ADDRESS }],
        },
        unavailablePorts: new Map(),
      });
      assert.deepEqual((await gateway.engine.apply(ir)).failures, []);
    };

    await apply(undefined);
    const before = await bed.client({ address: ADDRESS, port });
    const large = request('GET /', [`X: ${'a'.repeat(2_000)}`]);
    assert.equal(await ask(before, large), 200);
    upstream.takeRequests();

    const silent = await bed.client({ address: ADDRESS, port });
    assert.equal(await ask(await bed.client({ address: ADDRESS, port }), request('GET /')), 200, 'accepted in order');
    upstream.takeRequests();

    await apply({ limits: { headBytes: 1024 }, clientAddress: { trustedHops: 1 } });
    assert.equal(await ask(before, large), 200, 'as it was accepted');
    assert.equal(await ask(silent, large), 200, 'as it was accepted');
    upstream.takeRequests();
    // Whom to believe is a matter of the request, not of the connection.
    assert.equal(await ask(before, request('GET /', ['X-Forwarded-For: 192.0.2.1'])), 200);
    const [told] = upstream.takeRequests();
    assert.equal(told && valueOf(told, 'x-forwarded-for'), '192.0.2.1, 127.0.0.1');
    const after = await bed.client({ address: ADDRESS, port });
    assert.equal(await ask(after, large), 431);

    await apply({ proxyProtocol: { trustedSources: ['127.0.0.0/8'] } });
    assert.equal(await ask(before, request('GET /')), 200);
    const unannounced = await bed.client({ address: ADDRESS, port });
    await unannounced.send(request('GET /')).untilClosed();
    assert.equal(unannounced.end, 'reset');

    await apply(undefined);
    const last = await bed.client({ address: ADDRESS, port });
    assert.equal(await ask(last, large), 200);
    assert.equal(before.end, 'open');
    assert.equal(last.end, 'open');
  });
});
