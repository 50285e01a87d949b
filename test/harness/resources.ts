// Resources of the IR with defaults, so that a test names only what it is about.
import type { Certificate } from '../../src/ir/certificate.ts';
import type { Cluster, Endpoint } from '../../src/ir/cluster.ts';
import type { Listener, VirtualHost } from '../../src/ir/listener.ts';
import type { Route, RouteMatch, RouteRule, WeightedBackend } from '../../src/ir/route.ts';
import type * as secretTextModule from '../../src/lib/secret-text.ts';
import { loadSource } from './source.ts';

export const ADDRESS = '127.0.0.1';

const { SecretText } = await loadSource<typeof secretTextModule>('lib/secret-text.ts');

/** The name that `listener` gives its only virtual host: where a route attaches unless it says otherwise. */
export const VIRTUAL_HOST = 'test/gateway/http';

export function listener(setup: Partial<Listener> = {}): Listener {
  return {
    kind: 'listener',
    key: 'listener/a',
    bindAddress: ADDRESS,
    bindPort: 0,
    port: 80,
    protocol: 'HTTP',
    virtualHosts: [virtualHost()],
    ...setup,
  };
}

export function virtualHost(setup: Partial<VirtualHost> = {}): VirtualHost {
  return { name: VIRTUAL_HOST, hostname: '*', traffic: 'http', certificates: [], ...setup };
}

/** Its key is `cluster/<name>`. */
export function cluster(
  name: string,
  endpoints: readonly (number | Endpoint)[],
  setup: Partial<Omit<Cluster, 'name' | 'endpoints'>> = {},
): Cluster {
  return {
    kind: 'cluster',
    key: `cluster/${name}`,
    name: `test/${name}`,
    protocol: 'http1',
    endpoints: endpoints.map((endpoint) =>
      typeof endpoint === 'number' ? { kind: 'ip', address: ADDRESS, port: endpoint } : endpoint,
    ),
    connectTimeoutMs: 5_000,
    idleTimeoutMs: 60_000,
    maxConnections: 100,
    maxStreamsPerConnection: 100,
    maxPendingRequests: 100,
    ...setup,
  };
}

/** Of a cluster made by `cluster`; without a name the reference is broken. */
export function backend(name: string | undefined, setup: Partial<WeightedBackend> = {}): WeightedBackend {
  return {
    name: `test/${name ?? 'broken'}`,
    weight: 1,
    ...(name === undefined ? {} : { cluster: `cluster/${name}` }),
    filters: [],
    ...setup,
  };
}

export interface RuleSetup extends Partial<Omit<RouteRule, 'backends' | 'matches'>> {
  /** A prefix; default `/`. */
  readonly path?: string;
  readonly match?: Partial<RouteMatch>;
  readonly backends?: readonly (string | WeightedBackend)[];
}

function rule({ path = '/', match = {}, backends = [], ...setup }: RuleSetup): RouteRule {
  return {
    name: '0',
    matches: [{ path: { type: 'prefix', value: path }, headers: [], queryParams: [], ...match }],
    filters: [],
    backends: backends.map((each) => (typeof each === 'string' ? backend(each) : each)),
    requestTimeoutMs: 0,
    backendRequestTimeoutMs: 0,
    ...setup,
  };
}

export interface RouteSetup {
  readonly hostname?: string;
  readonly virtualHost?: string;
}

export function route(name: string, rules: readonly RuleSetup[], setup: RouteSetup = {}): Route {
  const { hostname = '*', virtualHost = VIRTUAL_HOST } = setup;
  return {
    kind: 'route',
    protocol: 'http',
    key: `route/HTTPRoute/test/${name}`,
    name: `test/${name}`,
    createdAtMs: 0,
    attachments: [{ virtualHost, hostnames: [{ served: hostname, declared: hostname }] }],
    rules: rules.map((each, index) => ({ ...rule(each), name: each.name ?? String(index) })),
  };
}

export function certificate(name: string, pem: { readonly chain: string; readonly key: string }): Certificate {
  return {
    kind: 'certificate',
    key: `certificate/test/${name}`,
    chainPem: pem.chain,
    privateKeyPem: new SecretText(pem.key),
  };
}
