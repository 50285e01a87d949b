// What can be broken in route selection, by what is wrong then.
import type { Mutant } from '../mutant.ts';

const PRECEDENCE = 'dataplane/route/precedence.ts';
const PATH_INDEX = 'dataplane/route/path-index.ts';
const ROUTE_TABLE = 'dataplane/route/route-table.ts';
const HOST_ROUTES = 'dataplane/route/host-routes.ts';
const HOSTNAME_INDEX = 'dataplane/route/hostname-index.ts';
const PREDICATE = 'dataplane/route/predicate.ts';
const GRPC = 'dataplane/grpc.ts';
const LINEAR_REGEXP = 'lib/linear-regexp.ts';

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'gRPC routes go behind HTTP routes': edit(PRECEDENCE, 'return 8 +', 'return -8 +'),
  'the method of a call counts for more than its service': edit(
    PRECEDENCE,
    "(service === '' ? 0 : 4) + (method === '' ? 0 : 2)",
    "(service === '' ? 0 : 2) + (method === '' ? 0 : 4)",
  ),
  'expressions for calls go first': edit(
    PRECEDENCE,
    "match.path.type === 'regex' ? 0 : 1",
    "match.path.type === 'regex' ? 1 : 0",
  ),
  'what names less of a call goes first': edit(HOST_ROUTES, 'sort(([a], [b]) => b - a)', 'sort(([a], [b]) => a - b)'),
  'everything is a call': edit(PREDICATE, "protocol === 'grpc' ? [GRPC_CALL] : []", '[]'),
  'a call may have more segments': edit(PREDICATE, "path.indexOf('/', slash + 1) === -1", 'true'),
  'gRPC-Web is gRPC': edit(
    GRPC,
    "next === undefined || next === '+'",
    "next === undefined || next === '-' || next === '+'",
  ),
  'no method goes before a method': edit(
    PRECEDENCE,
    'methodCount(b) - methodCount(a)',
    'methodCount(a) - methodCount(b)',
  ),
  'fewer headers go first': edit(
    PRECEDENCE,
    'b.match.headers.length - a.match.headers.length',
    'a.match.headers.length - b.match.headers.length',
  ),
  'headers and query parameters count alike': edit(
    PRECEDENCE,
    'b.match.headers.length - a.match.headers.length',
    'b.match.headers.length + b.match.queryParams.length - a.match.headers.length - a.match.queryParams.length',
  ),
  'query parameters do not count': edit(PRECEDENCE, 'b.match.queryParams.length - a.match.queryParams.length', '0'),
  'the newest route goes first': edit(
    PRECEDENCE,
    'a.route.createdAtMs - b.route.createdAtMs',
    'b.route.createdAtMs - a.route.createdAtMs',
  ),
  'names go backwards': edit(PRECEDENCE, 'return a < b ? -1 : 1', 'return a < b ? 1 : -1'),
  'the last rule goes first': edit(PRECEDENCE, 'a.ruleIndex - b.ruleIndex', 'b.ruleIndex - a.ruleIndex'),
  'the last match goes first': edit(PRECEDENCE, 'a.matchIndex - b.matchIndex', 'b.matchIndex - a.matchIndex'),
  'the explanation prefers short prefixes': edit(
    PRECEDENCE,
    'prefixLength(b) - prefixLength(a)',
    'prefixLength(a) - prefixLength(b)',
  ),
  'the served hostname counts instead of the declared one': edit(
    HOST_ROUTES,
    '({ hostname }) => hostname.declared)',
    '({ hostname }) => hostname.served)',
  ),
  'less specific declared hostnames go first': edit(
    HOST_ROUTES,
    'compareHostnameSpecificity(a, b)',
    'compareHostnameSpecificity(b, a)',
  ),
  'changed routes are taken for the old ones': edit(
    HOST_ROUTES,
    'a.route === b.route',
    'a.route.name === b.route.name',
  ),
  'candidates under another hostname are kept': edit(
    HOST_ROUTES,
    'kept !== undefined && isSame(kept.bound, bound)',
    'kept !== undefined',
  ),
  'fewer routes are taken for the same': edit(
    HOST_ROUTES,
    'routes.length === this.#routes.length &&',
    'routes.length <= this.#routes.length &&',
  ),
  'a wildcard matches its bare suffix': edit(
    HOSTNAME_INDEX,
    'if (this.#wildcards.size > 0) {',
    'const bare = this.#wildcards.get(`.${host}`);\n    if (bare !== undefined) return bare;\n    {',
  ),
  'a wildcard stands for one label': edit(
    HOSTNAME_INDEX,
    'if (entry !== undefined) return entry;',
    'return entry ?? this.#any;',
  ),
  'an exact hostname does not go first': edit(
    HOSTNAME_INDEX,
    'this.#exact.get(host) ?? this.#findWildcard(host)',
    'this.#findWildcard(host) ?? this.#exact.get(host)',
  ),
  'less specific hosts are not tried': edit(ROUTE_TABLE, 'host = host.broader', 'host = undefined'),
  'OPTIONS * has a route': edit(ROUTE_TABLE, 'if (request.path.charCodeAt(0) !== SLASH) return undefined;', ''),
  'the query is not read': edit(ROUTE_TABLE, 'readsQuery ||= host.readsQuery;', ''),
  'shorter prefixes are not tried': edit(PATH_INDEX, 'selected !== undefined || node.parent === undefined', 'true'),
  'prefixes are not tried after an exact path': edit(
    PATH_INDEX,
    'if (selected !== undefined) return selected;',
    'return selected;',
  ),
  'prefixes go before regular expressions': edit(
    PATH_INDEX,
    'for (const candidate of this.#regexes) {',
    'const early = firstMatch(this.#prefixes.find(request.path).values, request, query);\n' +
      'if (early !== undefined) return early;\n' +
      'for (const candidate of this.#regexes) {',
  ),
  'an exact path matches without its slash': edit(
    PATH_INDEX,
    'this.#exact.get(request.path)',
    "this.#exact.get(request.path.replace(/(.)\\/$/, '$1'))",
  ),
  'candidates of one path are not sorted': edit(PATH_INDEX, 'bucket.sort(compareCandidates)', 'void compareCandidates'),
  'a prefix ends inside a segment': edit(
    'dataplane/route/segment-trie.ts',
    'node.child(path.slice(start, end))',
    'node.child(path.slice(start, end)) ?? node.child(path.slice(start, start + 1))',
  ),
  'the explanation ends prefixes inside a segment': edit(PREDICATE, "path[value.length] === '/'", 'true'),
  'the first of repeated headers counts': edit(PREDICATE, 'headers.getJoined(this.#name)', 'headers.get(this.#name)'),
  'the last of repeated parameters counts': edit(
    'dataplane/route/query-parameters.ts',
    'if (!values.has(name)) values.set(',
    'values.set(',
  ),
  'one failing condition is ignored': edit(
    'dataplane/route/candidate.ts',
    'for (const predicate of predicates) {',
    'for (const predicate of predicates.slice(0, 2)) {',
  ),
  'the server name is not compared with the host': edit(
    'dataplane/route/virtual-host.ts',
    "return 'misdirected'",
    'return chosen.value',
  ),
  'disjoint hostnames intersect': edit('lib/hostname.ts', 'hostnameMatches(b, a) ? a : undefined', 'a'),
  'a regular expression matches a part': edit(LINEAR_REGEXP, '`^(?:${translated})$`', 'translated'),
  'alternatives are anchored apart': edit(LINEAR_REGEXP, '`^(?:${translated})$`', '`^${translated}$`'),
  '(?i) is ignored': edit(LINEAR_REGEXP, 'ignoreCase ? bothCases(token) : token', 'token'),
};

function edit(file: string, text: string, replacement: string): Mutant {
  return { file, text, replacement };
}
