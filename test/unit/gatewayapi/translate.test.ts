import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemo, translate, type Translation } from '../../../src/gatewayapi/translate.ts';
import { diffIr } from '../../../src/ir/ir.ts';
import { gateway, hostBinding, options, resourcesOf, route, service, slice } from './configuration.ts';

/** Rounds after which tables whose sources never change are swept, too. */
const ENOUGH_ROUNDS = 64;

function changedStatuses(from: Translation, to: Translation): string[] {
  return [...to.statuses].filter(([key, status]) => from.statuses.get(key) !== status).map(([key]) => key);
}

function changedResources(from: Translation, to: Translation): string[] {
  return [...to.ir.resources].filter(([key, resource]) => from.ir.resources.get(key) !== resource).map(([key]) => key);
}

describe('translate', () => {
  it('touches only what a change is about', () => {
    const resources = resourcesOf(gateway(), service('web'), service('other'), slice('web-1', 'web', '10.0.0.1'));
    for (let i = 0; i < 20; i++) resources.put(route(`route-${i}`));
    const memo = createMemo();
    const first = translate(resources, memo, options());
    const again = translate(resources, memo, options());
    assert.deepEqual([changedResources(first, again), changedStatuses(first, again)], [[], []]);

    resources.put(route('route-7', [{ matches: [{ path: { type: 'PathPrefix', value: '/seven' } }] }]));
    const withRoute = translate(resources, memo, options());
    assert.deepEqual(changedResources(again, withRoute), ['route/HTTPRoute/shop/route-7']);
    assert.deepEqual(changedStatuses(again, withRoute), []);

    resources.put(slice('web-1', 'web', '10.0.0.2'));
    const withSlice = translate(resources, memo, options());
    assert.deepEqual(changedResources(withRoute, withSlice), ['cluster/Service/shop/web/80']);
    assert.deepEqual(changedStatuses(withRoute, withSlice), []);
    assert.equal(diffIr(withRoute.ir, withSlice.ir).put.length, 1);

    resources.put(service('web'));
    const withCopy = translate(resources, memo, options());
    assert.deepEqual([changedResources(withSlice, withCopy), changedStatuses(withSlice, withCopy)], [[], []]);

    resources.delete({ kind: 'HTTPRoute', namespace: 'shop', name: 'route-0' });
    const withoutRoute = translate(resources, memo, options());
    assert.deepEqual(changedResources(withCopy, withoutRoute), []);
    assert.deepEqual(changedStatuses(withCopy, withoutRoute), ['Gateway/shop/gw']);
    assert.equal(withoutRoute.ir.resources.size, withCopy.ir.resources.size - 1);
  });

  it('tells in the statuses which ports can not be bound, and leaves the IR as it is', () => {
    const resources = resourcesOf(gateway(), service('web'), route('web'));
    const memo = createMemo();
    const before = translate(resources, memo, options());
    const after = translate(resources, memo, options({ unavailablePorts: new Map([['80', 'EADDRINUSE']]) }));
    assert.equal(after.ir.hash, before.ir.hash);
    assert.deepEqual(changedStatuses(before, after), ['Gateway/shop/gw']);
    assert.match(JSON.stringify(after.statuses.get('Gateway/shop/gw')), /PortUnavailable.*EADDRINUSE/);
  });

  it('works with other options and other resources than the memo last saw', () => {
    const memo = createMemo();
    const resources = resourcesOf(gateway(), service('web'), route('web'));
    translate(resources, memo, options());
    const moved = options({ binding: hostBinding(8000) });
    assert.ok(translate(resources, memo, moved).ir.resources.has('listener/::/8080'));
    const renamed = options({ controllerName: 'example.com/other' });
    assert.equal(translate(resources, memo, renamed).statuses.size, 0);
    const others = resourcesOf(gateway(), route('other'));
    assert.equal(translate(others, memo, options()).ir.hash, translate(others, createMemo(), options()).ir.hash);
  });

  it('keeps nothing of what is no more', () => {
    const resources = resourcesOf(gateway());
    const memo = createMemo();
    for (let i = 0; i < 100; i++) {
      const backendRefs = [{ group: '', kind: 'Service', name: `lost-${i}`, port: 80, weight: 1 }];
      resources.put(route(`route-${i}`, [{ backendRefs }]));
    }
    translate(resources, memo, options());
    const sizes = (): Record<string, number> =>
      Object.fromEntries(Object.entries(memo.tables).map(([name, table]) => [name, table.size]));
    assert.equal(sizes()['routeTranslation'], 100);
    assert.equal(sizes()['backendTarget'], 100);
    for (let i = 0; i < 100; i++) resources.delete({ kind: 'HTTPRoute', namespace: 'shop', name: `route-${i}` });
    translate(resources, memo, options());
    assert.equal(sizes()['routeTranslation'], 0);
    for (let i = 0; i < ENOUGH_ROUNDS; i++) translate(resources, memo, options());
    assert.equal(sizes()['backendTarget'], 0);
  });
});
