// The matches of a rule: values brought into the form that requests are brought into, regular expressions proved linear.
import type {
  HTTPHeaderMatch,
  HTTPPathMatch,
  HTTPQueryParamMatch,
  HTTPRouteMatch,
} from '../api/generated/http-route.ts';
import type { PathMatch, RouteMatch, ValueMatch } from '../ir/route.ts';
import { normalizePath } from '../lib/http-path.ts';
import { compileLinearRegExp } from '../lib/linear-regexp.ts';
import { isCodecField } from './header-name.ts';
import type { Problem } from './object-status.ts';
import { quote } from './quote.ts';
import { unsupportedValue } from './route-condition.ts';

/** Reports what is wrong; undefined where the match can't be compiled. */
export function compileMatch(match: HTTPRouteMatch, field: string, problems: Problem[]): RouteMatch | undefined {
  const found: Problem[] = [];
  const path = compilePath(match.path, `${field}.path`, found);
  const headers = compileHeaders(match.headers ?? [], `${field}.headers`, found);
  const queryParams = compileQueryParams(match.queryParams ?? [], `${field}.queryParams`, found);
  problems.push(...found);
  if (found.length > 0 || path === undefined) return undefined;
  return { path, ...(match.method === undefined ? {} : { method: match.method }), headers, queryParams };
}

function compilePath({ type, value }: HTTPPathMatch, field: string, problems: Problem[]): PathMatch | undefined {
  if (type === 'RegularExpression') {
    checkRegExp(value, `${field}.value`, problems);
    return { type: 'regex', value };
  }
  const normalized = normalizePath(value);
  if (typeof normalized !== 'string') {
    problems.push(unsupportedValue(`${field}.value`, `${normalized.problem}, so that no request could match`));
    return undefined;
  }
  return type === 'Exact'
    ? { type: 'exact', value: normalized }
    : { type: 'prefix', value: withoutEndSlash(normalized) };
}

/** `/a/` and `/a` mean the same as prefixes. */
function withoutEndSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Of equivalent names the first counts. */
export function compileHeaders(
  matches: readonly HTTPHeaderMatch[],
  field: string,
  problems: Problem[],
): readonly ValueMatch[] {
  const byName = new Map<string, ValueMatch>();
  for (const [index, match] of matches.entries()) {
    const name = match.name.toLowerCase();
    if (byName.has(name)) continue;
    if (isCodecField(name)) {
      const why = name === 'host' ? 'Host is matched by spec.hostnames' : `${quote(name)} belongs to the connection`;
      problems.push(unsupportedValue(`${field}[${index}].name`, `${why} and can't be matched here`));
    }
    byName.set(name, compileValue(match, name, `${field}[${index}].value`, problems));
  }
  return [...byName.values()];
}

function compileQueryParams(
  matches: readonly HTTPQueryParamMatch[],
  field: string,
  problems: Problem[],
): readonly ValueMatch[] {
  const byName = new Map<string, ValueMatch>();
  for (const [index, match] of matches.entries()) {
    if (byName.has(match.name)) continue;
    byName.set(match.name, compileValue(match, match.name, `${field}[${index}].value`, problems));
  }
  return [...byName.values()];
}

function compileValue(
  { type, value }: HTTPHeaderMatch | HTTPQueryParamMatch,
  name: string,
  field: string,
  problems: Problem[],
): ValueMatch {
  if (type === 'Exact') return { type: 'exact', name, value };
  checkRegExp(value, field, problems);
  return { type: 'regex', name, value };
}

export function checkRegExp(source: string, field: string, problems: Problem[]): void {
  const compiled = compileLinearRegExp(source);
  if ('problem' in compiled) problems.push(unsupportedValue(field, compiled.problem));
}
