// How long selection takes, and a build, at 5 000 prefix routes on one host. A script: prints nanoseconds per selection.
import { HeaderList } from '../../src/dataplane/header-list.ts';
import { createRouteTable, selectRoute, type AttachedRoute } from '../../src/dataplane/route/route-table.ts';
import { normalizePath } from '../../src/lib/http-path.ts';
import { parseAuthority } from '../../src/lib/authority.ts';
import type { RouteRequest } from '../../src/dataplane/route/predicate.ts';
import type { Route } from '../../src/ir/route.ts';

const ROUTES = 5_000;
const ROUNDS = 5;
const SELECTIONS = 1_000_000;
const HOST = 'shop.example.com';

function prefixOf(index: number): string {
  return `/team-${index % 50}/service-${index}/v1`;
}

function attachedRoute(index: number): AttachedRoute {
  const hostnames = [{ served: HOST, declared: HOST }];
  const match = { path: { type: 'prefix' as const, value: prefixOf(index) }, headers: [], queryParams: [] };
  const rule = {
    name: '0',
    matches: [match],
    filters: [],
    backends: [],
    requestTimeoutMs: 0,
    backendRequestTimeoutMs: 0,
  };
  const route: Route = {
    kind: 'route',
    protocol: 'http',
    key: `route/HTTPRoute/bench/route-${index}`,
    name: `bench/route-${index}`,
    createdAtMs: 0,
    attachments: [{ virtualHost: 'bench/gateway/http', hostnames }],
    rules: [rule],
  };
  return { route, hostnames };
}

/** A path made as codecs make them: cut out of a larger text, never seen by a map before. */
function freshPath(buffer: Buffer): string {
  return buffer.toString('latin1', 4, buffer.length - 9);
}

function requestFor(path: string): RouteRequest {
  const headers = new HeaderList(['accept', '*/*', 'user-agent', 'bench/1.0']);
  return { authority: HOST, host: HOST, method: 'GET', path, query: 'x=1', headers };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

function nanosecondsPer(count: number, action: () => void): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) action();
    rounds.push(Number(process.hrtime.bigint() - start) / count);
  }
  return median(rounds);
}

function print(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(44)} ${value.toFixed(1).padStart(8)} ${unit}`);
}

const attached = Array.from({ length: ROUTES }, (_, index) => attachedRoute(index));
const builds: number[] = [];
for (let round = 0; round < 11; round++) {
  const start = performance.now();
  createRouteTable(attached, (_route, ruleIndex) => ruleIndex);
  builds.push(performance.now() - start);
}
print('build, first', builds[0] as number, 'ms');
print('build, median of 11', median(builds), 'ms');

const table = createRouteTable(attached, (_route, ruleIndex) => ruleIndex);
print(
  'rebuild with nothing changed',
  nanosecondsPer(100, () => createRouteTable(attached, (_route, ruleIndex) => ruleIndex, table)) / 1e6,
  'ms',
);

const PATHS: Readonly<Record<string, string>> = {
  'first of 5 000': `${prefixOf(0)}/items/42`,
  'middle of 5 000': `${prefixOf(ROUTES / 2)}/items/42`,
  'last of 5 000': `${prefixOf(ROUTES - 1)}/items/42`,
  'miss in the last segment': '/team-1/service-1/v2/items/42',
  'miss in the first segment': '/nobody/knows/this/path',
};

let found = 0;
for (const [what, path] of Object.entries(PATHS)) {
  const line = Buffer.from(`GET ${path} HTTP/1.1`);
  const reading = nanosecondsPer(SELECTIONS, () => {
    if (freshPath(line) === '') found++;
  });
  const request = requestFor(path);
  const fresh = nanosecondsPer(SELECTIONS, () => {
    request.path = freshPath(line);
    if (selectRoute(table, request) !== undefined) found++;
  });
  print(`select, ${what}, new path text`, fresh - reading, 'ns');
  request.path = path;
  const same = nanosecondsPer(SELECTIONS, () => {
    if (selectRoute(table, request) !== undefined) found++;
  });
  print(`select, ${what}, same path text`, same, 'ns');
}

for (const path of ['/', '/team-1/service-1/v1/items/42', '/.well-known/acme-challenge/token', '/a/./b//c/../d%20e']) {
  const cost = nanosecondsPer(SELECTIONS, () => {
    if (typeof normalizePath(path) === 'string') found++;
  });
  print(`normalizePath ${path}`, cost, 'ns');
}
for (const text of [HOST, `${HOST}:8080`, 'Shop.Example.com.', '127.0.0.1:8080', '[::1]:8080']) {
  const cost = nanosecondsPer(SELECTIONS, () => {
    if ('host' in parseAuthority(text)) found++;
  });
  print(`parseAuthority ${text}`, cost, 'ns');
}
if (found === 0) throw new Error('nothing was found');
