// CORS (GEP-1767, Fetch standard): the gateway answers preflights, and adds what a browser needs to the answers of the backend,
// whose own CORS fields it replaces.
import type { CorsFilter } from '../../../ir/filter.ts';
import type { RequestHead } from '../../exchange.ts';
import { HeaderList } from '../../header-list.ts';
import type { CompiledFilter, LocalResponse } from '../filter.ts';
import { compileOrigins } from './origin.ts';

const RESPONSE_FIELDS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
] as const;

export function compileCors(filter: CorsFilter): CompiledFilter {
  const isAllowedOrigin = compileOrigins(filter.allowOrigins);
  const exposeHeaders = filter.exposeHeaders.join(', ');

  /** Fields that preflights and answers share; the origin is echoed, as `*` and credentials exclude each other. */
  function addShared(headers: HeaderList, origin: string): void {
    headers.append('access-control-allow-origin', origin);
    if (filter.allowCredentials) headers.append('access-control-allow-credentials', 'true');
    // With credentials `*` would name a header called "*".
    if (exposeHeaders !== '' && !(filter.allowCredentials && exposeHeaders === '*')) {
      headers.append('access-control-expose-headers', exposeHeaders);
    }
  }

  function preflight(request: RequestHead, origin: string): LocalResponse {
    const headers = new HeaderList(['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers']);
    if (!isAllowedOrigin(origin)) return { status: 204, headers };
    addShared(headers, origin);
    const method = request.headers.get('access-control-request-method');
    const methods = allowed(filter.allowMethods, method);
    if (methods !== undefined) headers.append('access-control-allow-methods', methods);
    const requested = request.headers.getJoined('access-control-request-headers');
    const names = requested === undefined ? undefined : allowed(filter.allowHeaders, requested);
    if (names !== undefined) headers.append('access-control-allow-headers', names);
    headers.append('access-control-max-age', String(filter.maxAgeSeconds));
    return { status: 204, headers };
  }

  return {
    onRequest: (context) => {
      const { request } = context;
      const origin = request.headers.get('origin');
      context.corsOrigin = origin;
      return origin !== undefined && isPreflight(request) ? preflight(request, origin) : undefined;
    },
    onResponse: ({ request, corsOrigin }, { headers }) => {
      // Our own answer passes here too, and is complete.
      if (isPreflight(request)) return;
      for (const name of RESPONSE_FIELDS) headers.remove(name);
      addVaryOrigin(headers);
      if (corsOrigin !== undefined && isAllowedOrigin(corsOrigin)) addShared(headers, corsOrigin);
    },
  };
}

function isPreflight({ method, headers }: RequestHead): boolean {
  return method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method');
}

/** The configured list, or for `*` what was asked for: that is right with and without credentials. Undefined: allow nothing. */
function allowed(configured: readonly string[], requested: string | undefined): string | undefined {
  if (configured.length === 0) return undefined;
  if (configured.length === 1 && configured[0] === '*') return requested;
  return configured.join(', ');
}

function addVaryOrigin(headers: HeaderList): void {
  const vary = headers.getJoined('vary');
  if (vary === undefined) headers.append('vary', 'Origin');
  else if (!/(^|[\t ,])(\*|origin)([\t ,]|$)/i.test(vary)) headers.append('vary', 'Origin');
}
