import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compile, CompileMemo, releaseMemo } from '../../../../src/dataplane/runtime/compile.ts';
import type { CompileServices } from '../../../../src/dataplane/runtime/compile.ts';
import { createIr, type Resource } from '../../../../src/ir/ir.ts';
import { listenerKey, type Listener, type Traffic } from '../../../../src/ir/listener.ts';
import type { Route, StreamRoute } from '../../../../src/ir/route.ts';
import { TimerWheel } from '../../../../src/lib/timeout-queue.ts';
import { Metrics } from '../../../../src/observability/metric-names.ts';

const ANY_HOST = [{ served: '*', declared: '*' }];

/** One virtual host on that address. */
function listener(bindAddress: string, port: number, name: string, traffic: Traffic): Listener {
  const protocol = traffic === 'http' ? 'HTTP' : 'TCP';
  const virtualHosts = [{ name, hostname: '*', traffic, certificates: [] }];
  const key = listenerKey(bindAddress, port, protocol);
  return { kind: 'listener', key, bindAddress, bindPort: port, port, protocol, virtualHosts };
}

const ROUTE: Route = {
  kind: 'route',
  key: 'route/HTTPRoute/shop/web',
  protocol: 'http',
  name: 'shop/web',
  createdAtMs: 0,
  attachments: [{ virtualHost: 'shop/gw/http', hostnames: ANY_HOST }],
  rules: [
    {
      name: '0',
      matches: [{ path: { type: 'prefix', value: '/' }, headers: [], queryParams: [] }],
      filters: [],
      backends: [],
      requestTimeoutMs: 0,
      backendRequestTimeoutMs: 0,
    },
  ],
};

const STREAM_ROUTE: StreamRoute = {
  kind: 'streamRoute',
  key: 'route/TCPRoute/shop/tcp',
  name: 'shop/tcp',
  createdAtMs: 0,
  attachments: [{ virtualHost: 'shop/gw/tcp', hostnames: ANY_HOST }],
  backends: [],
};

describe('a virtual host on several addresses', () => {
  it('has its routes on each, counts them together, and leaves nothing behind', () => {
    const metrics = new Metrics();
    const services: CompileServices = { wheel: new TimerWheel(assert.ifError), metrics };
    const addresses = ['192.0.2.1', '2001:db8::1'];
    const resources: readonly Resource[] = [
      ...addresses.map((address) => listener(address, 80, 'shop/gw/http', 'http')),
      ...addresses.map((address) => listener(address, 90, 'shop/gw/tcp', 'stream')),
      ROUTE,
      STREAM_ROUTE,
    ];
    const ir = createIr(resources);
    const first = compile(ir, undefined, new CompileMemo(), services);
    const second = compile(ir, undefined, first.memo, services);
    releaseMemo(first.memo, second.memo);
    const tables = [...second.listeners.values()].flatMap(({ all }) => all).map(({ routes }) => routes.hosts.size);
    assert.deepEqual(tables, [1, 1, 0, 0]);
    assert.match(metrics.registry.expose(), /route="shop\/web"/);
    releaseMemo(second.memo, new CompileMemo());
    assert.doesNotMatch(metrics.registry.expose(), /shop\//);
  });
});
