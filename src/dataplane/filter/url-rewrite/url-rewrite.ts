// URLRewrite: the host and path that the backend sees.
import type { UrlRewriteFilter } from '../../../ir/filter.ts';
import type { CompiledFilter } from '../filter.ts';
import { modifyPath } from '../path-modifier.ts';

export function compileUrlRewrite({ hostname, path }: UrlRewriteFilter): CompiledFilter {
  return {
    onRequest: ({ request, matchedPath }) => {
      request.path = modifyPath(request.path, path, matchedPath);
      if (hostname !== undefined) request.authority = hostname;
      return undefined;
    },
  };
}
