// Starts the product's data plane for black-box tests of HTTP/1.1: a gateway with an upstream, or many, behind listeners of their own.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { Conditions } from './deadline.ts';
import { Recorder } from './recorder.ts';
import { loadSource } from './source.ts';
import type { AddressInfo } from 'node:net';
import type * as engineModule from '../../src/dataplane/engine.ts';
import type { EngineOptions } from '../../src/dataplane/engine.ts';
import type { Cluster, Endpoint } from '../../src/ir/cluster.ts';
import type { Filter } from '../../src/ir/filter.ts';
import type * as irModule from '../../src/ir/ir.ts';
import type { Resource } from '../../src/ir/ir.ts';
import type { Listener } from '../../src/ir/listener.ts';
import type { PathMatch, Route, RouteRule } from '../../src/ir/route.ts';
import type * as accessLogModule from '../../src/observability/access-log.ts';
import type * as linearRegExpModule from '../../src/lib/linear-regexp.ts';
import type * as metricNamesModule from '../../src/observability/metric-names.ts';
import type { Target } from './http1-attack.ts';

/** The whole rule is its path, unless more is said. */
export interface RuleSetup {
  readonly path: PathMatch;
  readonly filters?: readonly Filter[];
  /** A redirect answers by itself. */
  readonly noBackend?: boolean;
}

export interface GatewaySetup {
  /** Default: one that takes everything. All rules lead to the one upstream. */
  readonly rules?: readonly RuleSetup[];
  /** Of the listener; default `*`. */
  readonly hostname?: string;
  readonly limits?: EngineOptions['limits'];
  readonly timeouts?: EngineOptions['timeouts'];
  /** The gateway is its own upstream. */
  readonly loop?: boolean;
}

export interface LogEntry {
  readonly line: string;
  readonly path: string | undefined;
  readonly status: number | undefined;
}

export interface Gateway extends Target {
  /** Entries of the access log that were not taken yet: waits for that many, takes them all. */
  takeLog(count: number): Promise<readonly LogEntry[]>;
  /** @throws where the engine met a defect in its own code, or a script of the upstream failed. */
  close(): Promise<void>;
}

export interface Gateways extends AsyncDisposable {
  readonly targets: readonly Target[];
}

const ADDRESS = '127.0.0.1';
const ANY: readonly RuleSetup[] = [{ path: { type: 'prefix', value: '/' } }];

export async function startGateway(setup: GatewaySetup = {}): Promise<Gateway> {
  const bindPort = setup.loop === true ? await freePort() : 0;
  const upstream = await Recorder.listen(ADDRESS);
  const log = new MemoryLog();
  const port = setup.loop === true ? bindPort : upstream.port;
  const engine = await startEngine(
    setup,
    log,
    slotResources('0', bindPort, setup, { kind: 'ip', address: ADDRESS, port }),
  );
  const [bound] = engine.addresses();
  return {
    address: ADDRESS,
    port: bound?.port ?? assert.fail('the listener is bound'),
    upstream,
    takeLog: (count) => log.take(count),
    close: async () => {
      await engine.close();
      await upstream.close();
    },
  };
}

/** One engine with many listeners, each with an upstream of its own: what a client sends to one can't get mixed up with another's. */
export async function startGateways(count: number, setup: GatewaySetup = {}): Promise<Gateways> {
  const upstreams = await Promise.all(Array.from({ length: count }, () => Recorder.listen(ADDRESS)));
  const resources = upstreams.flatMap(({ port }, slot) =>
    slotResources(`${slot}`, 0, setup, { kind: 'ip', address: ADDRESS, port }),
  );
  const engine = await startEngine(setup, undefined, resources);
  const ports = new Map(engine.addresses().map(({ key, port }) => [key, port]));
  return {
    targets: upstreams.map((upstream, slot) => ({
      address: ADDRESS,
      port: ports.get(`listener/${slot}`) ?? assert.fail(),
      upstream,
    })),
    [Symbol.asyncDispose]: async () => {
      await engine.close();
      await Promise.all(upstreams.map((upstream) => upstream.close()));
    },
  };
}

interface RunningEngine {
  addresses(): readonly { readonly key: string; readonly port: number }[];
  close(): Promise<void>;
}

async function startEngine(
  setup: GatewaySetup,
  log: MemoryLog | undefined,
  resources: readonly Resource[],
): Promise<RunningEngine> {
  const { createEngine } = await loadSource<typeof engineModule>('dataplane/engine.ts');
  const { createIr } = await loadSource<typeof irModule>('ir/ir.ts');
  const { Metrics } = await loadSource<typeof metricNamesModule>('observability/metric-names.ts');
  const accessLog = await loadSource<typeof accessLogModule>('observability/access-log.ts');
  const { enableLinearRegExp } = await loadSource<typeof linearRegExpModule>('lib/linear-regexp.ts');
  enableLinearRegExp();
  const defects: unknown[] = [];
  const engine = createEngine({
    metrics: new Metrics(),
    limits: setup.limits ?? {},
    timeouts: { headMs: 2_000, bodyIdleMs: 2_000, lingerMs: 500, ...setup.timeouts },
    onDefect: (error) => defects.push(error),
    ...(log === undefined
      ? {}
      : { accessLog: accessLog.createAccessLog({ fields: accessLog.ACCESS_LOG_FIELDS, sink: log }) }),
  });
  const { failures } = await engine.apply(createIr(resources));
  assert.deepEqual(failures, []);
  return {
    addresses: () => engine.addresses(),
    close: async () => {
      await engine.close();
      assert.deepEqual(defects, [], 'no defect was met');
    },
  };
}

function slotResources(slot: string, bindPort: number, setup: GatewaySetup, endpoint: Endpoint): Resource[] {
  const hostname = setup.hostname ?? '*';
  const listener: Listener = {
    kind: 'listener',
    key: `listener/${slot}`,
    bindAddress: ADDRESS,
    bindPort,
    port: 80,
    protocol: 'HTTP',
    virtualHosts: [{ name: `test/gateway/${slot}`, hostname, traffic: 'http', certificates: [] }],
  };
  const cluster: Cluster = {
    kind: 'cluster',
    key: `cluster/Service/test/upstream-${slot}/80`,
    name: `test/upstream-${slot}:80`,
    protocol: 'http1',
    endpoints: [endpoint],
    connectTimeoutMs: 2_000,
    idleTimeoutMs: 60_000,
    maxConnections: 100,
    maxStreamsPerConnection: 100,
    maxPendingRequests: 100,
  };
  const rules = (setup.rules ?? ANY).map(({ path, filters = [], noBackend = false }, index): RouteRule => ({
    name: `${index}`,
    matches: [{ path, headers: [], queryParams: [] }],
    filters,
    backends: noBackend ? [] : [{ name: cluster.name, weight: 1, cluster: cluster.key, filters: [] }],
    requestTimeoutMs: 0,
    backendRequestTimeoutMs: 0,
  }));
  const route: Route = {
    kind: 'route',
    protocol: 'http',
    key: `route/HTTPRoute/test/route-${slot}`,
    name: `test/route-${slot}`,
    createdAtMs: 0,
    attachments: [{ virtualHost: `test/gateway/${slot}`, hostnames: [{ served: hostname, declared: hostname }] }],
    rules,
  };
  return [listener, cluster, route];
}

/** The access log's sink, read by tests. */
class MemoryLog {
  readonly droppedLines = 0;
  readonly #conditions = new Conditions();
  #lines: string[] = [];

  write(line: string): void {
    this.#lines.push(line);
    this.#conditions.changed();
  }

  async take(count: number): Promise<readonly LogEntry[]> {
    await this.#conditions.until(`${count} lines in the access log`, () => this.#lines.length >= count || undefined);
    const lines = this.#lines;
    this.#lines = [];
    return lines.map((text) => {
      assert.ok(text.endsWith('}\n'), `a whole line: ${JSON.stringify(text)}`);
      const line = text.slice(0, -1);
      const { path, status } = JSON.parse(line) as { path?: string; status?: number };
      return { line, path, status };
    });
  }

  async flush(): Promise<void> {}
  reopen(): void {}
  async close(): Promise<void> {}
}

/** A port that was free a moment ago: an engine that is its own upstream must know its port before it binds it. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, ADDRESS, done));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((done) => server.close(() => done()));
  return port;
}
