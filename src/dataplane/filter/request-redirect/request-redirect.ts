// RequestRedirect: the gateway answers with a Location. What the filter leaves open comes from the request; the port follows the
// scheme, and else the listener.
import type { RequestRedirectFilter } from '../../../ir/filter.ts';
import { HeaderList } from '../../header-list.ts';
import type { CompiledFilter } from '../filter.ts';
import { modifyPath } from '../path-modifier.ts';

const WELL_KNOWN_PORT = { http: 80, https: 443 } as const;

export function compileRequestRedirect(filter: RequestRedirectFilter): CompiledFilter {
  return {
    onRequest: ({ request, listenerPort, matchedPath }) => {
      const scheme = filter.scheme ?? request.scheme;
      const port = filter.port ?? (filter.scheme === undefined ? listenerPort : WELL_KNOWN_PORT[filter.scheme]);
      const suffix = port === WELL_KNOWN_PORT[scheme] ? '' : `:${port}`;
      const path = modifyPath(request.path, filter.path, matchedPath);
      const query = request.query === undefined ? '' : `?${request.query}`;
      const location = `${scheme}://${filter.hostname ?? request.host}${suffix}${path}${query}`;
      return { status: filter.statusCode, headers: new HeaderList(['location', location]) };
    },
  };
}
