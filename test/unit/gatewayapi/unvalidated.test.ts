// What validation refuses before the translator sees it, but an API server with older CRDs may let through: it must do no harm.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { createMemo, translate } from '../../../src/gatewayapi/translate.ts';
import { gateway, options, resourcesOf, route, service } from './configuration.ts';

function statusText(key: string, ...objects: readonly KubernetesObject[]): string {
  return JSON.stringify(translate(resourcesOf(...objects), createMemo(), options()).statuses.get(key));
}

/** The status of a route with that rule. */
function routeStatus(rule: Readonly<Record<string, unknown>>): string {
  return statusText('HTTPRoute/shop/web', gateway(), service('web'), route('web', [rule]));
}

describe('what validation would have refused', () => {
  it('listeners of one protocol, port and hostname: both lose', () => {
    const twins = [{ hostname: 'a.example.com' }, { hostname: 'a.example.com' }];
    const status = statusText('Gateway/shop/gw', gateway(twins));
    assert.equal(status.match(/"type":"Conflicted","status":"True","reason":"HostnameConflict"/g)?.length, 2);
    assert.match(status, /"type":"Accepted","status":"False","reason":"ListenersNotValid"/);
  });

  it('TCP listeners on one port, whatever hostnames they claim to have: both lose', () => {
    const twins = [
      { protocol: 'TCP', hostname: 'a.example.com' },
      { protocol: 'TCP', hostname: 'b.example.com' },
    ];
    const status = statusText('Gateway/shop/gw', gateway(twins));
    assert.equal(status.match(/"type":"Conflicted","status":"True","reason":"HostnameConflict"/g)?.length, 2);
  });

  it('a TLS listener without a mode terminates, and needs a certificate', () => {
    const status = statusText('Gateway/shop/gw', gateway([{ protocol: 'TLS', port: 443 }]));
    assert.match(status, /"reason":"InvalidCertificateRef"/);
  });

  it('names of gRPC services and methods that are other paths', () => {
    for (const method of [{ service: '..', method: 'a' }, { service: 'a/b' }, { service: 'a', method: '..' }]) {
      const status = statusText(
        'GRPCRoute/shop/web',
        gateway(),
        route('web', [{ matches: [{ method }] }], 'GRPCRoute'),
      );
      assert.match(status, /"type":"Accepted","status":"False","reason":"UnsupportedValue".*is not the name of a gRPC/);
    }
  });

  it('several rules in a route of connections: the first counts', () => {
    const rules = ['first', 'second'].map((name) => ({
      backendRefs: [{ group: '', kind: 'Service', name, port: 80, weight: 1 }],
    }));
    const objects = [gateway([{ protocol: 'TCP' }]), route('web', rules, 'TCPRoute'), service('first')];
    const { ir } = translate(resourcesOf(...objects), createMemo(), options());
    const translated = ir.resources.get('route/TCPRoute/shop/web');
    assert.ok(translated?.kind === 'streamRoute');
    assert.deepEqual(
      translated.backends.map(({ cluster }) => cluster),
      ['cluster/Service/shop/first/80'],
    );
  });

  it('a header value with a line break', () => {
    const requestHeaderModifier = { set: [{ name: 'x', value: 'a\r\nHost: evil' }] };
    assert.match(
      routeStatus({ filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier }] }),
      /UnsupportedValue.*set\[0\]\.value: the value holds a character that no header may hold/,
    );
  });

  it('a replaced prefix where nothing matched one', () => {
    const path = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' };
    const filters = [{ type: 'URLRewrite', urlRewrite: { path } }];
    const matches = [{ path: { type: 'Exact', value: '/a' } }];
    assert.match(
      routeStatus({ matches, filters }),
      /UnsupportedValue.*needs every match of the rule to be a PathPrefix/,
    );
    const backendRefs = [{ group: '', kind: 'Service', name: 'web', port: 80, weight: 1, filters }];
    assert.match(routeStatus({ matches, backendRefs }), /backendRefs\[0\]\.filters\[0\]\.urlRewrite\.path\.type/);
  });

  it('a Service without a port', () => {
    const backendRefs = [{ group: '', kind: 'Service', name: 'web', weight: 1 }];
    assert.match(routeStatus({ backendRefs }), /BackendNotFound.*the reference to Service shop\/web needs a port/);
  });

  it('a timeout that is no duration', () => {
    assert.match(
      routeStatus({ timeouts: { request: '1d' } }),
      /UnsupportedValue.*timeouts\.request: must be a duration/,
    );
  });

  it('names of objects that JavaScript knows', () => {
    const name = '__proto__';
    const backendRefs = [{ group: '', kind: 'Service', name, port: 80, weight: 1 }];
    const objects = [gateway([{ name }]), service(name), route(name, [{ backendRefs }])];
    const { ir } = translate(resourcesOf(...objects), createMemo(), options());
    assert.ok(ir.resources.has('cluster/Service/shop/__proto__/80'));
    assert.match(statusText('HTTPRoute/shop/__proto__', ...objects), /"ResolvedRefs","status":"True"/);
  });
});
