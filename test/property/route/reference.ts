// Decides by Gateway API's text alone which rule answers a request: every candidate is looked at, in the plainest way there is.
// Invariant: nothing of the product is imported, not even its types.

export interface Scenario {
  /** Hostnames of the listeners that share a port; `*` for one without a hostname. */
  readonly listeners: readonly string[];
  readonly routes: readonly RouteSpec[];
}

export interface RouteSpec {
  readonly name: string;
  readonly createdAtMs: number;
  readonly isGrpc: boolean;
  /** None: any. */
  readonly hostnames: readonly string[];
  /** Indices of listeners. */
  readonly listeners: readonly number[];
  readonly rules: readonly (readonly MatchSpec[])[];
}

export interface MatchSpec {
  readonly path: { readonly type: 'exact' | 'prefix' | 'regex'; readonly value: string };
  /** Of gRPC routes, instead of the path. */
  readonly call?: CallSpec;
  readonly method: string | undefined;
  readonly headers: readonly ValueSpec[];
  readonly query: readonly ValueSpec[];
}

/** Without a service, or a method: any. */
export interface CallSpec {
  readonly type: 'exact' | 'regex';
  readonly service?: string;
  readonly method?: string;
}

export interface ValueSpec {
  readonly type: 'exact' | 'regex';
  readonly name: string;
  readonly value: string;
}

export interface RequestSpec {
  readonly serverName: string | undefined;
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly query: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface ReferenceAnswer {
  /** A candidate's id, `misdirected` or `route_not_found`. */
  readonly winner: string;
  /** Ids of all candidates that match, the winner included. */
  readonly matching: readonly string[];
}

/** For comparing: larger goes first, position by position. */
type Rank = readonly (number | string)[];

export function candidateId(route: string, rule: number, match: number, hostname: string): string {
  return `${route} rule ${rule} match ${match} hostname ${hostname}`;
}

export function answer(scenario: Scenario, request: RequestSpec): ReferenceAnswer {
  const byHost = chooseListener(scenario.listeners, request.host);
  if (byHost === undefined) return { winner: 'route_not_found', matching: [] };
  const byName = request.serverName === undefined ? byHost : chooseListener(scenario.listeners, request.serverName);
  if (byName !== byHost) return { winner: 'misdirected', matching: [] };

  const matching: { id: string; rank: Rank }[] = [];
  for (const route of scenario.routes) {
    if (!route.listeners.includes(byHost)) continue;
    for (const hostname of route.hostnames.length === 0 ? ['*'] : route.hostnames) {
      if (!coversHost(hostname, request.host)) continue;
      for (const [rule, matches] of route.rules.entries()) {
        for (const [index, match] of matches.entries()) {
          if (!isMatch(match, request) || (route.isGrpc && !isCall(match.call, request))) continue;
          const rank = rankOf(route, hostname, rule, match, index);
          matching.push({ id: candidateId(route.name, rule, index, hostname), rank });
        }
      }
    }
  }
  matching.sort((a, b) => compareRanks(a.rank, b.rank));
  return { winner: matching[0]?.id ?? 'route_not_found', matching: matching.map(({ id }) => id) };
}

function chooseListener(hostnames: readonly string[], host: string): number | undefined {
  const matching = [...hostnames.keys()].filter((index) => coversHost(hostnames[index] as string, host));
  matching.sort((a, b) => compareRanks(rankOfHostname(hostnames[a] as string), rankOfHostname(hostnames[b] as string)));
  return matching[0];
}

function coversHost(hostname: string, host: string): boolean {
  if (hostname === '*') return true;
  const pattern = hostname.split('.').toReversed();
  const labels = host.split('.').toReversed();
  if (pattern.at(-1) !== '*') return hostname === host;
  const suffix = pattern.slice(0, -1);
  return labels.length > suffix.length && suffix.every((label, index) => label === labels[index]);
}

function isMatch(match: MatchSpec, request: RequestSpec): boolean {
  const parameters = new URLSearchParams(request.query ?? '');
  return (
    (match.call !== undefined || isPathMatch(match.path, request.path)) &&
    (match.method ?? request.method) === request.method &&
    match.headers.every((wanted) => {
      const values = request.headers.filter(([name]) => name === wanted.name).map(([, value]) => value);
      return values.length > 0 && isValueMatch(wanted, values.join(','));
    }) &&
    match.query.every((wanted) => {
      const [first] = parameters.getAll(wanted.name);
      return first !== undefined && isValueMatch(wanted, first);
    })
  );
}

function isCall(wanted: CallSpec | undefined, { path, headers }: RequestSpec): boolean {
  const types = headers.filter(([name]) => name === 'content-type').map(([, value]) => value);
  if (types.length === 0 || !/^application\/grpc([+; ].*)?$/.test(types[0] as string)) return false;
  const [, service = '', method = '', ...rest] = path.split('/');
  const { type, service: wantedService, method: wantedMethod } = wanted ?? { type: 'exact' };
  const isWanted = (pattern: string | undefined, text: string): boolean =>
    pattern === undefined || (type === 'regex' ? fullMatch(pattern, text) : pattern === text);
  if (service === '' || method === '' || rest.length > 0) return false;
  return isWanted(wantedService, service) && isWanted(wantedMethod, method);
}

function isPathMatch({ type, value }: MatchSpec['path'], path: string): boolean {
  if (path[0] !== '/') return false;
  if (type === 'exact') return path === value;
  if (type === 'regex') return fullMatch(value, path);
  const wanted = value.split('/').filter((segment) => segment !== '');
  const segments = path.split('/').slice(1);
  return wanted.every((segment, index) => segments[index] === segment);
}

function isValueMatch({ type, value }: ValueSpec, text: string): boolean {
  return type === 'regex' ? fullMatch(value, text) : text === value;
}

function fullMatch(source: string, text: string): boolean {
  const [, ignoreCase, pattern = ''] = /^(\(\?i\))?(.*)$/.exec(source) ?? [];
  return new RegExp(`^(?:${pattern})$`, ignoreCase === undefined ? '' : 'i').test(text);
}

function rankOf(route: RouteSpec, hostname: string, rule: number, match: MatchSpec, index: number): Rank {
  const { type, value } = match.path;
  return [
    ...rankOfHostname(hostname),
    ...(route.isGrpc ? rankOfCall(match.call) : [0, 0, 0, 0]),
    type === 'exact' ? 1 : 0,
    type === 'regex' ? 1 : 0,
    type === 'prefix' ? value.length : 0,
    match.method === undefined ? 0 : 1,
    match.headers.length,
    match.query.length,
    -route.createdAtMs,
    route.name,
    -rule,
    -index,
  ];
}

function rankOfCall(call: CallSpec | undefined): Rank {
  const { type, service, method } = call ?? { type: 'exact' };
  // A method of any service is looked for as an expression is.
  const isExpression = type === 'regex' || (service === undefined && method !== undefined);
  const namesAny = service === undefined && method === undefined;
  return [1, service === undefined ? 0 : 1, method === undefined ? 0 : 1, isExpression && !namesAny ? 0 : 1];
}

/** Characters of a hostname without wildcard, then characters at all; the one that stands for any has none. */
function rankOfHostname(hostname: string): Rank {
  if (hostname === '*') return [0, 0];
  return [hostname.startsWith('*') ? 0 : hostname.length, hostname.length];
}

/** Numbers: the larger first. Names: in alphabetical order. */
function compareRanks(a: Rank, b: Rank): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] as number | string;
    if (left === right) continue;
    if (typeof left === 'string') return left < String(right) ? -1 : 1;
    return Number(right) - left;
  }
  return 0;
}
