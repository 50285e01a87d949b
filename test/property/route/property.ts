// The property of route selection: it answers as the reference does, and its explanation agrees with both. It takes the modules to
// check as an argument, so that it can be run on broken copies of them.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as headerList from '../../../src/dataplane/header-list.ts';
import type { RouteSelection } from '../../../src/dataplane/route/candidate.ts';
import type * as explain from '../../../src/dataplane/route/explain.ts';
import type * as hostnameIndex from '../../../src/dataplane/route/hostname-index.ts';
import type * as routeTable from '../../../src/dataplane/route/route-table.ts';
import type * as virtualHost from '../../../src/dataplane/route/virtual-host.ts';
import type { Route, RouteMatch, RouteRule } from '../../../src/ir/route.ts';
import type * as hostname from '../../../src/lib/hostname.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { answer, candidateId } from './reference.ts';
import type { CallSpec, MatchSpec, RequestSpec, RouteSpec, Scenario } from './reference.ts';
import { randomRequest, randomScenarios } from './scenario.ts';

export type Product = typeof explain &
  typeof headerList &
  typeof hostname &
  typeof hostnameIndex &
  typeof routeTable &
  typeof virtualHost;

const MODULES = [
  'dataplane/header-list.ts',
  'dataplane/route/explain.ts',
  'dataplane/route/hostname-index.ts',
  'dataplane/route/route-table.ts',
  'dataplane/route/virtual-host.ts',
  'lib/hostname.ts',
];

interface Listener {
  readonly table: routeTable.RouteTable<string>;
}

/** What a scenario became. */
interface Compiled {
  readonly routes: ReadonlyMap<RouteSpec, Route>;
  /** In the scenario's order. */
  readonly listeners: readonly Listener[];
  readonly index: hostnameIndex.HostnameIndex<Listener>;
}

const REQUESTS_PER_TABLE = 6;

/** The modules in a folder that holds the product's sources. */
export async function loadProduct(sources: string): Promise<Product> {
  const modules = await Promise.all(MODULES.map((path) => import(pathToFileURL(join(sources, path)).href)));
  return Object.assign({}, ...modules) as Product;
}

/** Compares that many answers, or a few more: the first disagreement, or undefined. */
export function findDisagreement(product: Product, random: SeededRandom, answers: number): string | undefined {
  for (let compared = 0; compared < answers; compared += 2 * REQUESTS_PER_TABLE) {
    const { scenario, edited } = randomScenarios(random);
    const compiled = compile(product, scenario);
    const disagreement =
      checkTable(product, scenario, compiled, random) ??
      checkTable(product, edited, compile(product, edited, compiled), random);
    if (disagreement !== undefined) return `${random.seed}: ${disagreement}`;
  }
  return undefined;
}

function checkTable(
  product: Product,
  scenario: Scenario,
  compiled: Compiled,
  random: SeededRandom,
): string | undefined {
  for (let i = 0; i < REQUESTS_PER_TABLE; i++) {
    const request = randomRequest(random);
    const disagreement = checkAnswer(product, scenario, compiled, request);
    if (disagreement !== undefined) return `${disagreement}\n${JSON.stringify({ request, scenario }, undefined, 1)}`;
  }
  return undefined;
}

function checkAnswer(product: Product, scenario: Scenario, compiled: Compiled, spec: RequestSpec): string | undefined {
  const expected = answer(scenario, spec);
  const listener = product.chooseVirtualHost(compiled.index, spec.serverName, spec.host);
  if (typeof listener === 'string') {
    return listener === expected.winner ? undefined : `${listener} instead of ${expected.winner}`;
  }
  const request = { ...spec, authority: spec.host, headers: new product.HeaderList(spec.headers.flat()) };
  const selected = product.selectRoute(listener.table, request);
  const winner = selected === undefined ? 'route_not_found' : idOf(selected);
  if (winner !== expected.winner) return `${winner} instead of ${expected.winner}`;
  if (selected !== undefined && selected.target !== targetOf(selected.route, selected.ruleIndex)) {
    return `${winner} carries ${selected.target}`;
  }

  const { selected: explained, others } = product.explainRoutes(listener.table, request);
  if (explained !== selected) return `${winner} is selected, and ${explained && idOf(explained)} explained`;
  const beaten = others.filter(({ reason }) => reason.startsWith('matched, but rule'));
  const matching = [selected, ...beaten.map(({ candidate }) => candidate)].flatMap((found) => found ?? []).map(idOf);
  if (matching.join() !== expected.matching.join()) {
    return `${matching.join()} match by the explanation instead of ${expected.matching.join()}`;
  }
  return undefined;
}

function idOf(selection: RouteSelection<string>): string {
  return candidateId(selection.route.name, selection.ruleIndex, selection.matchIndex, selection.hostname.declared);
}

function targetOf(route: Route, ruleIndex: number): string {
  return `${route.name} ${ruleIndex}`;
}

/** As the translator and the runtime do it: routes attach where hostnames intersect; what did not change is the same object. */
function compile(product: Product, { listeners, routes }: Scenario, previous?: Compiled): Compiled {
  const bySpec = new Map(
    routes.map((spec) => [spec, previous?.routes.get(spec) ?? createRoute(product, spec, listeners)] as const),
  );
  const compiled = listeners.map((_hostname, index) => {
    const attached: routeTable.AttachedRoute[] = [...bySpec.values()].flatMap((route) =>
      route.attachments
        .filter(({ virtualHost }) => virtualHost === String(index))
        .map(({ hostnames }) => ({ route, hostnames })),
    );
    return { table: product.createRouteTable(attached, targetOf, previous?.listeners[index]?.table) };
  });
  const index = new product.HostnameIndex(listeners.map((name, i) => [name, compiled[i] as Listener]));
  return { routes: bySpec, listeners: compiled, index };
}

function createRoute(product: Product, spec: RouteSpec, listeners: readonly string[]): Route {
  const attachments = listeners.flatMap((listener, index) => {
    if (!spec.listeners.includes(index)) return [];
    const hostnames = (spec.hostnames.length === 0 ? ['*'] : spec.hostnames).flatMap((declared) => {
      const served = product.intersectHostnames(listener, declared);
      return served === undefined ? [] : [{ served, declared }];
    });
    return [{ virtualHost: String(index), hostnames }];
  });
  const { name, createdAtMs } = spec;
  const rules = spec.rules.map(createRule);
  const protocol = spec.isGrpc ? 'grpc' : 'http';
  return { kind: 'route', protocol, key: `route/HTTPRoute/${name}`, name, createdAtMs, attachments, rules };
}

function createRule(matches: readonly MatchSpec[], index: number): RouteRule {
  return {
    name: String(index),
    matches: matches.map(createMatch),
    filters: [],
    backends: [],
    requestTimeoutMs: 0,
    backendRequestTimeoutMs: 0,
  };
}

function createMatch({ path, call, method, headers, query }: MatchSpec): RouteMatch {
  if (call !== undefined) {
    const rpc = { service: call.service ?? '', method: call.method ?? '' };
    return { path: pathOfCall(call), rpc, headers, queryParams: [] };
  }
  return { path, ...(method === undefined ? {} : { method }), headers, queryParams: query };
}

/** As the translator does it. */
function pathOfCall({ type, service, method }: CallSpec): RouteMatch['path'] {
  if (service === undefined && method === undefined) return { type: 'prefix', value: '/' };
  if (type === 'exact' && service !== undefined)
    return method === undefined
      ? { type: 'prefix', value: `/${service}` }
      : { type: 'exact', value: `/${service}/${method}` };
  const any = '[^/]+';
  return { type: 'regex', value: `/(?:${service ?? any})/(?:${method ?? any})` };
}
