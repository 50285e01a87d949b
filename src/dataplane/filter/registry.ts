// All filters, and THE order in which a request passes them; a response passes them the other way round. A new filter is a folder
// beside this file and a line here.
import type { Filter } from '../../ir/filter.ts';
import { compileCors } from './cors/cors.ts';
import type { CompiledFilter, FilterChain } from './filter.ts';
import { compileRequestHeaderModifier, compileResponseHeaderModifier } from './header-modifier/header-modifier.ts';
import { compileRequestMirror } from './request-mirror/request-mirror.ts';
import { compileRequestRedirect } from './request-redirect/request-redirect.ts';
import { compileUrlRewrite } from './url-rewrite/url-rewrite.ts';

type Compilers = { readonly [K in Filter['kind']]: (filter: Extract<Filter, { kind: K }>) => CompiledFilter };

/** The order of the keys is the order of execution. */
const COMPILERS: Compilers = {
  cors: compileCors,
  requestHeaderModifier: compileRequestHeaderModifier,
  requestMirror: compileRequestMirror,
  requestRedirect: compileRequestRedirect,
  urlRewrite: compileUrlRewrite,
  responseHeaderModifier: compileResponseHeaderModifier,
};

const ORDER: readonly string[] = Object.keys(COMPILERS);

const EMPTY_FILTER_CHAIN: FilterChain = { onRequest: [], onResponse: [] };

/** Filters of one kind keep their order in the spec. */
export function compileFilters(filters: readonly Filter[]): FilterChain {
  if (filters.length === 0) return EMPTY_FILTER_CHAIN;
  const ordered = filters.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const compiled = ordered.map((filter) => compileFilter(filter));
  return {
    onRequest: compiled.flatMap(({ onRequest }) => onRequest ?? []),
    onResponse: compiled.flatMap(({ onResponse }) => onResponse ?? []).reverse(),
  };
}

function compileFilter<K extends Filter['kind']>(filter: Extract<Filter, { kind: K }>): CompiledFilter {
  return (COMPILERS[filter.kind] as (filter: Extract<Filter, { kind: K }>) => CompiledFilter)(filter);
}
