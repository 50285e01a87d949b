// A FilterContext made by hand, and what a test wants to see of an answer.
import type { RequestHead, ResponseHead } from '../../../../src/dataplane/exchange.ts';
import type { FilterContext, LocalResponse } from '../../../../src/dataplane/filter/filter.ts';
import { HeaderList } from '../../../../src/dataplane/header-list.ts';
import type { PathMatch } from '../../../../src/ir/route.ts';

export interface ContextSetup {
  readonly method?: string;
  readonly scheme?: 'http' | 'https';
  readonly authority?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly listenerPort?: number;
  /** The prefix that the match named; default `/`. */
  readonly prefix?: string;
}

export interface HandMadeContext extends FilterContext {
  /** Clusters that a copy was sent to, with the request as it was then. */
  readonly mirrored: (readonly [cluster: string, path: string, fields: readonly string[]])[];
}

export function context(setup: ContextSetup = {}): HandMadeContext {
  const { authority = 'example.org', path = '/', headers = [], listenerPort = 80, prefix = '/' } = setup;
  const request: RequestHead = {
    method: setup.method ?? 'GET',
    path,
    query: setup.query,
    scheme: setup.scheme ?? 'http',
    authority,
    host: authority.replace(/:\d+$/, ''),
    headers: new HeaderList(headers.flat()),
  };
  const matchedPath: PathMatch = { type: 'prefix', value: prefix };
  const mirrored: HandMadeContext['mirrored'] = [];
  return {
    request,
    listenerPort,
    matchedPath,
    corsOrigin: undefined,
    mirrored,
    mirror: (cluster) => mirrored.push([cluster, request.path, [...request.headers.fields]]),
  };
}

export function response(...headers: readonly (readonly [name: string, value: string])[]): ResponseHead {
  return { status: 200, headers: new HeaderList(headers.flat()) };
}

/** `name: value` of every field, in order. */
export function lines({ headers }: LocalResponse | ResponseHead | RequestHead): string[] {
  const { fields } = headers;
  return Array.from({ length: fields.length / 2 }, (_, index) => `${fields[2 * index]}: ${fields[2 * index + 1]}`);
}
