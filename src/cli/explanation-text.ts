// An explanation as text: the outcome, what was chosen, and why the others were not.
import { redactHeaderValue } from '../observability/json-redaction.ts';
import type {
  BackendView,
  ExplainedRequest,
  Explanation,
  LostMatch,
  MatchView,
  Outcome,
  RouteView,
} from '../app/explanation.ts';
import type { Filter } from '../ir/filter.ts';
import type { PathMatch, RouteMatch, ValueMatch } from '../ir/route.ts';
import type { Channel } from './terminal.ts';

const LABEL_WIDTH = 'listener'.length;
const MAX_ENDPOINTS = 4;

export function isServed({ kind }: Outcome): boolean {
  return kind === 'forwarded' || kind === 'answered';
}

export function explanationJson(explanation: Explanation): string {
  return JSON.stringify(explanation, redactHeaderValue, 2);
}

export function explanationText(
  { outcome, listener, route, others, omittedOthers }: Explanation,
  { method, scheme, authority, target }: ExplainedRequest,
  style: Channel,
): string {
  const url = `${method} ${scheme}://${authority}${target}`;
  const lines = [style.strong(url), `  ${style[isServed(outcome) ? 'good' : 'bad'](outcomeText(outcome))}`, ''];
  if (listener !== undefined) {
    const { name, protocol, port, hostname } = listener;
    lines.push(field('listener', `${name} (${protocol}, port ${port}, hostname ${hostname})`));
  }
  if (route !== undefined) lines.push(...routeLines(route));
  if (others.length > 0) lines.push('', 'Other matches, and why each is not the one:');
  for (const other of others) lines.push(...lostLines(other, style));
  if (omittedOthers > 0) lines.push(`  … and ${omittedOthers} more`);
  return lines.join('\n').trimEnd();
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'forwarded': {
      const { path, query, authority } = outcome;
      return `forwarded as ${path}${query === undefined ? '' : `?${query}`} to host ${authority}`;
    }
    case 'answered': {
      const { status, location } = outcome;
      return `answered ${status} by a filter${location === undefined ? '' : `, location ${location}`}`;
    }
    case 'refused': {
      const { status, grpcStatus, message } = outcome;
      return `answered ${grpcStatus === undefined ? status : `grpc-status ${grpcStatus}`}: ${message}`;
    }
    case 'unreachable':
      return `not answered: ${outcome.message}`;
  }
}

function routeLines(route: RouteView): string[] {
  const { filters, backends, requestTimeoutMs, backendRequestTimeoutMs } = route;
  const timeouts = [
    ...(requestTimeoutMs === 0 ? [] : [`request ${requestTimeoutMs} ms`]),
    ...(backendRequestTimeoutMs === 0 ? [] : [`each try ${backendRequestTimeoutMs} ms`]),
  ];
  return [
    field('route', `${route.route} (hostname ${route.hostname})`),
    field('rule', route.rule),
    field('match', matchText(route.match)),
    ...fields('filters', filters.map(filterText)),
    ...fields('backends', backends.flatMap(backendLines)),
    ...fields('timeouts', timeouts.length === 0 ? [] : [timeouts.join(', ')]),
  ];
}

function lostLines(other: LostMatch, style: Channel): string[] {
  return [`  ${matchName(other)}`, `    ${style.faint(other.reason)}`];
}

/** `HTTPRoute shop/cart, rule 0: path under /cart` */
function matchName({ route, rule, match }: MatchView): string {
  return `${route}, rule ${rule}: ${matchText(match)}`;
}

function matchText({ path, rpc, method, headers, queryParams }: RouteMatch): string {
  return [
    rpc === undefined ? `path ${PATH_WORDS[path.type]}${path.value}` : rpcText(path, rpc),
    ...(method === undefined ? [] : [`method ${method}`]),
    ...headers.map((header) => `header ${valueText(header)}`),
    ...queryParams.map((parameter) => `query parameter ${valueText(parameter)}`),
  ].join(', ');
}

/** `gRPC service shop.v1.Cart, method Add` */
function rpcText({ type }: PathMatch, { service, method }: NonNullable<RouteMatch['rpc']>): string {
  const like = type === 'regex' ? 'like ' : '';
  const parts = [
    ...(service === '' ? [] : [`service ${like}${service}`]),
    ...(method === '' ? [] : [`method ${like}${method}`]),
  ];
  return `gRPC ${parts.length === 0 ? 'any method' : parts.join(', ')}`;
}

const PATH_WORDS = { exact: '', prefix: 'under ', regex: 'like ' } as const;

function valueText({ type, name, value }: ValueMatch): string {
  return `${name} ${type === 'exact' ? '=' : '~'} ${value}`;
}

/** As in the IR: its kind, and what is set of it. */
function filterText({ kind, ...settings }: Filter): string {
  return `${kind} ${JSON.stringify(settings, redactHeaderValue)}`;
}

function backendLines({ name, weight, share, endpoints, refusal, filters }: BackendView): string[] {
  const shown = endpoints.slice(0, MAX_ENDPOINTS).join(', ');
  const rest = endpoints.length > MAX_ENDPOINTS ? ` and ${endpoints.length - MAX_ENDPOINTS} more` : '';
  const target = refusal === undefined ? `${shown}${rest}` : `answers ${refusal.status} (${refusal.code})`;
  return [
    `${percentage(share)}  ${name} (weight ${weight}): ${target}`,
    ...filters.map((filter) => `        ${filterText(filter)}`),
  ];
}

function percentage(share: number): string {
  return `${(share * 100).toFixed(1)} %`.padStart('100.0 %'.length);
}

function fields(label: string, values: readonly string[]): string[] {
  return values.map((value, index) => field(index === 0 ? label : '', value));
}

function field(label: string, value: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}  ${value}`;
}
