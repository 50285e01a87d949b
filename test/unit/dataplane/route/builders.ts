// Short ways to write routes, matches and requests in tests of the route folder.
import { HeaderList } from '../../../../src/dataplane/header-list.ts';
import type { AttachedRoute } from '../../../../src/dataplane/route/route-table.ts';
import type { RouteRequest } from '../../../../src/dataplane/route/predicate.ts';
import type { PathMatch, Route, RouteMatch, ValueMatch } from '../../../../src/ir/route.ts';

export interface MatchText {
  /** `= /exact`, `~ regex`, or a prefix. */
  readonly path?: string;
  readonly method?: string;
  /** `name=value`, or `name~regex`. */
  readonly headers?: readonly string[];
  readonly query?: readonly string[];
}

export interface RouteText {
  readonly name?: string;
  readonly createdAtMs?: number;
  /** `served`, or `served < declared`. */
  readonly hostnames?: readonly string[];
  /** A list of rules, each a list of matches. */
  readonly rules?: readonly (readonly MatchText[])[];
}

export function attachedRoute({ name = 'default/shop', createdAtMs = 0, hostnames, rules }: RouteText): AttachedRoute {
  const pairs = (hostnames ?? ['*']).map((text) => {
    const [served = '', declared = served] = text.split(' < ');
    return { served, declared };
  });
  const route: Route = {
    kind: 'route',
    protocol: 'http',
    key: `route/HTTPRoute/${name}`,
    name,
    createdAtMs,
    attachments: [{ virtualHost: 'default/gateway/http', hostnames: pairs }],
    rules: (rules ?? [[{}]]).map((matches, index) => ({
      name: String(index),
      matches: matches.map(routeMatch),
      filters: [],
      backends: [],
      requestTimeoutMs: 0,
      backendRequestTimeoutMs: 0,
    })),
  };
  return { route, hostnames: pairs };
}

export function routeMatch({ path = '/', method, headers = [], query = [] }: MatchText): RouteMatch {
  return {
    path: pathMatch(path),
    ...(method === undefined ? {} : { method }),
    headers: headers.map(valueMatch),
    queryParams: query.map(valueMatch),
  };
}

/** `GET https://host/path?query` and header fields in turn. */
export function request(line: string, ...fields: string[]): RouteRequest {
  const [, method = '', authority = '', path = '', query] =
    /^(\S+) https?:\/\/([^/*]+)([^?]*)(?:\?(.*))?$/.exec(line) ?? [];
  const host = authority.replace(/:\d+$/, '');
  return { method, authority, host, path, query, headers: new HeaderList(fields) };
}

function pathMatch(text: string): PathMatch {
  if (text.startsWith('= ')) return { type: 'exact', value: text.slice(2) };
  if (text.startsWith('~ ')) return { type: 'regex', value: text.slice(2) };
  return { type: 'prefix', value: text };
}

function valueMatch(text: string): ValueMatch {
  const [, name = '', operator, value = ''] = /^([^=~]+)([=~])(.*)$/s.exec(text) ?? [];
  return { type: operator === '~' ? 'regex' : 'exact', name, value };
}
