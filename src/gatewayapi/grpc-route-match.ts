// The matches of a GRPCRoute's rule: a gRPC method is the path `/service/method` over HTTP/2.
import type { GRPCMethodMatch, GRPCRouteMatch } from '../api/generated/grpc-route.ts';
import type { PathMatch, RouteMatch } from '../ir/route.ts';
import { checkRegExp, compileHeaders } from './http-route-match.ts';
import type { Problem } from './object-status.ts';
import { quote } from './quote.ts';
import { unsupportedValue } from './route-condition.ts';

/** What the CRD lets through in an exact match: no other path in disguise. */
const SERVICE_NAME = /^\.?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;
const METHOD_NAME = /^[A-Za-z_]\w*$/;

const ANY_NAME = '[^/]+';
const IGNORE_CASE = '(?i)';

interface Rpc {
  /** `''`: any. */
  readonly service: string;
  readonly method: string;
}

/** Reports what is wrong; undefined where the match can't be compiled. */
export function compileGrpcMatch(
  { method: wanted, headers = [] }: GRPCRouteMatch,
  field: string,
  problems: Problem[],
): RouteMatch | undefined {
  const found: Problem[] = [];
  const { type = 'Exact', service = '', method = '' }: Partial<GRPCMethodMatch> = wanted ?? {};
  const rpc = { service, method };
  const path = type === 'Exact' ? exactPath(rpc, `${field}.method`, found) : regexPath(rpc, `${field}.method`, found);
  const compiledHeaders = compileHeaders(headers, `${field}.headers`, found);
  problems.push(...found);
  return found.length > 0 ? undefined : { path, rpc, headers: compiledHeaders, queryParams: [] };
}

function exactPath({ service, method }: Rpc, field: string, problems: Problem[]): PathMatch {
  if (service !== '' && !SERVICE_NAME.test(service))
    problems.push(unsupportedValue(`${field}.service`, `${quote(service)} is not the name of a gRPC service`));
  if (method !== '' && !METHOD_NAME.test(method))
    problems.push(unsupportedValue(`${field}.method`, `${quote(method)} is not the name of a gRPC method`));
  if (method === '') return { type: 'prefix', value: `/${service}` };
  if (service === '') return { type: 'regex', value: `/${ANY_NAME}/${method}` };
  return { type: 'exact', value: `/${service}/${method}` };
}

function regexPath({ service, method }: Rpc, field: string, problems: Problem[]): PathMatch {
  const value = `/${regexPart(service, `${field}.service`, problems)}/${regexPart(method, `${field}.method`, problems)}`;
  // Each part is linear by itself; both together may hold too much.
  if (problems.length === 0) checkRegExp(value, field, problems);
  return { type: 'regex', value };
}

/** Anchors at the ends of an expression say what holds anyway; inside the path's they would match nothing. */
function regexPart(source: string, field: string, problems: Problem[]): string {
  if (source === '') return ANY_NAME;
  if (source.startsWith(IGNORE_CASE))
    problems.push(unsupportedValue(field, `${IGNORE_CASE} is not supported here: names in gRPC differ by case`));
  else checkRegExp(source, field, problems);
  return `(?:${source.replace(/^\^/, '').replace(/(?<!\\)\$$/, '')})`;
}
