// The data plane as one object: it applies IRs and serves from the last one that was applied whole. An apply that fails leaves what is
// served as it is.
import type { Server } from 'node:net';
import type { Ir } from '../ir/ir.ts';
import type { Cluster } from '../ir/cluster.ts';
import { TimerWheel } from '../lib/timeout-queue.ts';
import type { AccessLog } from '../observability/access-log.ts';
import type { Metrics, OverloadResource } from '../observability/metric-names.ts';
import { bindOverloadCells } from '../observability/traffic-cells.ts';
import { ClusterRegistry } from './cluster/cluster-registry.ts';
import type { ConnectFailure } from './cluster/cluster-registry.ts';
import { DEFAULT_ENGINE_LIMITS, DEFAULT_ENGINE_TIMEOUTS } from './engine-defaults.ts';
import type { EngineLimits, EngineTimeouts } from './engine-defaults.ts';
import { ReplayBudget } from './forward/request-body.ts';
import { recordRequest } from './forward/request-record.ts';
import type { RequestServices } from './forward/request-services.ts';
import { recordSession } from './forward/session-record.ts';
import type { FinishedSession } from './forward/session-record.ts';
import type { BoundListener } from './listener/bound-listener.ts';
import { ListenerSocket } from './listener/listener-socket.ts';
import { UdpSocket } from './listener/udp-socket.ts';
import { datagramRouting } from './listener/datagram-routing.ts';
import type { RuntimeCertificate } from './runtime/certificate-context.ts';
import { Overload } from './overload/overload.ts';
import type { OverloadLimits, OverloadReadings, OverloadStep } from './overload/overload.ts';
import { collectGarbage, defaultOverloadLimits, OverloadMonitor } from './overload/overload-monitor.ts';
import { compile, CompileMemo, releaseMemo } from './runtime/compile.ts';
import type { RuntimeListener, RuntimeSnapshot } from './runtime/snapshot.ts';

export interface EngineOptions {
  readonly metrics: Metrics;
  /** Absent: requests are not logged. */
  readonly accessLog?: AccessLog;
  readonly limits?: Partial<EngineLimits>;
  readonly timeouts?: Partial<EngineTimeouts>;
  /** When the gateway sheds load; what is not given is the heap's, the machine's or the default limit. */
  readonly overload?: Partial<OverloadLimits>;
  readonly onOverload?: (step: OverloadStep, resource: OverloadResource) => void;
  readonly onDefect?: (error: unknown) => void;
  readonly onResolveFailure?: (hostname: string, error: unknown) => void;
  /** At most every few seconds for one endpoint. */
  readonly onConnectFailure?: (failure: ConnectFailure) => void;
  /** How hostnames of endpoints become addresses; absent: as the system does. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
  /** Makes a server listen, on a socket that somebody else holds for this address. Absent: the engine binds by itself. */
  readonly openListener?: OpenListener;
}

/** @throws Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
export type OpenListener = (server: Server, address: string, port: number) => Promise<void>;

export interface BoundAddress {
  /** Listener.key */
  readonly key: string;
  readonly address: string;
  readonly port: number;
}

export interface BindFailure {
  /** Listener.key */
  readonly key: string;
  readonly port: number;
  /** `EADDRINUSE`, `EACCES` … */
  readonly code: string;
}

export interface ApplyResult {
  /** Listeners that could not be bound: they are not served, everything else is. The next apply tries again. */
  readonly failures: readonly BindFailure[];
}

/** How long an apply waits for the first addresses of new hostnames. */
const MAX_RESOLVE_WAIT_MS = 2_000;

export class Engine {
  readonly #options: EngineOptions;
  readonly #wheel: TimerWheel;
  readonly #registry: ClusterRegistry;
  readonly #services: RequestServices;
  readonly #overload: Overload;
  readonly #monitor: OverloadMonitor;
  readonly #limits: EngineLimits;
  readonly #timeouts: EngineTimeouts;
  readonly #sockets = new Map<string, BoundListener>();
  /** Of listeners that left the configuration, until their last connection is closed. */
  readonly #closing = new Map<BoundListener, Promise<void>>();
  #snapshot: RuntimeSnapshot | undefined = undefined;
  #memo = new CompileMemo();
  #applying: Promise<unknown> = Promise.resolve();
  #isDraining = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#wheel = new TimerWheel((error) => options.onDefect?.(error));
    this.#limits = { ...DEFAULT_ENGINE_LIMITS, ...options.limits };
    this.#timeouts = { ...DEFAULT_ENGINE_TIMEOUTS, ...options.timeouts };
    const timeouts = this.#timeouts;
    const queue = (ms: number): ReturnType<TimerWheel['queue']> => this.#wheel.queue(ms);
    this.#registry = new ClusterRegistry({
      wheel: this.#wheel,
      metrics: options.metrics,
      writeStallMs: timeouts.writeStallMs,
      onResolveFailure: options.onResolveFailure ?? (() => {}),
      onConnectFailure: (failure) => options.onConnectFailure?.(failure),
      onDefect: (error) => options.onDefect?.(error),
      ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
    });
    this.#overload = new Overload({
      limits: {
        ...defaultOverloadLimits(),
        maxTotalConnections: this.#limits.maxTotalConnections,
        ...options.overload,
      },
      cells: bindOverloadCells(options.metrics),
      collectGarbage,
      onStep: (step, resource) => this.#options.onOverload?.(step, resource),
    });
    this.#monitor = new OverloadMonitor(
      () => this.#countConnections(),
      (readings) => this.#onReadings(readings),
    );
    this.#services = {
      timeouts: { streamIdle: queue(timeouts.streamIdleMs), tunnelIdle: queue(timeouts.tunnelIdleMs) },
      overload: this.#overload,
      replayBudget: new ReplayBudget(this.#limits.maxReplayBytes),
      timeout: (ms) => queue(roundedUp(ms)),
      onRequestDone: (request, cells) => recordRequest(request, cells, options.accessLog),
    };
  }

  /** What is served now; undefined before the first apply. */
  get snapshot(): RuntimeSnapshot | undefined {
    return this.#snapshot;
  }

  addresses(): BoundAddress[] {
    return Array.from(this.#sockets, ([key, socket]) => ({
      key,
      address: socket.current.listener.config.bindAddress,
      port: socket.port,
    }));
  }

  /**
   * Serves this IR from the moment the promise resolves. Applies run one after the other.
   * @throws Error when the IR can't be compiled; what was served goes on.
   */
  async apply(ir: Ir): Promise<ApplyResult> {
    const result = this.#applying.then(() => this.#apply(ir));
    this.#applying = result.catch(() => {});
    return await result;
  }

  /**
   * Answers say `Connection: close` from now on. New connections are still accepted and idle ones stay open, because whoever sends
   * requests learns only little by little that it should not.
   */
  startDraining(): void {
    this.#isDraining = true;
  }

  /**
   * Accepts nothing more: others do, on the same sockets. Connections that were accepted are served as while draining, also those
   * that have not asked anything yet.
   */
  async stopAccepting(): Promise<void> {
    this.startDraining();
    await this.#applying;
    for (const socket of this.#sockets.values()) if (socket instanceof ListenerSocket) socket.stopAccepting();
  }

  /** Accepts nothing more and waits for the requests in flight, at most so long; then cuts what is left. */
  async drain(graceMs: number): Promise<void> {
    this.startDraining();
    await this.#applying;
    const draining = [...this.#sockets.values()].map((socket) => socket.drain());
    await settledWithin(Promise.all([...draining, ...this.#closing.values()]), graceMs);
    this.#destroy();
  }

  /** Cuts everything. */
  async close(): Promise<void> {
    this.#isDraining = true;
    await this.#applying;
    this.#destroy();
  }

  async #apply(ir: Ir): Promise<ApplyResult> {
    const clusterConfigs = clustersOf(ir);
    await settledWithin(this.#registry.resolve(clusterConfigs), MAX_RESOLVE_WAIT_MS);
    // What can fail comes first; from the update on, nothing throws.
    const { listeners, memo } = compile(ir, this.#snapshot, this.#memo, {
      wheel: this.#wheel,
      metrics: this.#options.metrics,
    });
    const { clusters, retire } = this.#registry.update(clusterConfigs, clientCertificatesOf(listeners));
    const snapshot: RuntimeSnapshot = { hash: ir.hash, listeners, clusters };
    const failures = await this.#bind(snapshot);
    for (const [key, listener] of snapshot.listeners) this.#sockets.get(key)?.swap(snapshot, listener);
    this.#snapshot = snapshot;
    retire();
    releaseMemo(this.#memo, memo);
    this.#memo = memo;
    for (const [key, socket] of this.#sockets) if (!snapshot.listeners.has(key)) this.#unbind(key, socket);
    return { failures };
  }

  async #bind(snapshot: RuntimeSnapshot): Promise<BindFailure[]> {
    const failures: BindFailure[] = [];
    const missing = [...snapshot.listeners].filter(([key]) => !this.#sockets.has(key));
    await Promise.all(
      missing.map(async ([key, listener]) => {
        const socket = this.#createSocket(snapshot, listener);
        try {
          await socket.listen();
          this.#sockets.set(key, socket);
        } catch (error) {
          socket.destroy();
          failures.push({
            key,
            port: listener.config.bindPort,
            code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN',
          });
        }
      }),
    );
    return failures;
  }

  #createSocket(snapshot: RuntimeSnapshot, listener: RuntimeListener): BoundListener {
    return listener.config.protocol === 'UDP'
      ? this.#createUdpSocket(snapshot, listener)
      : this.#createListenerSocket(snapshot, listener);
  }

  #createUdpSocket(snapshot: RuntimeSnapshot, listener: RuntimeListener): UdpSocket {
    const { bindAddress, bindPort } = listener.config;
    return new UdpSocket(snapshot, listener, {
      bindAddress,
      bindPort,
      metrics: this.#options.metrics,
      wheel: this.#wheel,
      maxSessions: this.#limits.maxUdpSessions,
      idleMs: this.#timeouts.udpIdleMs,
      routing: datagramRouting,
      onSessionDone: (session) => this.#onSessionDone(session),
      onDefect: (error) => this.#options.onDefect?.(error),
    });
  }

  #onSessionDone(session: FinishedSession): void {
    recordSession(session, this.#options.accessLog);
  }

  #createListenerSocket(snapshot: RuntimeSnapshot, listener: RuntimeListener): ListenerSocket {
    const { bindAddress, bindPort } = listener.config;
    const { openListener } = this.#options;
    return new ListenerSocket(snapshot, listener, {
      bindAddress,
      bindPort,
      defaults: {
        limits: this.#limits,
        timeouts: this.#timeouts,
        wheel: this.#wheel,
        isDraining: () => this.#isDraining || this.#overload.closesConnections,
      },
      services: this.#services,
      sessionTimeouts: {
        idle: this.#wheel.queue(this.#timeouts.tcpIdleMs),
        stall: this.#wheel.queue(this.#timeouts.tcpStallMs),
      },
      onSessionDone: (session) => this.#onSessionDone(session),
      metrics: this.#options.metrics,
      refusesConnections: () => this.#overload.refusesConnections,
      onDefect: (error) => this.#options.onDefect?.(error),
      ...(openListener === undefined
        ? {}
        : { open: (server: Server): Promise<void> => openListener(server, bindAddress, bindPort) }),
    });
  }

  #countConnections(): number {
    let connections = 0;
    for (const socket of this.#sockets.values()) connections += socket.connectionCount;
    for (const socket of this.#closing.keys()) connections += socket.connectionCount;
    return connections;
  }

  #onReadings(readings: OverloadReadings): void {
    this.#overload.update(readings);
    if (this.#overload.closesIdle) for (const socket of this.#sockets.values()) socket.closeIdle();
  }

  /** The listener left the configuration: its connections finish what they do. */
  #unbind(key: string, socket: BoundListener): void {
    this.#sockets.delete(key);
    const closed = settledWithin(socket.drain(), this.#timeouts.listenerDrainMs).then(() => {
      socket.destroy();
      this.#closing.delete(socket);
    });
    this.#closing.set(socket, closed);
  }

  #destroy(): void {
    for (const socket of [...this.#sockets.values(), ...this.#closing.keys()]) socket.destroy();
    this.#sockets.clear();
    this.#monitor.close();
    this.#registry.destroy();
    this.#wheel.close();
  }
}

export function createEngine(options: EngineOptions): Engine {
  return new Engine(options);
}

/** To two significant digits: of clients' choices, only some hundred durations are left. */
function roundedUp(ms: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(ms, 1))) - 1);
  return Math.ceil(ms / step) * step;
}

function clustersOf(ir: Ir): Cluster[] {
  return [...ir.resources.values()].filter((resource) => resource.kind === 'cluster');
}

/** What endpoints are shown. */
function clientCertificatesOf(listeners: RuntimeSnapshot['listeners']): ReadonlySet<RuntimeCertificate> {
  const certificates = new Set<RuntimeCertificate>();
  for (const { all } of listeners.values())
    for (const { backendClientCertificate } of all)
      if (backendClientCertificate !== undefined) certificates.add(backendClientCertificate);
  return certificates;
}

/** What setTimeout takes; beyond it, it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Ends when the promise does, or after the time. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  const { promise: timeout, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
