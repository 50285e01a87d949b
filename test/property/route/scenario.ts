// Random listeners, routes and requests over small alphabets full of near misses; each scenario draws on a part of them, so that
// many candidates match one request and only the last criteria tell them apart.
import type { SeededRandom } from '../../harness/seeded-random.ts';
import type { CallSpec, MatchSpec, RequestSpec, RouteSpec, Scenario, ValueSpec } from './reference.ts';

const HOSTS = ['a', 'b', 'b.a', 'a.a', 'a.b.a', 'b.b.a', 'a.b.b.a'];
const HOSTNAMES = ['b', 'b.a', 'a.b.a', '*.a', '*.b.a', '*.b.b.a', '*'];
const ROUTE_NAMES = ['ns/a', 'ns/b', 'ns-a/a', 'm/z'];
const PATHS = ['/', '/a', '/b', '/a/', '/ab', '/a/b', '/a/b/', '/a/b/a', '/ab/b', '/A/b', '/a//b', '*'];
const PATH_MATCHES: readonly MatchSpec['path'][] = [
  ...['/', '/a', '/a/', '/a/b', '/ab'].map((value) => ({ type: 'exact', value }) as const),
  ...['/', '/a', '/b', '/ab', '/a/b', '/a/b/a'].map((value) => ({ type: 'prefix', value }) as const),
  ...['/a.*', '/[ab]', '.*b', '(?i)/A(/B)?', '/|/a|/ab'].map((value) => ({ type: 'regex', value }) as const),
];
const CALLS: readonly CallSpec[] = [
  { type: 'exact' },
  ...[{ service: 'a' }, { method: 'b' }, { service: 'a', method: 'b' }, { service: 'ab', method: 'b' }].flatMap(
    (call) => [{ ...call, type: 'exact' } as const, { ...call, type: 'regex' } as const],
  ),
  { type: 'regex', service: 'a.*', method: '[ab]' },
  { type: 'regex', service: '[ab]|ab' },
  { type: 'regex', method: 'a|b' },
];
const CONTENT_TYPES = [
  'application/grpc',
  'application/grpc',
  'application/grpc+proto',
  'application/grpc-web',
  'text/plain',
];
const METHODS = ['GET', 'PUT'];
const HEADER_NAMES = ['x', 'y'];
const PARAMETER_NAMES = ['p', 'q'];
const VALUES = ['1', '1', '1', '2', '1,2', 'a b'];
const VALUE_PATTERNS = ['.*', '[12]', '1.*', '(?i)A B'];
const PARAMETERS = [
  'p=1',
  'p=1',
  'p=1',
  'q=1',
  'q=1',
  'q=1',
  'p=2',
  'q=2',
  'p',
  'q=a+b',
  'p=a%20b',
  '%70=1',
  'P=1',
  'p=1=2',
  '',
];

/** What the routes of one scenario are made of. */
interface Palette {
  readonly hostnames: readonly string[];
  readonly paths: readonly MatchSpec['path'][];
  readonly mostConditions: number;
}

export interface ScenarioPair {
  readonly scenario: Scenario;
  /** The same with one route replaced, left out or added; the other routes are the same objects. */
  readonly edited: Scenario;
}

export function randomScenarios(random: SeededRandom): ScenarioPair {
  const palette = {
    hostnames: some(random, HOSTNAMES.slice(0, -1), 1, 3),
    paths: some(random, PATH_MATCHES, 1, 4),
    mostConditions: random.below(3),
  };
  const listeners = some(random, HOSTNAMES, 1, 3);
  const routes = some(random, ROUTE_NAMES, 1, ROUTE_NAMES.length).map((name) => randomRoute(random, palette, name));

  const name = random.pick(ROUTE_NAMES);
  const others = routes.filter((route) => route.name !== name);
  const edited = random.below(3) === 0 ? others : [...others, randomRoute(random, palette, name)];
  return { scenario: { listeners, routes }, edited: { listeners, routes: edited } };
}

export function randomRequest(random: SeededRandom): RequestSpec {
  const host = random.pick(HOSTS);
  return {
    serverName: random.pick([undefined, undefined, host, random.pick(HOSTS)]),
    host,
    method: random.pick(METHODS),
    path: random.pick(PATHS),
    query: random.below(5) === 0 ? undefined : list(random, 0, 4, () => random.pick(PARAMETERS)).join('&'),
    headers: [
      ...list(random, 0, 4, () => [random.pick(HEADER_NAMES), random.pick(VALUES)] as const),
      ...list(random, 0, 1, () => ['content-type', random.pick(CONTENT_TYPES)] as const),
    ],
  };
}

function randomRoute(random: SeededRandom, palette: Palette, name: string): RouteSpec {
  const isGrpc = random.below(3) === 0;
  return {
    name,
    isGrpc,
    createdAtMs: random.pick([1, 1, 2]),
    hostnames: some(random, palette.hostnames, 0, Math.min(palette.hostnames.length, 2)),
    listeners: some(random, [0, 1, 2], 1, 3),
    rules: list(random, 1, 2, () =>
      list(random, 1, 2, () => (isGrpc ? randomCall(random, palette) : randomMatch(random, palette))),
    ),
  };
}

function randomMatch(random: SeededRandom, { paths, mostConditions }: Palette): MatchSpec {
  return {
    path: random.pick(paths),
    method: random.below(3) === 0 ? random.pick(METHODS) : undefined,
    headers: some(random, HEADER_NAMES, 0, mostConditions).map((name) => randomValue(random, name)),
    query: some(random, PARAMETER_NAMES, 0, mostConditions).map((name) => randomValue(random, name)),
  };
}

function randomCall(random: SeededRandom, palette: Palette): MatchSpec {
  const { headers } = randomMatch(random, palette);
  return { path: { type: 'prefix', value: '/' }, call: random.pick(CALLS), method: undefined, headers, query: [] };
}

function randomValue(random: SeededRandom, name: string): ValueSpec {
  return random.below(3) === 0
    ? { type: 'regex', name, value: random.pick(VALUE_PATTERNS) }
    : { type: 'exact', name, value: random.pick(VALUES) };
}

/** Between `least` and `most` of the choices, each at most once, in random order. */
function some<T>(random: SeededRandom, choices: readonly T[], least: number, most: number): T[] {
  const left = [...choices];
  return list(random, least, most, () => left.splice(random.below(left.length), 1)[0] as T);
}

function list<T>(random: SeededRandom, least: number, most: number, make: () => T): T[] {
  return Array.from({ length: least + random.below(most - least + 1) }, make);
}
