// Listeners that ListenerSets add to a Gateway, and addresses of a pool that are for one Gateway each.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADDRESS } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { POOL, ServedManifests } from './served-manifests.ts';

const [FIRST = '', SECOND = ''] = POOL;

function gateway(port: number, hostname: string, allows: 'All' | 'None', addresses: readonly string[] = []): object {
  return {
    gatewayClassName: 'test',
    allowedListeners: { namespaces: { from: allows } },
    listeners: [{ name: 'http', protocol: 'HTTP', port, hostname }],
    addresses: addresses.map((value) => ({ value })),
  };
}

describe('what ListenerSets add to a Gateway', { timeout: 20_000 }, () => {
  test('is served by the routes of the ListenerSet alone, as long as the Gateway allows it', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const port = await bed.closedPort();
    const manifests = await ServedManifests.start(bed);
    const allow = (from: 'All' | 'None'): void =>
      manifests.put('Gateway', 'edge', { spec: gateway(port, 'own.test', from) });
    allow('All');
    const backendRefs = [{ group: 'sluice.dev', kind: 'Backend', name: 'web' }];
    const parentRef = { name: 'edge' };
    const listeners = [{ name: 'more', protocol: 'HTTP', port, hostname: 'more.test' }];
    manifests.put('ListenerSet', 'more', { spec: { parentRef, listeners } });
    manifests.put('Backend', 'web', { spec: { endpoints: [{ ip: { address: ADDRESS, port: upstream.port } }] } });
    const attachTo = (parent: object): void =>
      manifests.put('HTTPRoute', 'web', { spec: { parentRefs: [parent], rules: [{ backendRefs }] } });
    const statuses = async (): Promise<readonly number[]> => {
      await manifests.apply();
      return [await manifests.ask(FIRST, port, 'own.test'), await manifests.ask(FIRST, port, 'more.test')];
    };

    attachTo({ kind: 'ListenerSet', name: 'more' });
    assert.deepEqual(await statuses(), [404, 200]);
    attachTo({ name: 'edge' });
    assert.deepEqual(await statuses(), [200, 404]);
    attachTo({ kind: 'ListenerSet', name: 'more', sectionName: 'more' });
    assert.deepEqual(await statuses(), [404, 200]);
    allow('None');
    assert.deepEqual(await statuses(), [404, 404]);
    allow('All');
    assert.deepEqual(await statuses(), [404, 200]);
    manifests.delete({ kind: 'ListenerSet', namespace: 'default', name: 'more' });
    assert.deepEqual(await statuses(), [404, 404]);
  });
});

describe('addresses of a pool', { timeout: 20_000 }, () => {
  test('Gateways have one port on addresses of their own; one may have several', async (t) => {
    const bed = new TestBed(t);
    const upstream = await bed.upstream();
    const port = await bed.closedPort();
    const manifests = await ServedManifests.start(bed);
    manifests.put('Backend', 'web', { spec: { endpoints: [{ ip: { address: ADDRESS, port: upstream.port } }] } });
    const backendRefs = [{ group: 'sluice.dev', kind: 'Backend', name: 'web' }];
    for (const name of ['a', 'b']) {
      manifests.put('Gateway', name, { spec: gateway(port, `${name}.test`, 'None') });
      manifests.put('HTTPRoute', name, { spec: { parentRefs: [{ name }], rules: [{ backendRefs }] } });
    }
    const statuses = async (): Promise<readonly number[]> => {
      await manifests.apply();
      const asked: number[] = [];
      for (const address of POOL)
        for (const host of ['a.test', 'b.test']) asked.push(await manifests.ask(address, port, host));
      return asked;
    };

    assert.deepEqual(await statuses(), [200, 404, 404, 200]);
    manifests.delete({ kind: 'Gateway', namespace: 'default', name: 'b' });
    manifests.put('Gateway', 'a', { spec: gateway(port, 'a.test', 'None', [SECOND, FIRST]) });
    assert.deepEqual(await statuses(), [200, 404, 200, 404]);
  });
});
