// IR and previous snapshot → the listeners of the next. Whatever did not change is taken over: compiled routes and certificates by the identity of their
// resource, route tables where all they hold is the same. Nothing here touches a socket.
import type { Certificate } from '../../ir/certificate.ts';
import type { Ir } from '../../ir/ir.ts';
import type { Listener, VirtualHost } from '../../ir/listener.ts';
import type { Route, RouteHostname, StreamRoute } from '../../ir/route.ts';
import type { TimerWheel } from '../../lib/timeout-queue.ts';
import { NO_ROUTE } from '../../observability/metric-names.ts';
import type { Metrics } from '../../observability/metric-names.ts';
import { bindRouteCells, bindSessionCells, releaseCells } from '../../observability/traffic-cells.ts';
import type { RouteCells, SessionCells } from '../../observability/traffic-cells.ts';
import { HostnameIndex } from '../route/hostname-index.ts';
import { StreamRouteTable } from '../route/stream-route-table.ts';
import { createRouteTable } from '../route/route-table.ts';
import { createRuntimeCertificate } from './certificate-context.ts';
import type { RuntimeCertificate } from './certificate-context.ts';
import { compileRules } from './runtime-route.ts';
import type { RuntimeRule } from './runtime-route.ts';
import { compileStreamRoute } from './runtime-stream-route.ts';
import type { RuntimeStreamRoute, StreamHost } from './runtime-stream-route.ts';
import type { RuntimeListener, RuntimeSnapshot, RuntimeVirtualHost } from './snapshot.ts';
import { tlsPolicyOf } from './tls-policy.ts';
import type { TlsPolicy } from './tls-policy.ts';

export interface CompileServices {
  readonly wheel: TimerWheel;
  readonly metrics: Metrics;
}

interface CompiledRoute {
  readonly rules: readonly RuntimeRule[];
  readonly cells: RouteCells;
}

/** What one compilation keeps for the next. */
export class CompileMemo {
  /** By TlsPolicy.key; undefined: shown to endpoints. */
  certificates: Map<string | undefined, Map<Certificate, RuntimeCertificate>> = new Map();
  /** By virtual host. */
  routes: Map<string, Map<Route, CompiledRoute>> = new Map();
  /** By virtual host. */
  streams: Map<string, Map<StreamRoute, RuntimeStreamRoute>> = new Map();
  /** Cells of streams without a route, by virtual host. */
  sessionCells: Map<string, SessionCells> = new Map();
  /** Cells of requests without a route, by virtual host or listener. */
  cells: Map<string, RouteCells> = new Map();
}

export function compile(
  ir: Ir,
  previous: RuntimeSnapshot | undefined,
  memo: CompileMemo,
  services: CompileServices,
): { readonly listeners: RuntimeSnapshot['listeners']; readonly memo: CompileMemo } {
  const next = new CompileMemo();
  const resources = [...ir.resources.values()];
  const routes = attached(resources.filter((resource) => resource.kind === 'route'));
  const streamRoutes = attached(resources.filter((resource) => resource.kind === 'streamRoute'));
  const listeners = new Map<string, RuntimeListener>();

  const certificate = (key: string, policy: TlsPolicy | undefined): RuntimeCertificate[] => {
    const config = ir.resources.get(key);
    if (config?.kind !== 'certificate') return [];
    const kept = next.certificates.get(policy?.key) ?? new Map<Certificate, RuntimeCertificate>();
    const compiled =
      kept.get(config) ?? memo.certificates.get(policy?.key)?.get(config) ?? createRuntimeCertificate(config, policy);
    next.certificates.set(policy?.key, kept.set(config, compiled));
    return [compiled];
  };

  const noRouteCells = (name: string): RouteCells => {
    const cells = next.cells.get(name) ?? bindRouteCells(services.metrics, name, NO_ROUTE);
    next.cells.set(name, cells);
    return cells;
  };

  const stream = ({ name }: VirtualHost): StreamHost => {
    const compiled = next.streams.get(name) ?? new Map<StreamRoute, RuntimeStreamRoute>();
    const kept = memo.streams.get(name);
    const bind = (route: StreamRoute): RuntimeStreamRoute => {
      const entry =
        compiled.get(route) ??
        kept?.get(route) ??
        compileStreamRoute(route, bindSessionCells(services.metrics, name, route.name));
      compiled.set(route, entry);
      return entry;
    };
    next.streams.set(name, compiled);
    const noRouteCells = next.sessionCells.get(name) ?? bindSessionCells(services.metrics, name, NO_ROUTE);
    next.sessionCells.set(name, noRouteCells);
    return { name, streams: new StreamRouteTable(streamRoutes.get(name) ?? [], bind), noRouteCells };
  };

  const virtualHost = (config: VirtualHost, old: RuntimeVirtualHost | undefined): RuntimeVirtualHost => {
    // A virtual host of several addresses is one: it is compiled once.
    const compiled = next.routes.get(config.name) ?? new Map<Route, CompiledRoute>();
    const kept = memo.routes.get(config.name);
    const target = (route: Route, ruleIndex: number): RuntimeRule => {
      let entry = compiled.get(route);
      if (entry === undefined) {
        entry = kept?.get(route) ?? compileRoute(config.name, route, services);
        compiled.set(route, entry);
      }
      return entry.rules[ruleIndex] as RuntimeRule;
    };
    next.routes.set(config.name, compiled);
    const { backendClientCertificate } = config;
    const tlsPolicy = tlsPolicyOf(config);
    return {
      name: config.name,
      hostname: config.hostname,
      routes: createRouteTable(routes.get(config.name) ?? [], target, old?.routes),
      traffic: config.traffic,
      servesGrpcWeb: config.grpcWeb === true,
      tlsPolicy,
      certificates: config.certificates.flatMap((key) => certificate(key, tlsPolicy)),
      backendClientCertificate:
        backendClientCertificate === undefined ? undefined : certificate(backendClientCertificate, undefined)[0],
      stream: config.traffic === 'http' ? undefined : stream(config),
      cells: noRouteCells(config.name),
    };
  };

  const listener = (config: Listener): RuntimeListener => {
    const old = new Map(previous?.listeners.get(config.key)?.all.map((host) => [host.name, host]));
    const all = config.virtualHosts.map((host) => virtualHost(host, old.get(host.name)));
    return {
      config,
      all,
      virtualHosts: new HostnameIndex(all.map((host) => [host.hostname, host])),
      servesGrpcWeb: all.some((host) => host.servesGrpcWeb),
      cells: noRouteCells(config.key),
    };
  };

  for (const resource of resources) {
    if (resource.kind === 'listener') listeners.set(resource.key, listener(resource));
  }
  return { listeners, memo: next };
}

/** Gives back the metric cells that only the older memo holds. Call it after the swap, so that counts that go on are never dropped. */
export function releaseMemo(old: CompileMemo, current: CompileMemo): void {
  for (const [name, routes] of old.routes) {
    const kept = current.routes.get(name);
    for (const [route, { cells }] of routes) if (kept?.has(route) !== true) releaseCells(cells);
  }
  for (const [name, routes] of old.streams) {
    const kept = current.streams.get(name);
    for (const [route, { cells }] of routes) if (kept?.has(route) !== true) releaseCells(cells);
  }
  for (const cells of [...old.cells.values(), ...old.sessionCells.values()]) releaseCells(cells);
}

function compileRoute(virtualHost: string, route: Route, { metrics, wheel }: CompileServices): CompiledRoute {
  const cells = bindRouteCells(metrics, virtualHost, route.name);
  return { rules: compileRules(route, cells, wheel), cells };
}

interface Attached<R> {
  readonly route: R;
  readonly hostnames: readonly RouteHostname[];
}

/** By virtual host. */
function attached<R extends Route | StreamRoute>(routes: readonly R[]): ReadonlyMap<string, readonly Attached<R>[]> {
  const byVirtualHost = new Map<string, Attached<R>[]>();
  for (const route of routes) {
    for (const { virtualHost, hostnames } of route.attachments) {
      const others = byVirtualHost.get(virtualHost);
      if (others === undefined) byVirtualHost.set(virtualHost, [{ route, hostnames }]);
      else others.push({ route, hostnames });
    }
  }
  return byVirtualHost;
}
