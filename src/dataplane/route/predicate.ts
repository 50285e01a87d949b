// What a match asks of a request, one object per condition. Selection asks `matches`; explanation asks the same object and then
// `mismatch`, so that the two can't disagree.
import type { PathMatch, Route, RouteMatch, ValueMatch } from '../../ir/route.ts';
import { compileLinearRegExp } from '../../lib/linear-regexp.ts';
import type { RequestHead } from '../exchange.ts';
import { isGrpcCall } from '../grpc.ts';
import type { QueryParameters } from './query-parameters.ts';

export type RouteRequest = Pick<RequestHead, 'authority' | 'headers' | 'host' | 'method' | 'path' | 'query'>;

export interface Predicate {
  matches(request: RouteRequest, query: QueryParameters): boolean;
  /** What to tell a human about a request that does not match. */
  mismatch(request: RouteRequest, query: QueryParameters): string;
}

const NEVER = /(?!)/;

/** All but the path's, in the order of precedence. */
export function compilePredicates(
  { method, headers, queryParams }: RouteMatch,
  protocol: Route['protocol'],
): readonly Predicate[] {
  return [
    ...(protocol === 'grpc' ? [GRPC_CALL] : []),
    ...(method === undefined ? [] : [new MethodPredicate(method)]),
    ...headers.map((header) => new HeaderPredicate(header)),
    ...queryParams.map((parameter) => new QueryPredicate(parameter)),
  ];
}

/** `*` (of `OPTIONS *`) is no path and matches nothing. The index asks only regular expressions; it finds the others by structure. */
export class PathPredicate implements Predicate {
  readonly #match: PathMatch;
  readonly #pattern: RegExp | undefined;

  constructor(match: PathMatch) {
    this.#match = match;
    this.#pattern = match.type === 'regex' ? compilePattern(match.value) : undefined;
  }

  matches({ path }: RouteRequest): boolean {
    const { type, value } = this.#match;
    switch (type) {
      case 'exact':
        return path === value;
      case 'prefix':
        return path.startsWith(value) && (value === '/' || path.length === value.length || path[value.length] === '/');
      case 'regex':
        return path.startsWith('/') && this.#pattern?.test(path) === true;
    }
  }

  mismatch({ path }: RouteRequest): string {
    const { type, value } = this.#match;
    switch (type) {
      case 'exact':
        return `path ${path} is not ${value}`;
      case 'prefix':
        return `path ${path} is not under ${value}`;
      case 'regex':
        return `path ${path} does not match the regular expression ${value}`;
    }
  }
}

const GRPC_CALL: Predicate = {
  matches: ({ headers, path }) => isCallPath(path) && isGrpcCall(headers),
  mismatch: ({ headers, path }) => {
    if (!isCallPath(path)) return `path ${path} is no /service/method`;
    const type = headers.get('content-type');
    return `it is no gRPC call: content-type is ${type === undefined ? 'absent' : `"${type}"`}`;
  },
};

/** Two segments, neither of them empty. */
function isCallPath(path: string): boolean {
  const slash = path.indexOf('/', 1);
  return slash > 1 && slash < path.length - 1 && path.indexOf('/', slash + 1) === -1;
}

class MethodPredicate implements Predicate {
  readonly #method: string;

  constructor(method: string) {
    this.#method = method;
  }

  matches({ method }: RouteRequest): boolean {
    return method === this.#method;
  }

  mismatch({ method }: RouteRequest): string {
    return `method is ${method}, not ${this.#method}`;
  }
}

class HeaderPredicate implements Predicate {
  readonly #name: string;
  readonly #value: ValuePattern;

  constructor({ type, name, value }: ValueMatch) {
    this.#name = name;
    // Header text is latin1, byte for byte; a value in a manifest is meant as UTF-8.
    this.#value = new ValuePattern({ type, value: Buffer.from(value, 'utf8').toString('latin1') });
  }

  matches(request: RouteRequest): boolean {
    return this.#value.matches(this.#read(request));
  }

  mismatch(request: RouteRequest): string {
    return `header ${this.#name} ${this.#value.mismatch(this.#read(request))}`;
  }

  /** Codecs take `host` out of the list. */
  #read({ authority, headers }: RouteRequest): string | undefined {
    return this.#name === 'host' ? authority : headers.getJoined(this.#name);
  }
}

class QueryPredicate implements Predicate {
  readonly #name: string;
  readonly #value: ValuePattern;

  constructor(match: ValueMatch) {
    this.#name = match.name;
    this.#value = new ValuePattern(match);
  }

  matches(_request: RouteRequest, query: QueryParameters): boolean {
    return this.#value.matches(query.get(this.#name));
  }

  mismatch(_request: RouteRequest, query: QueryParameters): string {
    return `query parameter ${this.#name} ${this.#value.mismatch(query.get(this.#name))}`;
  }
}

class ValuePattern {
  readonly #value: string;
  /** Absent where the value itself is expected. */
  readonly #pattern: RegExp | undefined;

  constructor({ type, value }: Pick<ValueMatch, 'type' | 'value'>) {
    this.#value = value;
    this.#pattern = type === 'regex' ? compilePattern(value) : undefined;
  }

  matches(value: string | undefined): boolean {
    if (value === undefined) return false;
    return this.#pattern === undefined ? value === this.#value : this.#pattern.test(value);
  }

  mismatch(value: string | undefined): string {
    if (value === undefined) return 'is absent';
    return this.#pattern === undefined
      ? `is "${value}", not "${this.#value}"`
      : `is "${value}", which does not match the regular expression ${this.#value}`;
  }
}

/** The translator refuses what does not compile; should such an expression come here all the same, it matches nothing. */
function compilePattern(source: string): RegExp {
  const compiled = compileLinearRegExp(source);
  return compiled instanceof RegExp ? compiled : NEVER;
}
